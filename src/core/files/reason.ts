import type {LogLine} from '../ports/logs.ts'
import {placeOf} from './fault.ts'
import type {LastError} from './files.ts'

/** What Cloud Run adds to a reason, and what stands in its place: the setting by its name here. */
const ADVICE: readonly (readonly [RegExp, string])[] = [
  [
    /\. Consider increasing the memory limit.*$/s,
    ': raise the setting "memory", or hold less of the file at a time.',
  ],
  [
    /\. To change this limit, see .*request-timeout.*$/s,
    ': raise the setting "requestTimeout", or do less per file.',
  ],
  [/\. Additional troubleshooting documentation.*$/s, '.'],
]

/**
 * Why an attempt ended without a result, as far as a line says it.
 * @returns the error, and its weight among those of one attempt: the worker knows best, then what became of its
 * container, then what became of the request
 */
export function reasonIn(line: LogLine): {readonly error: LastError; readonly weight: number} | undefined {
  const {source, message, status, time, fields} = line
  if (source === 'system') return {error: {message: advised(message), at: time}, weight: 2}
  if (source === 'requests') {
    if (status === undefined || status < 400) return undefined
    // The answer was the container's own.
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
        .replace(/^(?:refused, to be delivered again|not done by this attempt of the job): /, '')
        .replace(/\n[^]*$/, ''),
      ...(place === undefined ? {} : {place}),
      at: time,
    },
    weight: 3,
  }
}

function advised(message: string): string {
  return ADVICE.reduce((text, [advice, ours]) => text.replace(advice, ours), message)
}
