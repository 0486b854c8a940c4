import type {ServiceAgents} from '../../iam/access.ts'
import type {Call} from '../../wire/call.ts'
import {applyFieldMask, fieldPaths} from '../../wire/field-mask.ts'
import type {PageRequest} from '../../wire/paging.ts'
import type {RpcService} from '../../wire/rpc.ts'
import type {Addresses} from '../serving/addresses.ts'
import {DEFAULT_CONTAINER_PORT, effectiveConcurrency} from '../capacity/container.ts'
import {createDeclared, type DeclaredDependencies} from '../declared.ts'
import type {Deployment} from './deployment.ts'
import type {ChangeRequest} from '../etag.ts'
import type {Fleet} from '../capacity/fleet.ts'
import {defaultServiceAccount} from '../capacity/launcher.ts'
import {page} from '../paging.ts'
import {parseServiceName, type Service, type ServiceSpec, shortName} from '../resources.ts'
import {type RunStore, serviceResource, type StoredService} from '../store.ts'
import {withDefaultLimits} from '../validate-container.ts'
import {validateService, validateServiceId} from './validate.ts'

export interface ServicesDependencies extends DeclaredDependencies {
  readonly agents: Pick<ServiceAgents, 'projectNumber'>
  readonly store: RunStore
  readonly deployment: Deployment
  readonly fleet: Pick<Fleet, 'drop'>
  readonly addresses: Addresses
}

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
export function createServices(dependencies: ServicesDependencies) {
  const {access, agents, store, deployment, fleet, addresses} = dependencies
  const declared = createDeclared<Service, StoredService>(dependencies, {
    noun: 'service',
    type: 'google.cloud.run.v2.Service',
    read: (name) => store.service(name),
    show: serviceResource,
    validateId: validateServiceId,
    prepare(name, sent) {
      validateService(shortName(name), sent)
      const spec = withDefaults(sent, defaultServiceAccount(agents, parseServiceName(name)?.project ?? ''))
      return {
        serviceAccount: spec.template?.serviceAccount,
        plan(before, modifier) {
          const desired = deployment.plan(name, spec, before, modifier)
          return {resource: serviceResource(desired.service), save: () => deployment.store(desired)}
        },
      }
    },
    reconcile: (name) => deployment.reconcile(name),
    remove(name) {
      const revisions = store.revisions(name, -1, 0).map(({revision}) => revision.name)
      store.removeService(name)
      return async () => {
        await fleet.drop(revisions)
        await addresses.keepOnly(name, new Set())
      }
    },
  })

  return {
    service: 'google.cloud.run.v2.Services',
    unary: {
      CreateService: ({parent = '', service, serviceId = '', validateOnly}: CreateRequest, call: Call) =>
        declared.create(parent, serviceId, service, call, validateOnly),
      GetService: ({name = ''}: {name?: string}, call: Call) => declared.get(name, call),
      ListServices: ({parent = '', ...paging}: {parent?: string} & PageRequest, call: Call) => {
        access.require(call.principal, 'run.services.list', parent)
        return page('services', paging, (limit, offset) =>
          store.services(parent, limit, offset).map(serviceResource),
        )
      },
      UpdateService: ({service, updateMask, ...options}: UpdateRequest, call: Call) =>
        declared.update(service, options, call, ({spec}, sent) => masked(spec, sent, updateMask)),
      DeleteService: (request: ChangeRequest, call: Call) => declared.remove(request, call),
      ...declared.policies,
    },
  } satisfies RpcService
}

/** Without a mask, replaces everything: absent fields are unset. */
function masked(current: ServiceSpec, sent: ServiceSpec, mask = ''): ServiceSpec {
  return mask === '' || mask === '*' ? sent : applyFieldMask(current, sent, fieldPaths(mask))
}

/** Defaults that Cloud Run fills in and returns. */
function withDefaults(spec: ServiceSpec, serviceAccount: string): ServiceSpec {
  const template = spec.template ?? {}
  const withCpu = template.containers?.map((container) => ({resources: {cpuIdle: true}, ...container}))
  const containers = withDefaultLimits(withCpu).map((container) => ({
    ...container,
    ports: container.ports?.length
      ? container.ports
      : [{name: 'http1', containerPort: DEFAULT_CONTAINER_PORT}],
  }))
  return {
    ingress: 'INGRESS_TRAFFIC_ALL',
    launchStage: 'GA',
    ...spec,
    template: {
      timeout: '300s',
      serviceAccount,
      ...template,
      containers,
      maxInstanceRequestConcurrency: template.maxInstanceRequestConcurrency || effectiveConcurrency(template),
    },
  }
}
