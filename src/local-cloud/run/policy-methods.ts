import type {AccessControl, Policy} from '../iam/access.ts'
import type {Call} from '../wire/call.ts'

/**
 * The methods by which the policy of a kind of resource is read, set and asked.
 * @param kind as permissions name it, e.g. `run.services`
 * @param find throws where there is no such resource
 */
export function policyMethods(access: AccessControl, kind: string, find: (name: string) => unknown) {
  return {
    GetIamPolicy: ({resource = ''}: {resource?: string}, call: Call) => {
      access.require(call.principal, `${kind}.getIamPolicy`, resource)
      find(resource)
      return access.getPolicy(resource)
    },
    SetIamPolicy: ({resource = '', policy = {}}: {resource?: string; policy?: Policy}, call: Call) => {
      access.require(call.principal, `${kind}.setIamPolicy`, resource)
      find(resource)
      return access.setPolicy(resource, policy)
    },
    TestIamPermissions: (
      {resource = '', permissions = []}: {resource?: string; permissions?: string[]},
      call: Call,
    ) => ({permissions: access.testPermissions(call.principal, permissions, resource)}),
  }
}
