import {RESULT_METADATA, type HandOver} from '../../../worker/contract.ts'
import type {Context} from '../ports/context.ts'
import type {StoredObject} from '../ports/objects.ts'
import type {FileStatus} from './files.ts'
import {advised} from './reason.ts'
import {commandFor, suggest} from '../suggestion.ts'

const REASONS: ReadonlyMap<string | undefined, string> = new Map(
  Object.entries({
    size: 'too large for a delivery',
    prediction: 'expected to outlast a delivery',
    deadline: 'not done within its delivery',
  } satisfies Record<HandOver['reason'], string>),
)

/** State of a file that was handed over to a job. */
export type HandedOver = Pick<FileStatus, 'attempts' | 'job' | 'error'> & {
  readonly state: 'running' | 'failed'
}

/**
 * Determines the state of a file without a result that was handed over to a job.
 * @param mark its `job.json`, if there is one
 * @param reprocessId of the request in question; `undefined`: any
 * @returns `undefined` if no job has it, or its execution succeeded: then its output decides
 */
export async function readHandOver(
  object: string,
  generation: string,
  mark: StoredObject | undefined,
  {cloud, pipeline}: Pick<Context, 'cloud' | 'pipeline'>,
  reprocessId?: string,
): Promise<HandedOver | undefined> {
  const metadata = mark?.metadata ?? {}
  const execution = metadata[RESULT_METADATA.execution]
  if (execution === undefined || metadata[RESULT_METADATA.sourceGeneration] !== generation) return undefined
  if (reprocessId !== undefined && metadata[RESULT_METADATA.reprocessId] !== reprocessId) return undefined
  const state = await cloud.jobs.execution(pipeline.names.job, execution)
  if (state === undefined || state.state === 'succeeded') return undefined
  const reason = REASONS.get(metadata[RESULT_METADATA.handOver])
  const common = {
    attempts: Number(metadata[RESULT_METADATA.attempt] ?? 1),
    job: {execution, startedAt: state.createdAt, ...(reason === undefined ? {} : {reason})},
  }
  if (state.state === 'running') return {...common, state: 'running'}
  return {
    ...common,
    state: 'failed',
    error: {
      code: 'job-failed',
      message: `The job gave up on it: ${advised(state.problem ?? 'no reason was given.')}`,
      suggestions: [
        suggest`See its logs: ${commandFor('logs', object)}`,
        suggest`Try it again: ${commandFor('reprocess', object)}`,
      ],
      object,
      generation,
    },
  }
}
