import {pageTokenOf, readPageToken} from '../wire/paging.ts'
import {contextFilter} from './contexts.ts'
import {invalid} from './errors.ts'
import {globMatcher, sqliteGlobs} from './glob.ts'
import {compareNames} from './names.ts'
import type {StoredObject} from './stored-object.ts'
import type {WantedMembers} from './object-json.ts'
import type {ObjectKey, ObjectRange, ObjectSource} from './objects.ts'
import {flag, pageSize} from './query.ts'

/** One page of a list. */
export interface ObjectPage {
  readonly items: readonly StoredObject[]
  /** Names up to and including the delimiter. */
  readonly prefixes: readonly string[]
  readonly nextPageToken: string | undefined
}

/** How many rows are looked at together. */
const BATCH = 1000

/**
 * A page of objects, by the UTF-8 bytes of their names; memory follows the page, not the bucket.
 * https://cloud.google.com/storage/docs/json_api/v1/objects/list
 * @throws StorageError 400
 */
export function listObjects(source: ObjectSource, query: URLSearchParams): ObjectPage {
  // Google's client for Go sends every parameter, and those that were not set are empty.
  const prefix = query.get('prefix') ?? ''
  const delimiter = query.get('delimiter') ?? ''
  const trailing = flag(query, 'includeTrailingDelimiter')
  const size = pageSize(query)
  const glob = query.get('matchGlob') ?? ''
  const matches = glob === '' ? undefined : globMatcher(glob)
  const globs = sqliteGlobs(glob)
  const filter = query.get('filter') ?? ''
  const holds = filter === '' ? undefined : contextFilter(filter)
  const {start, to} = boundsOf(query)
  let position: ObjectKey | undefined = start

  const items: StoredObject[] = []
  const prefixes: string[] = []
  while (position !== undefined) {
    const room = size - items.length - prefixes.length
    const count = Math.min(BATCH, room + 1)
    const range: ObjectRange = {from: position.name, generation: position.generation, to}
    // Most names may not match: their rows are never read.
    const keys = matches === undefined ? source.rows(range, count) : source.keys(range, count, globs)
    let common: string | undefined
    for (const key of keys) {
      const isMatch = matches === undefined || matches(key.name)
      const row = isMatch ? ('blob' in key ? key : source.row(key)) : undefined
      if (row === undefined || holds?.(row) === false) {
        common = undefined
        continue
      }
      const at = delimiter === '' ? -1 : row.name.indexOf(delimiter, prefix.length)
      common = at < 0 ? undefined : row.name.slice(0, at + delimiter.length)
      if (common !== undefined && common === prefixes.at(-1)) continue
      if (items.length + prefixes.length >= size) return {items, prefixes, nextPageToken: tokenOf(row)}
      if (common !== undefined) prefixes.push(common)
      // The object that is itself such a prefix comes first of those under it.
      if (common === undefined || (trailing && row.name === common)) items.push(row)
    }
    position = keys.length < count ? undefined : positionAfter(keys.at(-1), common)
  }
  return {items, prefixes, nextPageToken: undefined}
}

/**
 * A page of a plain list, as JSON that the database writes: without delimiter, glob and filter.
 * @returns `undefined` if it is not that plain
 * @throws StorageError 400
 */
export function listBytes(
  source: ObjectSource,
  query: URLSearchParams,
  members: WantedMembers | undefined,
): {readonly items: Uint8Array; readonly nextPageToken: string | undefined} | undefined {
  const isPlain = ['delimiter', 'matchGlob', 'filter'].every((name) => (query.get(name) ?? '') === '')
  if (!isPlain || members === undefined) return undefined
  const {start, to} = boundsOf(query)
  const range = {from: start.name, generation: start.generation, to}
  const page = source.page?.(range, pageSize(query), members)
  return page && {items: page.items, nextPageToken: page.next && tokenOf(page.next)}
}

/** Where a page begins, and the name before which the list ends. @throws StorageError 400 */
function boundsOf(query: URLSearchParams): {readonly start: ObjectKey; readonly to: string | undefined} {
  const prefix = query.get('prefix') ?? ''
  const to = lesser(successor(prefix), query.get('endOffset') || undefined)
  const token = query.get('pageToken')
  const startOffset = query.get('startOffset') ?? ''
  const start = {name: compareNames(prefix, startOffset) < 0 ? startOffset : prefix, generation: 0}
  const resumed = token === null || token === '' ? undefined : parseToken(token)
  return {start: resumed !== undefined && compareNames(resumed.name, start.name) >= 0 ? resumed : start, to}
}

/** After a row or, if it represents a common prefix, after everything with that prefix. */
function positionAfter(row: ObjectKey | undefined, common: string | undefined): ObjectKey | undefined {
  if (common === undefined) return row && {name: row.name, generation: row.generation + 1}
  const name = successor(common)
  return name === undefined ? undefined : {name, generation: 0}
}

/** The next page begins at this row, or, where it has gone by then, after it. */
function tokenOf({name, generation}: ObjectKey): string {
  return pageTokenOf([name, generation])
}

function parseToken(token: string): ObjectKey {
  const position = readPageToken(token)
  const [name, generation]: unknown[] = Array.isArray(position) ? position : []
  if (typeof name === 'string' && typeof generation === 'number') return {name, generation}
  throw invalid(`Invalid value for pageToken: '${token}'`)
}

/** The first text after all that begin with `prefix`, in the order of UTF-8 bytes; `undefined` if there is none. */
function successor(prefix: string): string | undefined {
  const points = Array.from(prefix, (character) => character.codePointAt(0) ?? 0)
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    // After U+D7FF come the surrogates, which are not characters.
    if (last < 0x10ffff) return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1)
  }
  return undefined
}

function lesser(left: string | undefined, right: string | undefined): string | undefined {
  if (left === undefined || right === undefined) return left ?? right
  return compareNames(left, right) < 0 ? left : right
}
