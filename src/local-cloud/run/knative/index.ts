import type {AccessControl} from '../../iam/access.ts'
import {policyRoutes} from '../../iam/policy-methods.ts'
import {ApiError} from '../../wire/api-error.ts'
import type {Call} from '../../wire/call.ts'
import {type HttpRequest, type HttpResponse, route, type Route} from '../../wire/routes.ts'
import {parseServiceName, type Revision, shortName} from '../resources.ts'
import type {RevisionsApi} from '../services/revisions.ts'
import type {ServicesApi} from '../services/services.ts'
import {type RunStore, serviceResource} from '../store.ts'
import {serviceShape} from './messages.ts'
import {paged, selector} from './lists.ts'
import {resolveLocation} from './locations.ts'
import {toKnativeRevision} from './revision-form.ts'
import {fromKnativeService, fromResourceVersion, toKnativeService} from './service-form.ts'

export interface KnativeDependencies {
  readonly access: Pick<AccessControl, 'require'>
  readonly store: RunStore
  readonly services: ServicesApi
  readonly revisions: RevisionsApi
}

const SERVING = '/apis/serving.knative.dev/v1/namespaces/:namespace'
const PROJECT = '/v1/projects/:namespace/locations/:location'

/**
 * Cloud Run's v1 API in Knative's form, which gcloud speaks: services and revisions, translated to and from the Admin
 * API v2, which does the rest: permissions, validation and effects.
 *
 * A namespace is a project. The region is in the name of Google's host (`europe-west3-run.googleapis.com`), reached
 * through the forward proxy; otherwise it is the resource's location label, or that of the only resource of the name.
 */
export function createKnative({access, store, services, revisions}: KnativeDependencies): Route[] {
  const named = (request: HttpRequest, label?: string): string => {
    const {namespace = '', name = ''} = request.params
    const location = resolveLocation(request, label)
    if (location !== undefined) return `projects/${namespace}/locations/${location}/services/${name}`
    const found = store
      .allServices()
      .map((service) => service.name)
      .filter((full) => parseServiceName(full)?.project === namespace && shortName(full) === name)
    if (found.length > 1)
      throw new ApiError(
        'INVALID_ARGUMENT',
        `Service '${name}' is in several regions: ${found.join(', ')}. Use the host of one, e.g. europe-west3-run.googleapis.com.`,
      )
    const [only] = found
    if (only === undefined)
      throw new ApiError(
        'NOT_FOUND',
        `Resource '${name}' of kind 'SERVICE' in namespace '${namespace}' does not exist.`,
      )
    return only
  }
  const shown = (name: string, call: Call): object => toKnativeService(services.GetService({name}, call))

  const create = async (request: HttpRequest): Promise<HttpResponse> => {
    const sent = serviceShape(await request.json(), '')
    const {namespace = ''} = request.params
    const location = resolveLocation(request, sent.metadata?.labels?.['cloud.googleapis.com/location'])
    if (location === undefined)
      throw new ApiError(
        'INVALID_ARGUMENT',
        'The region is missing: use its host, e.g. europe-west3-run.googleapis.com, or set the label cloud.googleapis.com/location.',
      )
    const parent = `projects/${namespace}/locations/${location}`
    const serviceId = sent.metadata?.name ?? ''
    const name = `${parent}/services/${serviceId}`
    const spec = fromKnativeService(sent, undefined)
    const validateOnly = isDryRun(request)
    await services.CreateService({parent, serviceId, service: {name, ...spec}, validateOnly}, request.call)
    return {json: validateOnly ? toKnativeService({name, ...spec}) : shown(name, request.call)}
  }

  const replace = async (request: HttpRequest): Promise<HttpResponse> => {
    const sent = serviceShape(await request.json(), '')
    const name = named(request, sent.metadata?.labels?.['cloud.googleapis.com/location'])
    const {resourceVersion = ''} = sent.metadata ?? {}
    const spec = fromKnativeService(sent, store.service(name)?.spec)
    await services.UpdateService(
      {
        service: {
          name,
          ...spec,
          ...(resourceVersion === '' ? {} : {etag: fromResourceVersion(resourceVersion)}),
        },
        validateOnly: isDryRun(request),
      },
      request.call,
    )
    return {json: shown(name, request.call)}
  }

  const listServices = (request: HttpRequest): HttpResponse => {
    const {namespace = ''} = request.params
    const location = resolveLocation(request)
    const matches = selector(request)
    const parents = new Set(
      store
        .allServices()
        .flatMap(({name}) => parseServiceName(name) ?? [])
        .filter((parsed) => parsed.project === namespace && parsed.location === (location ?? parsed.location))
        .map((parsed) => `projects/${parsed.project}/locations/${parsed.location}`),
    )
    for (const parent of parents.size > 0 ? parents : [`projects/${namespace}/locations/${location ?? '-'}`])
      access.require(request.call.principal, 'run.services.list', parent)
    const items = store
      .allServices()
      .filter(({name}) => parents.has(name.replace(/\/services\/[^/]+$/, '')))
      .filter(({spec}) => matches(spec.labels ?? {}))
    return {
      json: paged('ServiceList', 'serving.knative.dev/v1', request, items, (item) =>
        toKnativeService(serviceResource(item)),
      ),
    }
  }

  const remove = async (request: HttpRequest): Promise<HttpResponse> => {
    await services.DeleteService({name: named(request), validateOnly: isDryRun(request)}, request.call)
    return {json: {status: 'Success'}}
  }

  const knativeRevision = (revision: Revision): object => {
    const short = shortName(revision.name)
    const traffic = store.service(revision.service)?.status.trafficStatuses ?? []
    return toKnativeRevision(
      revision,
      traffic.some((status) => status.revision === short),
    )
  }
  const allRevisions = (namespace: string, location: string | undefined): Revision[] =>
    store
      .allServices()
      .map(({name}) => name)
      .filter((name) => {
        const parsed = parseServiceName(name)
        return parsed?.project === namespace && parsed.location === (location ?? parsed.location)
      })
      .flatMap((name) => store.revisions(name, -1, 0).map(({revision}) => revision))
  const findRevision = (request: HttpRequest): string => {
    const {namespace = '', name = ''} = request.params
    const found = allRevisions(namespace, resolveLocation(request)).find(
      (each) => shortName(each.name) === name,
    )
    if (!found)
      throw new ApiError(
        'NOT_FOUND',
        `Resource '${name}' of kind 'REVISION' in namespace '${namespace}' does not exist.`,
      )
    return found.name
  }
  const listRevisions = (request: HttpRequest): HttpResponse => {
    const {namespace = ''} = request.params
    const matches = selector(request)
    const items = allRevisions(namespace, resolveLocation(request)).filter(({labels, service}) =>
      matches({
        ...labels,
        'serving.knative.dev/service': shortName(service),
        'serving.knative.dev/configuration': shortName(service),
      }),
    )
    for (const service of new Set(items.map((item) => item.service)))
      access.require(request.call.principal, 'run.revisions.list', service)
    return {json: paged('RevisionList', 'serving.knative.dev/v1', request, items, knativeRevision)}
  }

  const policies = policyRoutes('projects/:project/locations/:location/services/:name', services)
  const resources = [SERVING, PROJECT].flatMap((base) => [
    route('GET', `${base}/services`, listServices),
    route('POST', `${base}/services`, create),
    route('GET', `${base}/services/:name`, (request) => ({json: shown(named(request), request.call)})),
    route('PUT', `${base}/services/:name`, replace),
    route('DELETE', `${base}/services/:name`, remove),
    route('GET', `${base}/revisions`, listRevisions),
    route('GET', `${base}/revisions/:name`, (request) => ({
      json: knativeRevision(revisions.GetRevision({name: findRevision(request)}, request.call)),
    })),
    route('DELETE', `${base}/revisions/:name`, async (request) => {
      await revisions.DeleteRevision(
        {name: findRevision(request), validateOnly: isDryRun(request)},
        request.call,
      )
      return {json: {status: 'Success'}}
    }),
  ])
  return [...policies, ...resources]
}

function isDryRun({url: {searchParams}}: HttpRequest): boolean {
  return searchParams.get('dryRun') === 'all'
}
