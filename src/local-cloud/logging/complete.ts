import type {Clock} from '../wire/clock.ts'
import type {CompleteEntry} from './entries.ts'
import type {LogEntry} from './log-sink.ts'

/**
 * Makes entries complete: the time of receipt, that time as timestamp if there is none, and an insert id that
 * sorts after earlier ones, so entries of one request stay in order
 * (google.logging.v2.WriteLogEntriesRequest.entries).
 */
export function createCompletion(clock: Clock): (entry: LogEntry) => CompleteEntry {
  let last = {milliseconds: 0, count: 0}
  const nextInsertId = (): string => {
    const now = clock.now()
    last = now > last.milliseconds ? {milliseconds: now, count: 0} : {...last, count: last.count + 1}
    return last.milliseconds.toString(36).padStart(9, '0') + last.count.toString(36).padStart(5, '0')
  }
  return (entry) => {
    const received = new Date(clock.now()).toISOString()
    return {
      ...entry,
      timestamp: entry.timestamp ?? received,
      receiveTimestamp: received,
      insertId: entry.insertId === undefined || entry.insertId === '' ? nextInsertId() : entry.insertId,
    }
  }
}
