import {AppError, EXIT} from '../core/errors.ts'
import {FILE_STATES} from '../core/files/files.ts'
import type {FileFilter} from './api.ts'

/**
 * The filter in a query: `state` (repeatable), `prefix`, `text`, `since` (RFC 3339).
 * @throws AppError `usage` if a value cannot be meant, so that no filter is ignored
 */
export function filterIn(query: URLSearchParams): FileFilter {
  const states = query.getAll('state').map((text) => {
    const state = FILE_STATES.find((one) => one === text)
    if (state === undefined) throw unusable('state', text, `one of ${FILE_STATES.join(', ')}`)
    return state
  })
  const since = query.get('since') ?? ''
  if (since !== '' && Number.isNaN(Date.parse(since))) throw unusable('since', since, 'a time in RFC 3339')
  return {
    states,
    prefix: query.get('prefix') ?? '',
    text: query.get('text') ?? '',
    since: since === '' ? '' : new Date(since).toISOString(),
  }
}

/** A whole number in a query; `undefined` if it has none. @throws AppError `usage` */
export function countIn(
  query: URLSearchParams,
  name: string,
  {least, most}: {readonly least: number; readonly most: number},
): number | undefined {
  const text = query.get(name)
  if (text === null) return undefined
  const count = Number(text)
  if (!/^\d+$/.test(text) || count < least || count > most)
    throw unusable(name, text, `a whole number from ${least} to ${most}`)
  return count
}

function unusable(name: string, text: string, wanted: string): AppError {
  return new AppError(`${name} is "${text}"; it must be ${wanted}.`, {code: 'usage', exitCode: EXIT.usage})
}
