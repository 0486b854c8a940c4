import type {Tasks} from '../processor.ts'
import type {OpenedInput} from './input.ts'
import type {ObjectWriter} from './output.ts'
import {openExchange, type Shared, taskOfSeveral} from './parts.ts'
import type {Run} from './run.ts'
import type {ListedObject, WriteOptions} from './storage/index.ts'

/** Interval at which the first task shows the others that it works. */
const ANNOUNCE_EVERY_MS = 20_000

/** The first of several tasks, which the file's result depends on: it alone trains, completes missing parts, commits. */
export interface FirstTask {
  /** Passed to the process. */
  readonly tasks: Tasks
  /** The result, in one piece or in parts. */
  readonly result: ObjectWriter
  /** Call it when the attempt ends, however it ends; nothing is written once it has resolved. */
  stop(): Promise<void>
}

/**
 * Lets the process share the writing of its result with the other tasks of the execution.
 * @param whole takes the result if the process does not share it
 * @returns undefined if there are no other tasks, or the process needs none
 */
export function leadTasks(
  {worker, delivery, metadata, signal, log}: Run,
  input: OpenedInput,
  whole: ObjectWriter,
  target: () => WriteOptions,
): FirstTask | undefined {
  const task = taskOfSeveral(worker.environment)
  const {parts} = worker.processor
  if (task === undefined || parts === undefined) return undefined
  const {storage, settings} = worker
  const {object} = delivery.event
  const bucket = settings.outputBucket
  const exchange = openExchange(storage, bucket, object, task.execution, metadata, signal)

  const checksums = input.noteChecksums()
  let shared: Shared | undefined
  let sources: readonly ListedObject[] = []
  // One at a time, so that an earlier state never replaces a later one.
  let announced: Promise<unknown> = Promise.resolve()
  const announce = (): Promise<unknown> =>
    (announced = announced.catch(() => undefined).then(() => exchange.writePlan(shared)))
  const announceAgain = (): void => {
    // The next one follows.
    announce().catch(() => undefined)
  }
  announceAgain()
  const timer = setInterval(announceAgain, ANNOUNCE_EVERY_MS)

  return {
    tasks: {
      count: task.count,
      async share(inputs) {
        const all: string[] = []
        for (const bytes of inputs) all.push(await exchange.writeInput(all.length, bytes))
        shared = {parts: all, checksums: await checksums()}
        await announce()
        log('INFO', `Writing the result in ${all.length} parts`, {parts: all.length})
        // Tasks start in their order, so the last parts are the ones that still wait for theirs.
        const order = [...all.slice(0, 1), ...all.slice(1).toReversed()]
        for (;;) {
          const written = await exchange.written()
          const missing = order.find((part) => !written.has(part))
          if (missing === undefined) {
            const ofResult = all.flatMap((part) => written.get(part) ?? [])
            sources = ofResult.map(({bytes}) => bytes)
            return Promise.all(ofResult.map((part) => exchange.readOutput(part)))
          }
          await exchange.writePart(missing, parts, input.file)
        }
      },
    },
    result: {
      write: (chunk) => whole.write(chunk),
      flush: () => whole.flush(),
      get sizeBytes() {
        return shared === undefined
          ? whole.sizeBytes
          : sources.reduce((sum, {sizeBytes}) => sum + sizeBytes, 0)
      },
      async commit() {
        if (shared === undefined) return whole.commit()
        signal.throwIfAborted()
        return exchange.compose(sources, {bucket, object}, target())
      },
    },
    async stop() {
      clearInterval(timer)
      await announced.catch(() => undefined)
    },
  }
}
