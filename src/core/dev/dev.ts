import {RESERVED_PREFIX} from '../../../worker/contract.ts'
import type {Context} from '../ports/context.ts'
import {deploy} from '../deploy/deploy.ts'
import {AppError, type ErrorCode} from '../errors.ts'
import {isUnheardOf, type FileStatus} from '../files/files.ts'
import type {LogLine} from '../ports/logs.ts'
import type {ServiceState} from '../ports/services.ts'
import {reprocess} from '../reprocess.ts'
import {setup} from '../setup/setup.ts'
import type {PlannedModel} from '../model/plan-model.ts'
import {followPipeline} from './follow-pipeline.ts'
import {watchFolder} from './watch-folder.ts'

/** What happens while a worker is being written. */
export type DevEvent =
  /** `changed`: paths in the worker's folder; none at the beginning. */
  | {readonly event: 'building'; readonly changed: readonly string[]}
  /** From the change to the revision that serves. */
  | {
      readonly event: 'ready'
      readonly revision: string
      readonly image: string
      readonly durationMs: number
      /** The worker is the same as before. */
      readonly unchanged: boolean
    }
  /** Nothing of it was deployed; `revision` goes on, if there is one. */
  | {
      readonly event: 'failed'
      readonly code: ErrorCode
      readonly message: string
      readonly revision: string | undefined
    }
  | {readonly event: 'reprocessed'; readonly objects: readonly string[]}
  | {readonly event: 'file'; readonly file: FileStatus}
  | {readonly event: 'log'; readonly line: LogLine}

export interface DevRequest {
  /** Absolute folder of the user's own worker; `undefined`: the packaged one, which does not change. */
  readonly workerFolder: string | undefined
  readonly model: PlannedModel | undefined
  /** Whether files that failed are done again by each new revision. */
  readonly reprocess: boolean
  readonly tell: (event: DevEvent) => void
}

/** What saving another version of the worker mends. */
const MENDABLE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'worker-build-failed',
  'worker-missing',
  'deploy-failed',
  'canary-failed',
  'locked',
])

/**
 * Makes the pipeline, then deploys the worker again whenever a file of it is saved, and tells of its log and of its
 * files, until the signal. A version that cannot be built, or does not start, leaves the one before in place.
 * @throws AppError where the pipeline cannot be made, or is there no more; the signal's reason
 */
export async function dev(request: DevRequest, context: Context): Promise<void> {
  const {workerFolder, tell} = request
  await using changes = workerFolder === undefined ? undefined : await watchExisting(workerFolder)
  const ended = new AbortController()
  const signal = AbortSignal.any([context.signal, ended.signal])
  const inner: Context = {...context, signal}
  const follower = followPipeline(inner)
  const build = createBuild(request, inner, () => follower.files)

  await build([])
  const parts = [
    follower.run({
      // Nobody who writes a worker has asked for the canary.
      line: (line) => line.object?.startsWith(RESERVED_PREFIX) || tell({event: 'log', line}),
      file: (file) => tell({event: 'file', file}),
    }),
    ...(changes === undefined
      ? []
      : [
          (async () => {
            for (;;) await build(await changes.next(signal))
          })(),
        ]),
  ]
  try {
    await Promise.all(parts)
  } catch (error) {
    context.signal.throwIfAborted()
    throw error
  } finally {
    ended.abort()
    await Promise.allSettled(parts)
  }
}

async function watchExisting(folder: string) {
  return watchFolder(folder).catch((cause: unknown) => {
    throw new AppError(`The worker's folder ${folder} cannot be watched.`, {
      code: 'worker-missing',
      suggestions: ['Make a worker: cloud-runner init', 'Or name its folder by the setting "worker".'],
      cause,
    })
  })
}

/** Builds and deploys. Until the first worker serves, the whole pipeline is set up. */
function createBuild(
  {workerFolder, model, reprocess: again, tell}: DevRequest,
  context: Context,
  files: () => readonly FileStatus[],
): (changed: readonly string[]) => Promise<void> {
  const {signal} = context
  let serving: ServiceState | undefined
  return async (changed) => {
    const began = performance.now()
    tell({event: 'building', changed})
    try {
      const made: {service: ServiceState; image: string; unchanged: boolean} =
        serving === undefined
          ? {...(await setup({workerFolder, model}, context)), unchanged: false}
          : await deploy({workerFolder}, context)
      serving = made.service
      const durationMs = performance.now() - began
      const revision = serving.latestReadyRevision ?? ''
      tell({event: 'ready', revision, image: made.image, durationMs, unchanged: made.unchanged})
      if (again && !made.unchanged) await doAgain(files(), context, tell)
    } catch (error) {
      signal.throwIfAborted()
      const isMendable = workerFolder !== undefined && error instanceof AppError && MENDABLE.has(error.code)
      if (!isMendable) throw error
      const {code, message} = error
      tell({event: 'failed', code, message, revision: serving?.latestReadyRevision})
    }
  }
}

/** Those that failed for good, and those that were refused and wait for their next delivery. */
async function doAgain(
  files: readonly FileStatus[],
  context: Context,
  tell: DevRequest['tell'],
): Promise<void> {
  const failed = files.filter(
    (file) =>
      file.state === 'failed' || file.state === 'dead' || (file.state === 'waiting' && !isUnheardOf(file)),
  )
  if (failed.length === 0) return
  const chosen = failed.map(({object}) => ({object, isMissing: false}))
  const {notified} = await reprocess(chosen, context)
  tell({event: 'reprocessed', objects: notified.map(({object}) => object)})
}
