import type {AccessControl} from '../../iam/access.ts'
import {policyRoutes} from '../../iam/policy-methods.ts'
import {ApiError} from '../../wire/api-error.ts'
import {type HttpRequest, route, type Route} from '../../wire/routes.ts'
import type {ExecutionsApi} from '../jobs/executions.ts'
import type {JobsApi} from '../jobs/jobs.ts'
import {parseJobName} from '../jobs/resources.ts'
import {jobResource, type JobStore} from '../jobs/store.ts'
import {shortName} from '../resources.ts'
import {fromKnativeRun, toKnativeExecution, toKnativeJob} from './job-form.ts'
import {fromKnativeJob} from './job-spec.ts'
import {paged, selector} from './lists.ts'
import {resolveLocation} from './locations.ts'
import {jobShape} from './messages.ts'
import {fromResourceVersion} from './service-form.ts'

export interface KnativeJobsDependencies {
  readonly access: Pick<AccessControl, 'require'>
  readonly store: JobStore
  readonly jobs: JobsApi
  readonly executions: ExecutionsApi
}

const API = 'run.googleapis.com/v1'
const JOBS = `/apis/${API}/namespaces/:namespace`

/** Jobs and executions in the form that gcloud speaks: enough to run and inspect them. */
export function createKnativeJobs({access, store, jobs, executions}: KnativeJobsDependencies): Route[] {
  /** The items of a collection in the request's project and, if given, region. */
  const inReach = <T>(request: HttpRequest, items: readonly T[], nameOf: (item: T) => string): T[] => {
    const location = resolveLocation(request)
    return items.filter((item) => {
      const parsed = parseJobName(nameOf(item))
      return (
        parsed?.project === request.params['namespace'] && parsed?.location === (location ?? parsed?.location)
      )
    })
  }
  const allJobs = (request: HttpRequest) => inReach(request, store.allJobs(), ({name}) => name)
  const allExecutions = (request: HttpRequest) =>
    allJobs(request).flatMap(({name}) => store.executions(name, -1, 0).map(({execution}) => execution))
  const named = (request: HttpRequest, kind: string, names: readonly string[]): string => {
    const {namespace = '', name = ''} = request.params
    const found = names.filter((full) => shortName(full) === name)
    const [only] = found
    if (only === undefined)
      throw new ApiError(
        'NOT_FOUND',
        `Resource '${name}' of kind '${kind}' in namespace '${namespace}' does not exist.`,
      )
    if (found.length > 1)
      throw new ApiError(
        'INVALID_ARGUMENT',
        `'${name}' is in several regions: ${found.join(', ')}. Use the host of one, e.g. europe-west3-run.googleapis.com.`,
      )
    return only
  }
  const jobNamed = (request: HttpRequest): string =>
    named(
      request,
      'JOB',
      allJobs(request).map(({name}) => name),
    )
  const executionNamed = (request: HttpRequest): string =>
    named(
      request,
      'EXECUTION',
      allExecutions(request).map(({name}) => name),
    )
  const shownExecution = (name: string, {call}: HttpRequest): object =>
    toKnativeExecution(executions.GetExecution({name}, call))

  return [
    ...policyRoutes('projects/:project/locations/:location/jobs/:name', jobs),
    route('GET', `${JOBS}/jobs`, (request) => {
      const matches = selector(request)
      const items = allJobs(request).filter(({spec}) => matches(spec.labels ?? {}))
      for (const {name} of items) access.require(request.call.principal, 'run.jobs.list', name)
      return {json: paged('JobList', API, request, items, (item) => toKnativeJob(jobResource(item)))}
    }),
    route('GET', `${JOBS}/jobs/:name`, (request) => ({
      json: toKnativeJob(jobs.GetJob({name: jobNamed(request)}, request.call)),
    })),
    route('POST', `${JOBS}/jobs`, async (request) => {
      const sent = jobShape(await request.json(), '')
      const location = resolveLocation(request, sent.metadata?.labels?.['cloud.googleapis.com/location'])
      if (location === undefined)
        throw new ApiError(
          'INVALID_ARGUMENT',
          'The region is missing: use its host, e.g. europe-west3-run.googleapis.com, or set the label cloud.googleapis.com/location.',
        )
      const parent = `projects/${request.params['namespace']}/locations/${location}`
      const jobId = sent.metadata?.name ?? ''
      const name = `${parent}/jobs/${jobId}`
      await jobs.CreateJob({parent, jobId, job: {name, ...fromKnativeJob(sent)}}, request.call)
      return {json: toKnativeJob(jobs.GetJob({name}, request.call))}
    }),
    route('PUT', `${JOBS}/jobs/:name`, async (request) => {
      const sent = jobShape(await request.json(), '')
      const name = jobNamed(request)
      const {resourceVersion = ''} = sent.metadata ?? {}
      const etag = resourceVersion === '' ? {} : {etag: fromResourceVersion(resourceVersion)}
      await jobs.UpdateJob({job: {name, ...fromKnativeJob(sent), ...etag}}, request.call)
      return {json: toKnativeJob(jobs.GetJob({name}, request.call))}
    }),
    route('DELETE', `${JOBS}/jobs/:name`, async (request) => {
      await jobs.DeleteJob({name: jobNamed(request)}, request.call)
      return {json: {status: 'Success'}}
    }),
    {
      method: 'POST',
      pattern: new RegExp(`^/apis/${API}/namespaces/(?<namespace>[^/]+)/jobs/(?<name>[^/:]+):run$`),
      async handle(request) {
        const overrides = fromKnativeRun(await request.json())
        const {metadata} = await jobs.RunJob({name: jobNamed(request), overrides}, request.call)
        return {json: shownExecution(String(metadata?.['name']), request)}
      },
    },
    route('GET', `${JOBS}/executions`, (request) => {
      const matches = selector(request)
      const items = allExecutions(request).filter(({labels, job}) =>
        matches({...labels, 'run.googleapis.com/job': shortName(job)}),
      )
      for (const {job} of items) access.require(request.call.principal, 'run.executions.list', job)
      return {json: paged('ExecutionList', API, request, items, toKnativeExecution)}
    }),
    route('GET', `${JOBS}/executions/:name`, (request) => ({
      json: shownExecution(executionNamed(request), request),
    })),
    route('DELETE', `${JOBS}/executions/:name`, async (request) => {
      await executions.DeleteExecution({name: executionNamed(request)}, request.call)
      return {json: {status: 'Success'}}
    }),
    {
      method: 'POST',
      pattern: new RegExp(`^/apis/${API}/namespaces/(?<namespace>[^/]+)/executions/(?<name>[^/:]+):cancel$`),
      async handle(request) {
        const name = executionNamed(request)
        await executions.CancelExecution({name}, request.call)
        return {json: shownExecution(name, request)}
      },
    },
  ]
}
