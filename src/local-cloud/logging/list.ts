import {createHash} from 'node:crypto'
import {setImmediate as nextTurn} from 'node:timers/promises'
import type {AccessControl} from '../iam/access.ts'
import {ApiError} from '../wire/api-error.ts'
import type {Call} from '../wire/call.ts'
import {pageByKey, type PageRequest, pageTokenOf, readPageToken} from '../wire/paging.ts'
import type {CompleteEntry, Entries, Place} from './entries.ts'
import {boundsOf} from './filter/bounds.ts'
import {compileFilter} from './filter/match.ts'
import {parentOfResource, parentsOfResources} from './names.ts'

/** google.logging.v2.ListLogEntriesRequest: default and limit of `page_size`. */
const PAGE_SIZE = 50
const LARGEST_PAGE = 1000
/** Rows that are looked at before others get their turn. */
const ROWS_PER_TURN = 500

interface ListEntriesRequest extends PageRequest {
  resourceNames?: string[]
  filter?: string
  orderBy?: string
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
    let after = pageToken === '' ? undefined : placeIn(pageToken, query)
    // One extra shows whether there is another page.
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
      ...(last && found.length > wanted
        ? {
            nextPageToken: pageTokenOf([
              query,
              last.place.timestamp,
              last.place.insertId,
              last.place.sequence,
            ]),
          }
        : {}),
    }
  }
}

interface ListLogsRequest extends PageRequest {
  parent?: string
  resourceNames?: string[]
}

/** ListLogs: names of the logs that have entries, sorted. */
export function createLogLister({
  access,
  entries,
}: {
  access: AccessControl
  entries: Entries
}): (request: ListLogsRequest, call: Call) => object {
  return ({parent = '', resourceNames = [], ...request}, call) => {
    const parents = [...new Set([parentOfResource(parent), ...resourceNames.map(parentOfResource)])]
    for (const each of parents) access.require(call.principal, 'logging.logs.list', each)
    const {items, next} = pageByKey(
      request,
      {usual: LARGEST_PAGE, largest: LARGEST_PAGE},
      (after) => entries.logNames(parents).filter((name) => name > after),
      (name) => name,
    )
    return {logNames: items, ...next}
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

function placeIn(token: string, query: string): Place {
  const position = readPageToken(token)
  const [of, timestamp, insertId, sequence]: unknown[] = Array.isArray(position) ? position : []
  if (typeof timestamp !== 'string' || typeof insertId !== 'string' || typeof sequence !== 'number') {
    throw new ApiError('INVALID_ARGUMENT', 'page_token was not issued by this API.')
  }
  if (of !== query)
    throw new ApiError('INVALID_ARGUMENT', "page_token doesn't match arguments from the request.")
  return {timestamp, insertId, sequence}
}
