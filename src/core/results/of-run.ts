import {finished} from '../files/commits.ts'
import {departed} from '../files/departed.ts'
import type {FileStatus} from '../files/files.ts'
import {openRunObject, readRun} from '../history/run.ts'
import type {Run} from '../history/runs.ts'
import type {Context} from '../ports/context.ts'
import type {StoredObject} from '../ports/objects.ts'

/** How a file ended, and what was written of it. */
export interface Outcome {
  readonly file: FileStatus
  /** The result, or the list of outputs; `undefined` unless the file is done. */
  readonly commit: StoredObject | undefined
  /** Its `report.json`. */
  readonly report: StoredObject | undefined
  /** If it is the outcome of a certain run. */
  readonly run?: Run
}

/** @throws AppError `object-unknown`, `run-unknown`; `result-missing` if the run's result is gone */
export async function outcomeOfRun(object: string, number: number, context: Context): Promise<Outcome> {
  const run = await readRun(object, number, context)
  if (run.result === undefined) {
    return {file: await failedFile(object, run, context), commit: undefined, report: undefined, run}
  }
  const [commit, report] = await Promise.all([
    openRunObject(run, run.result, context),
    // Without it, the result can still be shown.
    run.report && context.cloud.objects.stat(run.report.bucket, run.report.object, run.report.generation),
  ])
  const {
    name,
    generation,
    sizeBytes,
    timeCreated: uploadedAt,
  } = departed(commit, run.inputGeneration, undefined)
  const input = {object: name, generation, sizeBytes, uploadedAt}
  const commits = {result: commit, error: undefined, report}
  return {file: finished(input, {kind: 'done', commit}, commits), commit, report, run}
}

async function failedFile(object: string, run: Run, {cloud, pipeline}: Context): Promise<FileStatus> {
  const {inputGeneration: generation, attempt: attempts, error} = run
  const input = await cloud.objects.stat(pipeline.names.inputBucket, object, generation)
  return {
    object,
    generation,
    sizeBytes: input?.sizeBytes ?? 0,
    uploadedAt: input?.timeCreated ?? run.endedAt,
    state: 'failed',
    attempts,
    hops: [],
    ...(error === undefined ? {} : {error}),
  }
}
