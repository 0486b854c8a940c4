import type {AccessControl} from '../iam/access.ts'
import type {State} from '../state/state.ts'
import {ApiError} from '../wire/api-error.ts'
import type {Call} from '../wire/call.ts'
import type {Clock, Timer} from '../wire/clock.ts'
import type {RpcService} from '../wire/rpc.ts'
import {createCompletion} from './complete.ts'
import {type CompleteEntry, createEntries, type Entries} from './entries.ts'
import {createEntryLister, createLogLister} from './list.ts'
import type {LogSink} from './log-sink.ts'
import {parentOfLog} from './names.ts'
import {createSink} from './sink.ts'
import {createTails} from './tail.ts'
import {createWriter, RETENTION_MS} from './write.ts'

export {loggingSchema} from './schema.ts'

const DAY_MS = 24 * 3_600_000

export interface Logging extends AsyncDisposable {
  readonly services: readonly RpcService[]
  /** Where the other services of the local cloud write. */
  readonly sink: LogSink
}

/** Cloud Logging: google.logging.v2.LoggingServiceV2 over entries in the state; README.md says what is served. */
export function createLogging({
  state,
  clock,
  access,
}: {
  state: State
  clock: Clock
  access: AccessControl
}): Logging {
  const entries = createEntries(state)
  const complete = createCompletion(clock)
  const tails = createTails({clock, access})
  const written = (kept: readonly CompleteEntry[]): void => tails.publish(kept)
  const sink = createSink({state, clock, entries, complete, written})
  const retention = startRetention({state, clock, entries})

  return {
    services: [
      {
        service: 'google.logging.v2.LoggingServiceV2',
        unary: {
          WriteLogEntries: createWriter({state, clock, access, entries, complete, written}),
          ListLogEntries: createEntryLister({access, entries}),
          ListLogs: createLogLister({access, entries}),
          DeleteLog: async ({logName = ''}: {logName?: string}, call: Call) => {
            access.require(call.principal, 'logging.logs.delete', parentOfLog(logName))
            const deleted = await state.write(() => entries.deleteLog(logName))
            if (deleted === 0) throw new ApiError('NOT_FOUND', `Log ${logName} does not exist.`)
            return {}
          },
        },
        streams: {TailLogEntries: tails.tail},
      },
    ],
    sink,
    async [Symbol.asyncDispose]() {
      retention.clear()
      await sink[Symbol.asyncDispose]()
    },
  }
}

/** Drops what is older than the retention, now and daily. */
function startRetention({state, clock, entries}: {state: State; clock: Clock; entries: Entries}): Timer {
  let timer: Timer
  const drop = (): void => {
    timer = clock.after(DAY_MS, drop)
    // What could not be dropped today is dropped tomorrow.
    state
      .write(() => entries.deleteBefore(new Date(clock.now() - RETENTION_MS).toISOString()))
      .catch(() => undefined)
  }
  drop()
  return {clear: () => timer.clear()}
}
