import {fieldsOf, type JsonObject} from '../core/json.ts'
import {clock, style} from './format.ts'

/** Whether a request of the local cloud lacked a grant. */
export function lacksGrant(request: JsonObject): boolean {
  return checksOf(request).some(({decision}) => decision !== 'allowed')
}

/** A request of the local cloud: when, who, what and the answer; then each permission, the grant that it lacks, or why it failed. */
export function showRequest(request: JsonObject): string[] {
  const {time, principal, method, path, status, error} = request
  const what =
    typeof path === 'string' ? `${String(method)} ${path} ${String(status)}` : 'the local cloud itself'
  return [
    `${clock(String(time))} ${String(principal)} ${what}`,
    ...checksOf(request).map((check) => `  ${showCheck(check)}`),
    ...(typeof error === 'string' && !lacksGrant(request) ? [`  ${error}`] : []),
  ]
}

function showCheck({principal, permission, resource, decision, role}: JsonObject): string {
  const what = `${String(permission)} on ${String(resource)}`
  if (decision === 'allowed') return `allowed ${what}`
  const grant = typeof role === 'string' ? `; grant ${role} on it to ${String(principal)}` : ''
  return `${style(decision === 'denied' ? 'red' : 'yellow', String(decision))} ${what}${grant}`
}

function checksOf({checks}: JsonObject): JsonObject[] {
  return Array.isArray(checks) ? checks.map(fieldsOf) : []
}
