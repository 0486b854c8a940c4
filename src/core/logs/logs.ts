import type {Context} from '../context.ts'
import type {LogLine} from '../ports.ts'

export interface LogsRequest {
  readonly object?: string | undefined
  /** `error` means this severity and above. Upper or lower case. */
  readonly severity?: string | undefined
  /** How far back, in milliseconds. */
  readonly sinceMs?: number | undefined
  /** Stay and follow until the signal. */
  readonly tail: boolean
  /** Lines at most, the newest; default 1000. Not with `tail` for lines that come. */
  readonly limit?: number
}

/** Log lines, oldest first; with `tail` the recent ones, then new ones as they come. Ends quietly at the signal. */
export async function* logs(request: LogsRequest, context: Context): AsyncGenerator<LogLine, void, void> {
  throw new Error(`not written yet ${String(request)} ${String(context)}`)
}
