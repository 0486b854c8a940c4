import type {LogLine} from '../ports/logs.ts'
import {placeOf} from './fault.ts'
import type {LastError} from './files.ts'

/** What Cloud Run adds to a reason, and its replacement, which names our setting. */
const ADVICE: readonly (readonly [RegExp, string])[] = [
  [
    /\. Consider increasing the memory limit.*$/s,
    ': raise the setting "memory", or keep less of the file in memory.',
  ],
  [
    /\. To change this limit, see .*request-timeout.*$/s,
    ': raise the setting "requestTimeout", or do less per file.',
  ],
  [/\. Additional troubleshooting documentation.*$/s, '.'],
]

/**
 * Why an attempt ended without a result, if a line says so.
 * @returns the error, and its weight among those of one attempt: the worker knows best, then what happened to its
 * container, then what happened to the request
 */
export function reasonIn(line: LogLine): {readonly error: LastError; readonly weight: number} | undefined {
  const {source, message, status, time, fields} = line
  if (source === 'system') return {error: {message: advised(message), at: time}, weight: 2}
  if (source === 'requests') {
    if (status === undefined || status < 400) return undefined
    // The container itself sent this response.
    const isBare = /^[A-Z]+ \S+ \d+$/.test(message)
    return {
      error: {
        message: isBare ? `The worker answered with HTTP status ${status}.` : advised(message),
        at: time,
      },
      weight: isBare ? 0 : 1,
    }
  }
  if (fields['outcome'] !== 'refused') return undefined
  const stack = fields['stack_trace']
  const place = typeof stack === 'string' ? placeOf(stack) : undefined
  return {
    error: {
      message: message
        .replace(/^(?:refused, to be delivered again|the job's attempt failed): /, '')
        .replace(/\n[^]*$/, ''),
      ...(place === undefined ? {} : {place}),
      at: time,
    },
    weight: 3,
  }
}

/** A reason from Cloud Run, with the setting that changes it instead of a link. */
export function advised(message: string): string {
  return ADVICE.reduce((text, [advice, ours]) => text.replace(advice, ours), message)
}
