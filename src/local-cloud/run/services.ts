import type {AccessControl, ServiceAgents} from '../iam/access.ts'
import {policyMethods} from '../iam/policy-methods.ts'
import type {Operation, Operations} from '../operations/operations.ts'
import type {State} from '../state/state.ts'
import {ApiError} from '../wire/api-error.ts'
import type {Call} from '../wire/call.ts'
import type {Clock} from '../wire/clock.ts'
import {applyFieldMask, fieldPaths} from '../wire/field-mask.ts'
import type {PageRequest} from '../wire/paging.ts'
import type {RpcService} from '../wire/rpc.ts'
import type {Addresses} from './addresses.ts'
import {effectiveConcurrency} from './container.ts'
import type {Deployment} from './deployment.ts'
import {requireEtag} from './etag.ts'
import type {Fleet} from './fleet.ts'
import {defaultServiceAccount} from './launcher.ts'
import {page} from './paging.ts'
import {
  deleted,
  locationOf,
  parseServiceName,
  type Service,
  type ServiceSpec,
  shortName,
} from './resources.ts'
import {type RunStore, serviceResource, type StoredService} from './store.ts'
import {withoutOutput} from './output-only.ts'
import {validateParent, validateService, validateServiceId} from './validate.ts'
import {validated} from './validated.ts'

export interface ServicesDependencies {
  readonly state: State
  readonly clock: Clock
  readonly access: AccessControl
  readonly agents: Pick<ServiceAgents, 'projectNumber'>
  readonly operations: Operations
  readonly store: RunStore
  readonly deployment: Deployment
  readonly fleet: Pick<Fleet, 'drop'>
  readonly addresses: Addresses
}

const SERVICE_TYPE = 'google.cloud.run.v2.Service'

interface CreateRequest {
  parent?: string
  service?: Service
  serviceId?: string
  validateOnly?: boolean
}

interface UpdateRequest {
  service?: Service
  updateMask?: string
  validateOnly?: boolean
  allowMissing?: boolean
}

/** The methods of google.cloud.run.v2.Services. */
export type ServicesApi = ReturnType<typeof createServices>['unary']

/** google.cloud.run.v2.Services. */
export function createServices({
  state,
  clock,
  access,
  agents,
  operations,
  store,
  deployment,
  fleet,
  addresses,
}: ServicesDependencies) {
  const find = (name: string): StoredService => {
    const stored = store.service(name)
    if (!stored)
      throw new ApiError(
        'NOT_FOUND',
        `Resource '${shortName(name)}' of kind 'SERVICE' in ${locationOf(name)} does not exist.`,
      )
    return stored
  }
  const deploy = async (
    name: string,
    spec: ServiceSpec,
    call: Call,
    check: () => StoredService | undefined,
    validateOnly = false,
  ): Promise<Operation> => {
    validateService(shortName(name), spec)
    const parsed = parseServiceName(name)
    const project = parsed?.project ?? ''
    const complete = withDefaults(spec, defaultServiceAccount(agents, project))
    access.require(
      call.principal,
      'iam.serviceAccounts.actAs',
      `projects/${project}/serviceAccounts/${complete.template?.serviceAccount}`,
    )
    if (validateOnly) {
      const {service} = deployment.plan(name, complete, check(), call.principal)
      return validated(name, SERVICE_TYPE, serviceResource(service))
    }
    const service = await state.write(() => {
      const desired = deployment.plan(name, complete, check(), call.principal)
      deployment.store(desired)
      return serviceResource(desired.service)
    })
    return operations.run({parent: locationOf(name), type: SERVICE_TYPE, metadata: service}, () =>
      deployment.reconcile(name),
    )
  }
  const create = (name: string, service: Service, call: Call, validateOnly?: boolean): Promise<Operation> => {
    access.require(call.principal, 'run.services.create', locationOf(name))
    validateServiceId(shortName(name))
    const mustBeNew = (): undefined => {
      if (store.service(name))
        throw new ApiError('ALREADY_EXISTS', `Resource '${shortName(name)}' already exists.`)
    }
    mustBeNew()
    return deploy(name, withoutOutput(service), call, mustBeNew, validateOnly)
  }

  return {
    service: 'google.cloud.run.v2.Services',
    unary: {
      CreateService: ({parent = '', service, serviceId = '', validateOnly}: CreateRequest, call: Call) => {
        validateParent(parent)
        if (!service) throw new ApiError('INVALID_ARGUMENT', 'Violation in service: is required.')
        return create(`${parent}/services/${serviceId}`, service, call, validateOnly)
      },
      GetService: ({name = ''}: {name?: string}, call: Call) => {
        access.require(call.principal, 'run.services.get', name)
        return serviceResource(find(name))
      },
      ListServices: ({parent = '', ...paging}: {parent?: string} & PageRequest, call: Call) => {
        access.require(call.principal, 'run.services.list', parent)
        return page('services', paging, (limit, offset) =>
          store.services(parent, limit, offset).map(serviceResource),
        )
      },
      UpdateService: ({service, updateMask, validateOnly, allowMissing}: UpdateRequest, call: Call) => {
        const name = service?.name ?? ''
        if (!service || !parseServiceName(name))
          throw new ApiError(
            'INVALID_ARGUMENT',
            `Invalid service.name "${name}": it must be projects/PROJECT/locations/LOCATION/services/SERVICE.`,
          )
        if (allowMissing === true && !store.service(name)) return create(name, service, call, validateOnly)
        access.require(call.principal, 'run.services.update', name)
        const current = (): StoredService => {
          const stored = find(name)
          requireEtag(name, stored.status.etag, service.etag)
          return stored
        }
        const spec = masked(current().spec, withoutOutput(service), updateMask)
        return deploy(name, spec, call, current, validateOnly)
      },
      DeleteService: async (
        {name = '', validateOnly, etag}: {name?: string; validateOnly?: boolean; etag?: string},
        call: Call,
      ) => {
        access.require(call.principal, 'run.services.delete', name)
        const stored = find(name)
        requireEtag(name, stored.status.etag, etag)
        const resource = deleted(serviceResource(stored), clock.now())
        if (validateOnly === true) return validated(name, SERVICE_TYPE, resource)
        const revisions = await state.write(() => {
          requireEtag(name, find(name).status.etag, etag)
          const names = store.revisions(name, -1, 0).map(({revision}) => revision.name)
          store.removeService(name)
          access.dropPolicy(name)
          return names
        })
        return operations.run(
          {parent: locationOf(name), type: SERVICE_TYPE, metadata: resource},
          async () => {
            await fleet.drop(revisions)
            await addresses.keepOnly(name, new Set())
            return resource
          },
        )
      },
      ...policyMethods(access, () => 'run.services', find),
    },
  } satisfies RpcService
}

/** Without a mask, all of what was sent: what is absent there is unset. */
function masked(current: ServiceSpec, sent: ServiceSpec, mask = ''): ServiceSpec {
  return mask === '' || mask === '*' ? sent : applyFieldMask(current, sent, fieldPaths(mask))
}

/** What Cloud Run fills in where the user said nothing, and shows. */
function withDefaults(spec: ServiceSpec, serviceAccount: string): ServiceSpec {
  const template = spec.template ?? {}
  return {
    ingress: 'INGRESS_TRAFFIC_ALL',
    launchStage: 'GA',
    ...spec,
    template: {
      timeout: '300s',
      serviceAccount,
      ...template,
      maxInstanceRequestConcurrency: template.maxInstanceRequestConcurrency || effectiveConcurrency(template),
    },
  }
}
