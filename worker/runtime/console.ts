import {AsyncLocalStorage} from 'node:async_hooks'
import {formatWithOptions} from 'node:util'
import type {Log, Severity} from './log.ts'

/** The log of the file in hand, in everything that its processing starts. */
const current = new AsyncLocalStorage<Log>()

const SEVERITIES = {
  debug: 'DEBUG',
  log: 'INFO',
  info: 'INFO',
  warn: 'WARNING',
  error: 'ERROR',
  trace: 'DEBUG',
} satisfies Partial<Record<keyof Console, Severity>>

/** One line for an object, however large: the log has a line an entry. */
const ON_ONE_LINE = {breakLength: Infinity, compact: true}

/** Does the work of a file: what it writes to the console is logged under the file's labels. */
export function withLog<T>(log: Log, work: () => T): T {
  return current.run(log, work)
}

/**
 * Turns what code writes to the console into structured lines: one a call, with the labels of the file in hand.
 * @param log of lines that belong to no file
 */
export function logConsole(log: Log): void {
  const {console} = globalThis
  const methods = Object.entries(SEVERITIES).map(([method, severity]) => [
    method,
    (...values: unknown[]): void =>
      (current.getStore() ?? log)(severity, formatWithOptions(ON_ONE_LINE, ...values)),
  ])
  Object.assign(console, Object.fromEntries(methods))
}
