import {randomUUID} from 'node:crypto'
import {type Context} from './ports/context.ts'
import {AppError} from './errors.ts'
import {eachOf} from './parallel.ts'
import {isUnheardOf} from './files/files.ts'
import {notificationOf} from './files/notification.ts'
import {readAllFiles, readNamedFiles} from './files/read-files.ts'
import {awaitedAgain, type AwaitedFile} from './files/wait.ts'
import {notSetUp} from './service/not-set-up.ts'

const AT_ONCE = 8

/** Which files are meant: these, or all that failed for good, or all that nothing was ever heard of. */
export type ReprocessSelection =
  | {readonly objects: readonly string[]}
  | {readonly failed: boolean; readonly missing: boolean}

/** A file to be notified of again. */
export interface Chosen {
  readonly object: string
  /** No delivery was ever seen: its event may be lost, or late. */
  readonly isMissing: boolean
}

export interface ReprocessResult {
  /** Notified again, each with what to wait for. */
  readonly notified: readonly AwaitedFile[]
  /** Deleted since they were chosen. */
  readonly gone: readonly string[]
}

/**
 * The files that a selection means now; changes nothing.
 * @throws AppError `object-unknown`, `not-set-up`
 */
export async function chooseFiles(selection: ReprocessSelection, context: Context): Promise<Chosen[]> {
  try {
    if ('objects' in selection) {
      const files = await readNamedFiles([...new Set(selection.objects)], context)
      return files.map(({object}) => ({object, isMissing: false}))
    }
    const files = await readAllFiles(context)
    return files.flatMap((file) => {
      const isMissing = isUnheardOf(file)
      const isMeant = (selection.missing && isMissing) || (selection.failed && file.state === 'failed')
      return isMeant ? [{object: file.object, isMissing}] : []
    })
  } catch (error) {
    throw error instanceof AppError && error.code === 'not-found' ? notSetUp(context, error) : error
  }
}

/**
 * Publishes a notification for the live generation of each file. It carries a `reprocess-id`, so that the worker does
 * again what is done; not so for a missing one, whose first notification would do the work a second time if it were
 * only late.
 */
export async function reprocess(files: readonly Chosen[], context: Context): Promise<ReprocessResult> {
  const {cloud, pipeline, signal, step} = context
  const {inputBucket, topic} = pipeline.names
  const id = randomUUID()
  const notified: AwaitedFile[] = []
  const gone: string[] = []
  await eachOf(files, AT_ONCE, async ({object, isMissing}) => {
    signal.throwIfAborted()
    const input = await cloud.objects.stat(inputBucket, object)
    if (input === undefined) {
      gone.push(object)
      return
    }
    const reprocessId = isMissing ? undefined : id
    const awaited = await awaitedAgain(input, reprocessId, context)
    await cloud.messages.publish(topic, notificationOf(input, reprocessId), {signal})
    notified.push(awaited)
    step(object)
  })
  return {notified, gone}
}
