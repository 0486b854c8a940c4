import {setTimeout as delay} from 'node:timers/promises'
import {RESULT_METADATA, sidecarObject} from '../contract.ts'
import type {Parts} from '../processor.ts'
import {watchCancellation} from './cancellation.ts'
import {commitMetadata} from './commit-state.ts'
import {withLog} from './console.ts'
import type {Delivery} from './envelope.ts'
import {openInput} from './input.ts'
import type {Log} from './log.ts'
import {type Exchange, openExchange, removeParts, type Shared, type TaskOfSeveral} from './parts.ts'
import {isNotFound} from './storage/index.ts'
import type {Worker} from './worker.ts'

const LOOK_EVERY_MS = 1000
/** Without a sign of the first task for this long, which shows one every 20 seconds, it has ended or not started. */
const LONGEST_SILENCE_MS = 180_000

/**
 * Does the part of a task that is not the first: waits until the first one has published it, and writes it. The file
 * does not depend on it, since the first task writes what is missing; so there is nothing to do once that has ended.
 * @throws transient errors: Cloud Run retries the task
 */
export async function helpFirstTask(
  worker: Worker,
  delivery: Delivery,
  task: TaskOfSeveral,
  log: Log,
  shutdown: AbortSignal,
): Promise<void> {
  const {parts} = worker.processor
  if (parts === undefined) return
  const cancelled = new AbortController()
  const stopChecking = watchCancellation(worker, delivery, (reason) => cancelled.abort(reason))
  const signal = AbortSignal.any([shutdown, cancelled.signal])
  try {
    await withLog(log, () => help(worker, delivery, task, parts, log, signal))
  } catch (error) {
    if (!cancelled.signal.aborted) throw error
    log('INFO', 'The file was cancelled')
  } finally {
    stopChecking()
  }
}

async function help(
  worker: Worker,
  delivery: Delivery,
  {index, execution}: TaskOfSeveral,
  parts: Parts,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  const {storage, settings} = worker
  const {bucket, object, generation} = delivery.event
  const metadata = {...commitMetadata(delivery, new Date()), [RESULT_METADATA.execution]: execution}
  const exchange = openExchange(storage, settings.outputBucket, object, execution, metadata, signal)
  const isOver = () => hasEnded(worker, object, execution)
  const shared = await awaitPlan(exchange, isOver, signal)
  const part = shared?.parts[index]
  const name = {bucket, object, generation}
  const found = part === undefined ? undefined : await storage.find(name)
  if (shared === undefined || part === undefined || found === undefined) {
    log('INFO', `task ${index + 1} has no part to write`)
    return
  }
  if (await exchange.hasPart(part)) return
  const input = openInput(storage, name, found, signal, {known: shared.checksums})
  const startedMs = performance.now()
  try {
    await exchange.writePart(part, parts, input.file)
  } catch (error) {
    // What it has to know is removed at the end.
    if (!isNotFound(error) || !(await isOver())) throw error
  } finally {
    input.close()
  }
  // The first task may have written the part itself, and removed all parts before this one came.
  if (await isOver()) return removeParts(worker, delivery)
  const durationMs = Math.round(performance.now() - startedMs)
  log('INFO', `Wrote part ${index + 1} of ${shared.parts.length}`, {part: index + 1, durationMs})
}

/** What the first task has published; undefined if the first task has ended, or shows no sign of life. */
async function awaitPlan(
  exchange: Exchange,
  isOver: () => Promise<boolean>,
  signal: AbortSignal,
): Promise<Shared | undefined> {
  let seen: string | undefined
  let since = Date.now()
  for (;;) {
    const plan = await exchange.plan()
    if (plan?.shared !== undefined) return plan.shared
    if (plan === undefined && (seen !== undefined || (await isOver()))) return undefined
    if (plan?.generation !== seen) {
      seen = plan?.generation
      since = Date.now()
    } else if (Date.now() - since > LONGEST_SILENCE_MS) return undefined
    await delay(LOOK_EVERY_MS, undefined, {signal})
  }
}

/** Whether the execution has written the file's result or its fault. */
async function hasEnded({storage, settings}: Worker, object: string, execution: string): Promise<boolean> {
  const bucket = settings.outputBucket
  const ends = await Promise.all(
    [object, sidecarObject(object, 'error.json')].map((name) => storage.find({bucket, object: name})),
  )
  return ends.some((end) => end?.metadata[RESULT_METADATA.execution] === execution)
}
