import type {State} from '../state/state.ts'
import type {Clock, Timer} from '../wire/clock.ts'
import type {CompleteEntry, Entries} from './entries.ts'
import type {LogEntry, LogSink} from './log-sink.ts'

const LARGEST_BATCH = 1000
/** While the disk refuses, at most this many entries wait; then the oldest are lost. */
const MOST_WAITING = 20_000
const RETRY_MS = 1000

/** The sink that services write to: takes entries at once, writes them in batches and announces them when durable. */
export function createSink({
  state,
  clock,
  entries,
  complete,
  written,
}: {
  state: State
  clock: Clock
  entries: Entries
  complete: (entry: LogEntry) => CompleteEntry
  written: (entries: readonly CompleteEntry[]) => void
}): LogSink & AsyncDisposable {
  let waiting: CompleteEntry[] = []
  let writing: Promise<void> | undefined
  let retry: Timer | undefined

  const drain = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, LARGEST_BATCH)
      waiting = waiting.slice(batch.length)
      try {
        written(await state.write(() => entries.insert(batch)))
      } catch {
        waiting = [...batch, ...waiting]
        retry = clock.after(RETRY_MS, start)
        return
      }
    }
  }
  const start = (): void => {
    retry = undefined
    writing ??= drain().finally(() => {
      writing = undefined
    })
  }

  return {
    append(added) {
      waiting.push(...added.map(complete))
      if (waiting.length > MOST_WAITING) waiting = waiting.slice(-MOST_WAITING)
      if (!retry) start()
    },
    async [Symbol.asyncDispose]() {
      retry?.clear()
      start()
      await writing
      retry?.clear()
    },
  }
}
