import {AppError, EXIT} from '../core/errors.ts'
import {FILE_STATES} from '../core/files/files.ts'
import type {FileFilter} from './api.ts'

/**
 * The filter in a query: `state` (repeatable), `prefix`, `text`, `since` (RFC 3339), `revision`.
 * @throws AppError `usage` if a value cannot be meant, so that no filter is ignored
 */
export function filterIn(query: URLSearchParams): FileFilter {
  const states = query.getAll('state').map((text) => known(text, 'state', FILE_STATES))
  const since = query.get('since') ?? ''
  if (since !== '' && Number.isNaN(Date.parse(since))) throw unusable('since', since, 'a time in RFC 3339')
  return {
    states,
    prefix: query.get('prefix') ?? '',
    text: query.get('text') ?? '',
    since: since === '' ? '' : new Date(since).toISOString(),
    revision: query.get('revision') ?? '',
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

/** Where a page of the list begins, by the `next` of the one before. @throws AppError `usage` */
export function cursorIn(query: URLSearchParams): {readonly after?: string} {
  const after = query.get('after')
  if (after === null) return {}
  if (Number.isNaN(Date.parse(after.replace(/,[^]*$/, ''))))
    throw unusable('after', after, 'the next of a page')
  return {after}
}

/** One of several words in a query; `undefined` if it has none. @throws AppError `usage` */
export function oneOf<const W extends string>(
  query: URLSearchParams,
  name: string,
  words: readonly W[],
): W | undefined {
  const text = query.get(name)
  return text === null ? undefined : known(text, name, words)
}

function known<const W extends string>(text: string, name: string, words: readonly W[]): W {
  const word = words.find((one) => one === text)
  if (word === undefined) throw unusable(name, text, `one of ${words.join(', ')}`)
  return word
}

function unusable(name: string, text: string, wanted: string): AppError {
  return new AppError(`${name} is "${text}"; it must be ${wanted}.`, {code: 'usage', exitCode: EXIT.usage})
}
