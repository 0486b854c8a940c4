import {randomUUID} from 'node:crypto'
import type {AccessControl} from '../iam/access.ts'
import {type Row, storedJson} from '../state/rows.ts'
import type {State} from '../state/state.ts'
import {ApiError, toApiError} from '../wire/api-error.ts'
import type {Call} from '../wire/call.ts'
import type {Clock} from '../wire/clock.ts'
import {pageByOffset, type PageRequest, pageRequestOf} from '../wire/paging.ts'
import {type HttpRequest, route, type Route} from '../wire/routes.ts'
import type {RpcService} from '../wire/rpc.ts'

/** google.longrunning.Operation in JSON. */
export interface Operation {
  name: string
  done?: boolean
  metadata?: Record<string, unknown>
  response?: Record<string, unknown>
  error?: {code: number; message: string; details?: readonly object[]}
}

export interface NewOperation {
  /** `projects/P/locations/L` */
  readonly parent: string
  /** Full name of the resource's message type, e.g. `google.cloud.run.v2.Service`. */
  readonly type: string
  /** That of the result, if it differs; the metadata then stays. */
  readonly responseType?: string
  /** The resource while the work is in progress. */
  readonly metadata: object
  /** `<parent>/operations/ID`; generated if absent. */
  readonly name?: string
  /** Answer with the unfinished operation, however soon the work may end. */
  readonly answerAtOnce?: boolean
}

export interface Operations {
  readonly services: readonly RpcService[]
  readonly routes: readonly Route[]
  /**
   * Starts an operation and answers once the work has ended, or unfinished after a second: clients
   * that poll every ten seconds are spared the first poll, and the others see the resource reconcile.
   * @param work resolves to the resource; an `ApiError` it throws becomes the operation's error
   */
  run(operation: NewOperation, work: () => Promise<object>): Promise<Operation>
  /** Resumes an operation that a stop interrupted; does nothing if it was deleted meanwhile. */
  resume(name: string, work: () => Promise<object>): Promise<void>
  /** Operations of a parent whose service checks permissions of its own, newest first. */
  ofParent(parent: string): Operation[]
  /** Resolves when no work is in progress; the state may be closed then. */
  settled(): Promise<void>
}

/** On a laptop most revisions are ready within it. */
const HOLD_MS = 1000
/** A WaitOperation without a timeout. */
const WAIT_MS = 100_000
const PAGES = {usual: 100, largest: 1000}
const KEPT_MS = 7 * 24 * 3600_000

/**
 * Long-running operations of all services that have them (Cloud Run, Artifact Registry), kept in the state.
 * The protos bind google.longrunning.Operations to `/v1/operations/…`; Cloud Run and Artifact Registry serve it
 * at `/v2/projects/P/locations/L/operations/ID` and `/v1/…`, as their service configurations say: these are routes.
 */
export function createOperations({
  state,
  clock,
  access,
}: {
  state: State
  clock: Clock
  access: AccessControl
}): Operations {
  const {database} = state
  const insert = database.prepare(
    'INSERT INTO operations (name, parent, type, done, json, created) VALUES (?, ?, ?, 0, ?, ?)',
  )
  const finish = database.prepare('UPDATE operations SET done = 1, json = ? WHERE name = ?')
  const reopen = database.prepare('UPDATE operations SET done = 0, json = ? WHERE name = ?')
  const select = database.prepare('SELECT type, json FROM operations WHERE name = ?')
  const selectByParent = database.prepare(
    "SELECT json FROM operations WHERE parent = ? AND type LIKE 'google.cloud.run.%' ORDER BY created DESC LIMIT ? OFFSET ?",
  )
  const selectOfParent = database.prepare(
    'SELECT json FROM operations WHERE parent = ? ORDER BY created DESC',
  )
  const selectOpen = database.prepare('SELECT json FROM operations WHERE done = 0')
  const remove = database.prepare('DELETE FROM operations WHERE name = ?')
  const removeOld = database.prepare('DELETE FROM operations WHERE done = 1 AND created < ?')
  const working = new Map<string, Promise<Operation>>()

  // Work that a kill cut off can no longer be followed; the resource itself shows how it ended.
  for (const row of selectOpen.all()) {
    const operation = operationOf(row)
    finish.run(
      JSON.stringify({...operation, done: true, error: interrupted()} satisfies Operation),
      operation.name,
    )
  }
  removeOld.run(clock.now() - KEPT_MS)

  /** Artifact Registry's are open to anyone who has their name, which cannot be guessed. */
  const get = (name: string, {principal}: Call, verb: 'get' | 'delete' = 'get'): Operation => {
    const row = select.get(name)
    if (!row || String(row['type']).startsWith('google.cloud.run.'))
      access.require(principal, `run.operations.${verb}`, name)
    if (!row) throw new ApiError('NOT_FOUND', `Operation ${name} was not found.`)
    return operationOf(row)
  }
  const list = (name: string, call: Call, request: PageRequest): object => {
    access.require(call.principal, 'run.operations.list', name)
    const {items, next} = pageByOffset(request, PAGES, (limit, offset) =>
      selectByParent.all(name, limit, offset),
    )
    return {operations: items.map(operationOf), ...next}
  }
  const wait = async (name: string, call: Call, timeoutMs: number): Promise<Operation> => {
    const operation = get(name, call)
    const work = working.get(name)
    return work ? within(clock, work, timeoutMs, operation) : operation
  }
  const drop = async (name: string, call: Call): Promise<object> => {
    get(name, call, 'delete')
    await state.write(() => remove.run(name))
    return {}
  }

  const follow = (
    begun: Operation,
    work: () => Promise<object>,
    responseType?: string,
  ): Promise<Operation> => {
    const {name, metadata = {}} = begun
    const typed = (resource: object): Record<string, unknown> => ({'@type': metadata['@type'], ...resource})
    const ended = (async () => {
      const result = await work().then(
        (resource) =>
          responseType === undefined
            ? {metadata: typed(resource), response: typed(resource)}
            : {metadata, response: {'@type': `type.googleapis.com/${responseType}`, ...resource}},
        (error: unknown) => ({metadata, error: rpcStatus(toApiError(error))}),
      )
      const operation: Operation = {name, done: true, ...result}
      await state.record(() => finish.run(JSON.stringify(operation), name))
      return operation
    })()
    working.set(name, ended)
    // This fails only if the state was closed meanwhile; a caller that still waits gets the error.
    void ended.catch(() => undefined).finally(() => working.delete(name))
    return ended
  }

  return {
    services: [
      {
        service: 'google.longrunning.Operations',
        unary: {
          GetOperation: ({name = ''}: {name?: string}, call: Call) => get(name, call),
          ListOperations: ({name = '', ...request}: {name?: string} & PageRequest, call: Call) =>
            list(name, call, request),
          WaitOperation: ({name = '', timeout}: {name?: string; timeout?: string}, call: Call) =>
            wait(name, call, seconds(timeout)),
          DeleteOperation: ({name = ''}: {name?: string}, call: Call) => drop(name, call),
        },
      },
    ],
    routes: [
      // Resource Manager's have no location.
      route('GET', '/v3/operations/:operation', ({params, call}) => ({
        json: get(`operations/${params['operation']}`, call),
      })),
      route('GET', '/v2/projects/:project/locations/:location/operations', ({params, url, call}) => ({
        json: list(parentOf(params), call, pageRequestOf(url.searchParams)),
      })),
      ...['v1', 'v2'].flatMap((version) => [
        {
          method: 'POST',
          pattern: new RegExp(
            `^/${version}/projects/(?<project>[^/]+)/locations/(?<location>[^/]+)/operations/(?<operation>[^/:]+):wait$`,
          ),
          handle: async ({params, call, json}: HttpRequest) => ({
            json: await wait(nameOf(params), call, seconds((await json())['timeout'])),
          }),
        },
        route(
          'GET',
          `/${version}/projects/:project/locations/:location/operations/:operation`,
          ({params, call}) => ({json: get(nameOf(params), call)}),
        ),
        route(
          'DELETE',
          `/${version}/projects/:project/locations/:location/operations/:operation`,
          async ({params, call}) => ({json: await drop(nameOf(params), call)}),
        ),
      ]),
    ],
    async run(
      {parent, type, responseType, metadata, name = `${parent}/operations/${randomUUID()}`, answerAtOnce},
      work,
    ) {
      const begun: Operation = {name, metadata: {'@type': `type.googleapis.com/${type}`, ...metadata}}
      await state.write(() => insert.run(name, parent, type, JSON.stringify(begun), clock.now()))
      const ended = follow(begun, work, responseType)
      return answerAtOnce === true ? begun : within(clock, ended, HOLD_MS, begun)
    },
    async resume(name, work) {
      const row = select.get(name)
      if (!row) return
      const {metadata = {}} = operationOf(row)
      const begun: Operation = {name, metadata}
      await state.write(() => reopen.run(JSON.stringify(begun), name))
      void follow(begun, work)
    },
    ofParent: (parent) => selectOfParent.all(parent).map(operationOf),
    async settled() {
      await Promise.allSettled(working.values())
    },
  }
}

function parentOf(params: Readonly<Record<string, string>>): string {
  return `projects/${params['project']}/locations/${params['location']}`
}

function nameOf(params: Readonly<Record<string, string>>): string {
  return `${parentOf(params)}/operations/${params['operation']}`
}

function interrupted(): {code: number; message: string} {
  return rpcStatus(
    new ApiError(
      'UNAVAILABLE',
      'The local cloud stopped before this operation ended. Check the resource itself for its current state.',
    ),
  )
}

function rpcStatus(error: ApiError): {code: number; message: string; details?: readonly object[]} {
  return {
    code: error.grpcCode,
    message: error.message,
    ...(error.details.length > 0 ? {details: error.details} : {}),
  }
}

/** `work`, or `otherwise` when that takes longer than `limitMs`. */
function within<T>(clock: Clock, work: Promise<T>, limitMs: number, otherwise: T): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(limitMs, () => resolve(otherwise))
    work.then(resolve, reject).finally(() => timer.clear())
  })
}

function operationOf(row: Row): Operation {
  return storedJson(row, 'json', 'name')
}

/** Milliseconds of a Duration in JSON; a wait without one may last as long as the server allows. */
function seconds(duration: unknown): number {
  return typeof duration === 'string' ? Number.parseFloat(duration) * 1000 : WAIT_MS
}
