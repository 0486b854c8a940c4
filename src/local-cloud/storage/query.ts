import {invalid} from './errors.ts'

/** @throws StorageError 400 if the parameter is present and not a whole number from 0 */
export function wholeNumber(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name)
  if (value === null) return undefined
  const number = /^\d{1,19}$/.test(value) ? Number(value) : Number.NaN
  if (!Number.isSafeInteger(number))
    throw invalid(`Invalid value for ${name}: '${value}' is not a whole number.`)
  return number
}

/** @throws StorageError 400 if the parameter is present and neither true nor false */
export function flag(query: URLSearchParams, name: string): boolean {
  const value = query.get(name)?.toLowerCase() ?? 'false'
  if (value !== 'true' && value !== 'false')
    throw invalid(`Invalid value for ${name}: '${value}' is not a boolean.`)
  return value === 'true'
}

/** How many results a page has: at most 1,000, which is also the default. */
export function pageSize(query: URLSearchParams): number {
  const asked = wholeNumber(query, 'maxResults') ?? 1000
  if (asked === 0) throw invalid("Invalid value for maxResults: '0'.")
  return Math.min(asked, 1000)
}

/**
 * Whether an answer has access control lists.
 * @param usual what the method does without `projection`
 * @throws StorageError 400
 */
export function wantsAcl(query: URLSearchParams, usual: boolean): boolean {
  const projection = query.get('projection') ?? ''
  if (projection !== '' && projection !== 'full' && projection !== 'noAcl')
    throw invalid(`Invalid value for projection: '${projection}' is neither full nor noAcl.`)
  return projection === '' ? usual : projection === 'full'
}
