import {createHash} from 'node:crypto'
import {setImmediate as nextTurn} from 'node:timers/promises'
import type {AccessControl} from '../iam/access.ts'
import {ApiError} from '../wire/api-error.ts'
import type {Call} from '../wire/call.ts'
import type {CompleteEntry, Entries, Place} from './entries.ts'
import {boundsOf} from './filter/bounds.ts'
import {compileFilter} from './filter/match.ts'
import {parentOfResource, parentsOfResources} from './names.ts'

/** google.logging.v2.ListLogEntriesRequest: default and limit of `page_size`. */
const PAGE_SIZE = 50
const LARGEST_PAGE = 1000
/** Rows that are looked at before others get their turn. */
const ROWS_PER_TURN = 500

interface ListEntriesRequest {
  resourceNames?: string[]
  filter?: string
  orderBy?: string
  pageSize?: number
  pageToken?: string
}

interface ListEntriesResponse {
  entries: CompleteEntry[]
  nextPageToken?: string
}

/** ListLogEntries: by timestamp, then insert id; `timestamp desc` is exactly the reverse. */
export function createEntryLister({
  access,
  entries,
}: {
  access: AccessControl
  entries: Entries
}): (request: ListEntriesRequest, call: Call) => Promise<ListEntriesResponse> {
  return async ({resourceNames = [], filter = '', orderBy = '', pageSize = 0, pageToken = ''}, call) => {
    const parents = parentsOfResources(resourceNames)
    for (const parent of parents) access.require(call.principal, 'logging.logEntries.list', parent)
    if (pageSize < 0 || pageSize > LARGEST_PAGE) {
      throw new ApiError(
        'INVALID_ARGUMENT',
        `page_size is ${pageSize}; it must be between 0 and ${LARGEST_PAGE}.`,
      )
    }
    const descending = isDescending(orderBy)
    const {expression, matches} = compileFilter(filter)
    const bounds = boundsOf(expression)
    const query = fingerprint(parents, filter, descending)
    const wanted = pageSize === 0 ? PAGE_SIZE : pageSize

    const found: {place: Place; entry: CompleteEntry}[] = []
    let after = pageToken === '' ? undefined : readPageToken(pageToken, query)
    // One more than is wanted tells whether there is another page.
    while (found.length <= wanted && !call.signal.aborted) {
      const rows = entries.scan({parents, bounds, descending, after, limit: ROWS_PER_TURN})
      found.push(...rows.filter(({entry}) => matches(entry)))
      if (rows.length < ROWS_PER_TURN) break
      after = rows.at(-1)?.place
      await nextTurn()
    }
    const page = found.slice(0, wanted)
    const last = page.at(-1)
    return {
      entries: page.map(({entry}) => entry),
      ...(last && found.length > wanted ? {nextPageToken: pageTokenOf(last.place, query)} : {}),
    }
  }
}

interface ListLogsRequest {
  parent?: string
  resourceNames?: string[]
  pageSize?: number
  pageToken?: string
}

/** ListLogs: names of the logs that have entries, sorted. */
export function createLogLister({
  access,
  entries,
}: {
  access: AccessControl
  entries: Entries
}): (request: ListLogsRequest, call: Call) => {logNames: string[]; nextPageToken?: string} {
  return ({parent = '', resourceNames = [], pageSize = 0, pageToken = ''}, call) => {
    const parents = [...new Set([parentOfResource(parent), ...resourceNames.map(parentOfResource)])]
    for (const each of parents) access.require(call.principal, 'logging.logs.list', each)
    const after = Buffer.from(pageToken, 'base64url').toString()
    const names = entries.logNames(parents).filter((name) => name > after)
    const page = names.slice(0, pageSize > 0 ? pageSize : LARGEST_PAGE)
    const last = page.at(-1)
    return {
      logNames: page,
      ...(last !== undefined && page.length < names.length
        ? {nextPageToken: Buffer.from(last).toString('base64url')}
        : {}),
    }
  }
}

function isDescending(orderBy: string): boolean {
  if (orderBy.trim() === '') return false
  const found = /^timestamp(?:\s+(asc|desc))?$/i.exec(orderBy.trim())
  if (!found) {
    throw new ApiError(
      'INVALID_ARGUMENT',
      `Invalid order_by ${JSON.stringify(orderBy)}: only "timestamp asc" and "timestamp desc" are allowed.`,
    )
  }
  return found[1]?.toLowerCase() === 'desc'
}

function fingerprint(...query: unknown[]): string {
  return createHash('sha256').update(JSON.stringify(query)).digest('base64url').slice(0, 12)
}

function pageTokenOf({timestamp, insertId, sequence}: Place, query: string): string {
  return Buffer.from(JSON.stringify([query, timestamp, insertId, sequence])).toString('base64url')
}

function readPageToken(token: string, query: string): Place {
  const [of, timestamp, insertId, sequence] = parseList(Buffer.from(token, 'base64url').toString())
  if (typeof timestamp !== 'string' || typeof insertId !== 'string' || typeof sequence !== 'number') {
    throw new ApiError('INVALID_ARGUMENT', 'page_token is not one that this API has given.')
  }
  if (of !== query)
    throw new ApiError('INVALID_ARGUMENT', "page_token doesn't match arguments from the request.")
  return {timestamp, insertId, sequence}
}

function parseList(json: string): unknown[] {
  try {
    const value: unknown = JSON.parse(json)
    return Array.isArray(value) ? value : []
  } catch {
    return []
  }
}
