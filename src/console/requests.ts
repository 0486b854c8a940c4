import {fieldsOf} from '../core/json.ts'
import {command, type Render} from '../core/suggestion.ts'
import type {CloudRequest, PermissionCheck, RequestPage} from './api.ts'
import {lineOf} from './commands.ts'

/** Requests of one answer, the newest. */
const MOST_REQUESTS = 500
/** Who owns the local cloud: the user's own commands, and this console. */
const OWNER = 'owner'

export const SHOWN_REQUESTS = ['denied', 'accounts'] as const

/** Which requests to show. */
export interface RequestFilter {
  readonly after: number
  readonly show: 'all' | (typeof SHOWN_REQUESTS)[number]
  readonly text: string
}

/** Reads the local cloud's record of requests with higher ids, oldest first. */
export type ReadRequests = (after: number) => Promise<readonly unknown[]>

/** @param read absent on Google Cloud */
export async function readRequests(
  {after, show, text}: RequestFilter,
  read: ReadRequests | undefined,
  render: Render,
): Promise<RequestPage> {
  const line = lineOf(command('local requests', ...(show === 'denied' ? ['--denied'] : [])), render)
  if (read === undefined)
    return {
      requests: [],
      last: 0,
      reason:
        'Google Cloud keeps calls of its APIs in Cloud Audit Logs, and says of no refused call which role would have allowed it. The local target shows both: try the pipeline there.',
      command: line,
    }
  const all = (await read(after)).map(requestIn)
  const wanted = text.toLowerCase()
  const requests = all.filter(
    (request) =>
      (show !== 'denied' || request.checks.some(({decision}) => decision !== 'allowed')) &&
      (show !== 'accounts' || request.principal !== OWNER) &&
      (wanted === '' || textOf(request).includes(wanted)),
  )
  return {requests: requests.slice(-MOST_REQUESTS), last: all.at(-1)?.id ?? after, command: line}
}

function textOf({principal, path = '', error = '', checks}: CloudRequest): string {
  const words = checks.flatMap(({permission, resource}) => [permission, resource])
  return [principal, path, error, ...words].join(' ').toLowerCase()
}

function requestIn(value: unknown): CloudRequest {
  const {id, time, principal, method, path, status, error, checks} = fieldsOf(value)
  return {
    id: Number(id),
    time: String(time),
    principal: String(principal),
    ...(typeof method === 'string' ? {method} : {}),
    ...(typeof path === 'string' ? {path} : {}),
    ...(typeof status === 'string' || typeof status === 'number' ? {status} : {}),
    ...(typeof error === 'string' ? {error} : {}),
    checks: Array.isArray(checks) ? checks.map(checkIn) : [],
  }
}

function checkIn(value: unknown): PermissionCheck {
  const {principal, permission, resource, decision, role} = fieldsOf(value)
  return {
    principal: String(principal),
    permission: String(permission),
    resource: String(resource),
    decision: decision === 'denied' || decision === 'missing' ? decision : 'allowed',
    ...(typeof role === 'string' ? {role} : {}),
  }
}
