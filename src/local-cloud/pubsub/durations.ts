import {ApiError} from '../wire/api-error.ts'

/** Milliseconds of a google.protobuf.Duration in JSON (`600s`, `0.5s`). @throws ApiError INVALID_ARGUMENT */
export function milliseconds(duration: string): number {
  const seconds = /^(?<seconds>-?\d+(?:\.\d{1,9})?)s$/.exec(duration)?.groups?.['seconds']
  if (seconds === undefined) throw new ApiError('INVALID_ARGUMENT', `Invalid duration "${duration}".`)
  return Math.round(Number(seconds) * 1000)
}

/**
 * Milliseconds of a duration that must be within bounds (in seconds).
 * @throws ApiError INVALID_ARGUMENT that names the field
 */
export function boundedMilliseconds(field: string, duration: string, least: number, most: number): number {
  const ms = milliseconds(duration)
  if (ms >= least * 1000 && ms <= most * 1000) return ms
  throw new ApiError(
    'INVALID_ARGUMENT',
    `Invalid ${field}: ${duration} is not between ${least}s and ${most}s.`,
  )
}
