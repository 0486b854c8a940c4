import type {AccessControl, ServiceAgents} from '../iam/access.ts'
import {policyMethods, type PolicyMethods} from '../iam/policy-methods.ts'
import type {State} from '../state/state.ts'
import {ApiError} from '../wire/api-error.ts'
import type {Clock} from '../wire/clock.ts'
import type {RpcService} from '../wire/rpc.ts'
import {createExpiry} from './expiry.ts'
import {createLookup, type Lookup} from './lookup.ts'
import {parseSecretName} from './names.ts'
import type {SecretValues} from './secret-values.ts'
import {createSecretMethods} from './secrets.ts'
import {createSecretStore, type SecretStore} from './store.ts'
import {createVersionMethods} from './versions.ts'

export {secretManagerSchema} from './schema.ts'

export interface SecretManager extends Disposable {
  readonly services: readonly RpcService[]
  readonly values: SecretValues
}

/** Secret Manager: google.cloud.secretmanager.v1 over secrets in the state; README.md says what is served. */
export function createSecretManager({
  state,
  clock,
  access,
  agents,
}: {
  state: State
  clock: Clock
  access: AccessControl
  agents: Pick<ServiceAgents, 'projectNumber'>
}): SecretManager {
  const store = createSecretStore(state.database)
  const lookup = createLookup({access, agents, store})
  const expiry = createExpiry({state, clock, access, store, lookup})
  const common = {state, clock, access, store, lookup, onSchedule: () => expiry.schedule()}
  const versions = createVersionMethods(common)
  expiry.schedule()
  return {
    services: [
      {
        service: 'google.cloud.secretmanager.v1.SecretManagerService',
        unary: {
          ...createSecretMethods(common),
          ...versions.unary,
          ...createPolicyMethods(access, store, lookup),
        },
      },
    ],
    values: {access: (name, principal) => versions.access(name, principal).data},
    [Symbol.dispose]: () => expiry[Symbol.dispose](),
  }
}

function createPolicyMethods(access: AccessControl, store: SecretStore, lookup: Lookup): PolicyMethods {
  const kept = <T extends {resource?: string}>(request: T): T => ({
    ...request,
    resource: lookup.policyName(parseSecretName(request.resource)),
  })
  const methods = policyMethods(
    access,
    () => 'secretmanager.secrets',
    (resource) => {
      const name = lookup.name(parseSecretName(resource))
      if (!store.secret(name)) throw new ApiError('NOT_FOUND', `Secret [${name}] not found.`)
    },
  )
  return {
    GetIamPolicy: (request, call) => methods.GetIamPolicy(kept(request), call),
    SetIamPolicy: (request, call) => methods.SetIamPolicy(kept(request), call),
    TestIamPermissions: (request, call) => methods.TestIamPermissions(kept(request), call),
  }
}
