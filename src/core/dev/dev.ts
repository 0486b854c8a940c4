import {RESERVED_PREFIX} from '../../../worker/contract.ts'
import type {Context} from '../ports/context.ts'
import type {Debugger} from '../command-worker/build.ts'
import {deploy} from '../deploy/deploy.ts'
import {AppError, type ErrorCode} from '../errors.ts'
import {isUndelivered, type FileStatus} from '../files/files.ts'
import type {LogLine} from '../ports/logs.ts'
import type {ServiceState} from '../ports/services.ts'
import {reprocess} from '../reprocess.ts'
import {setup} from '../setup/setup.ts'
import type {PlannedModel} from '../model/plan-model.ts'
import {followPipeline} from './follow-pipeline.ts'
import {watchFolder} from './watch-folder.ts'
import {command, suggest} from '../suggestion.ts'

/** An event during development of a worker. */
export type DevEvent =
  /** `changed`: paths in the worker's folder; empty for the first build. */
  | {readonly event: 'building'; readonly changed: readonly string[]}
  /** `durationMs` is from the change to the serving revision. */
  | {
      readonly event: 'ready'
      readonly revision: string
      readonly image: string
      readonly durationMs: number
      /** The worker is the same as before. */
      readonly unchanged: boolean
    }
  /** Nothing was deployed; `revision`, if any, keeps serving. */
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
  /** Absolute folder of a custom worker; `undefined`: the packaged one, which does not change. */
  readonly workerFolder: string | undefined
  readonly model: PlannedModel | undefined
  /** Whether each new revision reprocesses failed files. */
  readonly reprocess: boolean
  /** Debugger to start in each instance; no deadline applies then. */
  readonly debug?: Debugger | undefined
  readonly onEvent: (event: DevEvent) => void
}

/** Errors that saving another version of the worker can fix. */
const FIXABLE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'worker-build-failed',
  'worker-missing',
  'deploy-failed',
  'canary-failed',
  'locked',
])

/**
 * Creates the pipeline, deploys the worker again whenever one of its files is saved, and reports logs and files until
 * the signal aborts. A version that cannot be built or does not start leaves the previous one in place.
 * @throws AppError if the pipeline cannot be created or no longer exists; the signal's reason
 */
export async function dev(request: DevRequest, context: Context): Promise<void> {
  const {workerFolder, onEvent} = request
  await using changes = workerFolder === undefined ? undefined : await watchExisting(workerFolder)
  const ended = new AbortController()
  const signal = AbortSignal.any([context.signal, ended.signal])
  const inner: Context = {...context, signal}
  const follower = followPipeline(inner)
  const build = createBuild(request, inner, () => follower.files)

  await build([])
  const parts = [
    follower.run({
      // The canary does not matter here.
      line: (line) => line.object?.startsWith(RESERVED_PREFIX) || onEvent({event: 'log', line}),
      file: (file) => onEvent({event: 'file', file}),
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
      suggestions: [suggest`Create a worker: ${command('init')}`, 'Or set "worker" to its folder.'],
      cause,
    })
  })
}

/** Builds and deploys. Sets up the whole pipeline until the first worker serves. */
function createBuild(
  {workerFolder, model, reprocess: again, debug, onEvent}: DevRequest,
  context: Context,
  files: () => readonly FileStatus[],
): (changed: readonly string[]) => Promise<void> {
  const {signal} = context
  let serving: ServiceState | undefined
  return async (changed) => {
    const startedAt = performance.now()
    onEvent({event: 'building', changed})
    try {
      const deployed: {service: ServiceState; image: string; unchanged: boolean} =
        serving === undefined
          ? {...(await setup({workerFolder, model, debug}, context)), unchanged: false}
          : await deploy({workerFolder, debug}, context)
      serving = deployed.service
      const durationMs = performance.now() - startedAt
      const revision = serving.latestReadyRevision ?? ''
      onEvent({event: 'ready', revision, image: deployed.image, durationMs, unchanged: deployed.unchanged})
      if (again && !deployed.unchanged) await reprocessFailed(files(), context, onEvent)
    } catch (error) {
      signal.throwIfAborted()
      const isFixable = workerFolder !== undefined && error instanceof AppError && FIXABLE.has(error.code)
      if (!isFixable) throw error
      const {code, message} = error
      onEvent({event: 'failed', code, message, revision: serving?.latestReadyRevision})
    }
  }
}

/** Reprocesses files that failed permanently, or were refused and wait for their next delivery. */
async function reprocessFailed(
  files: readonly FileStatus[],
  context: Context,
  onEvent: DevRequest['onEvent'],
): Promise<void> {
  const failed = files.filter(
    (file) =>
      file.state === 'failed' || file.state === 'dead' || (file.state === 'waiting' && !isUndelivered(file)),
  )
  if (failed.length === 0) return
  const chosen = failed.map(({object}) => ({object, isMissing: false}))
  const {notified} = await reprocess(chosen, context)
  onEvent({event: 'reprocessed', objects: notified.map(({object}) => object)})
}
