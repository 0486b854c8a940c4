import {placeOf} from '../core/files/fault.ts'
import type {LogLine} from '../core/ports/logs.ts'
import {clock, style} from './format.ts'

type Color = Parameters<typeof style>[0]

const COLORS: Readonly<Record<string, Color>> = {
  DEBUG: 'dim',
  WARNING: 'yellow',
  ERROR: 'red',
  CRITICAL: 'red',
  ALERT: 'red',
  EMERGENCY: 'red',
}

/**
 * One log line: time, severity, object if lines of several are mixed, message, and where in the worker an error occurred.
 * @param now milliseconds since the epoch
 */
export function showLogLine(
  line: LogLine,
  options: {readonly withObject: boolean},
  now = Date.now(),
): string {
  const color = COLORS[line.severity]
  const severity = line.severity.padEnd(7)
  const object = options.withObject && line.object !== undefined ? `${line.object}: ` : ''
  const stack = line.fields['stack_trace']
  const at = typeof stack === 'string' ? placeOf(stack) : undefined
  const place = at === undefined ? '' : ` (${at})`
  return `${clock(line.time, now)} ${color === undefined ? severity : style(color, severity)} ${object}${line.message}${place}`
}
