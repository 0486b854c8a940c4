import type {CloudRequest, PermissionCheck} from '../../api.ts'
import {clock} from '../format.ts'
import {ScrollingTable} from '../scrolling-table.tsx'

/** Calls of the APIs, newest first, each with the permissions that it needed. */
export function RequestTable({requests}: {readonly requests: readonly CloudRequest[]}) {
  return (
    <ScrollingTable label="List of requests" class="requests">
      <thead>
        <tr>
          <th scope="col">Time</th>
          <th scope="col">Caller</th>
          <th scope="col">Request</th>
          <th scope="col">Answer</th>
          <th scope="col">Permissions</th>
        </tr>
      </thead>
      <tbody>
        {requests.map((request) => (
          <Row key={request.id} request={request} />
        ))}
      </tbody>
    </ScrollingTable>
  )
}

function Row({request}: {readonly request: CloudRequest}) {
  const {time, principal, method, path, status, error, checks} = request
  return (
    <tr>
      <td>
        <time dateTime={time}>{clock(time)}</time>
      </td>
      <td class="wide">{principal}</td>
      <td class="wide">{path === undefined ? 'the local cloud itself' : `${method} ${path}`}</td>
      <td>{status}</td>
      <td class="wide">
        {checks.map((check, index) => (
          <Check key={index} check={check} />
        ))}
        {error !== undefined && checks.every(({decision}) => decision === 'allowed') && <p>{error}</p>}
      </td>
    </tr>
  )
}

function Check({check}: {readonly check: PermissionCheck}) {
  const {principal, permission, resource, decision, role} = check
  return (
    <p class={decision === 'allowed' ? undefined : 'fault'}>
      {decision === 'allowed' ? '✓' : '✕'} {decision}: {permission} on {resource}
      {role !== undefined && (
        <>
          . Grant <code>{role}</code> on it to {principal}.
        </>
      )}
    </p>
  )
}
