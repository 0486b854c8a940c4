import {setTimeout as wait} from 'node:timers/promises'
import {AppError} from '../../core/errors.ts'
import {isJsonObject} from '../../core/json.ts'
import {PIPELINE_LABEL, type Pipeline} from '../../core/settings/pipeline.ts'
import type {Infrastructure, Inspection, PlannedResource} from '../../core/ports/infrastructure.ts'
import type {ApiOff} from '../api-off.ts'
import {ifFound} from '../errors.ts'
import {readPages, textIn, type Json, type Rest, type RestService} from '../rest.ts'
import {alertResources, readChannels} from './alerts.ts'
import {jobResources} from './job.ts'
import {formerLabels} from './labels.ts'
import type {Doing, Resource} from './resource.ts'
import {connections, eventPath, foundation, serviceResource} from './resources.ts'
import {readServiceAgents} from './service-agents.ts'
import {command, suggest, synopsis} from '../../core/suggestion.ts'

/**
 * Infrastructure without Terraform: the same resources through the same APIs, created one by one so that each finds
 * what it needs.
 */
export function createDirectInfrastructure(rest: Rest, isOffHere: ApiOff): Infrastructure & Inspection {
  /** For a plan: while an API is disabled, none of its resources exist. */
  async function unlessOff<T>(work: Promise<T>): Promise<T | undefined> {
    try {
      return await work
    } catch (error) {
      if (await isOffHere(error)) return undefined
      throw error
    }
  }

  /** All resources; without an image, only those that need none. */
  async function resourcesOf(
    given: Pipeline,
    image: string | undefined,
    readService = () => serviceOf(given),
  ): Promise<Resource[]> {
    const agents = await readServiceAgents(rest, given.settings.project, given.settings.inputBucket)
    const service = await readService()
    const pipeline = {...given, formerLabels: formerLabels(service, given.settings)}
    const base = [...foundation(pipeline, agents, rest), ...(await alertResources(pipeline, rest))]
    if (image === undefined) return base
    return [
      ...base,
      serviceResource(pipeline, image, rest),
      ...jobResources(pipeline, image, rest),
      ...connections(pipeline, agents, textIn(service, 'uri') ?? 'https://not-yet.invalid', rest),
    ]
  }

  function serviceOf({settings, names}: Pipeline): Promise<Json | undefined> {
    const path = `/v2/projects/${settings.project}/locations/${settings.region}/services/${names.service}`
    return rest.get('run', path)
  }

  async function applyOne(resource: Resource, doing: Doing): Promise<PlannedResource> {
    doing.signal.throwIfAborted()
    const {kind, name} = resource
    const found = await resource.inspect()
    if (found === 'right') return planned(resource, 'none')
    doing.step(`${found === undefined ? 'Create' : 'Update'} ${kind} ${name}`)
    const work = () => (found === undefined ? resource.create(doing) : resource.update(doing))
    try {
      await overPropagation(work, resource, doing)
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'conflict') throw error
      // Another caller, or our own request whose response was lost, came first.
      const now = await resource.inspect().catch(() => undefined)
      if (now === undefined && kind === 'bucket') throw nameTaken(name, error)
      if (now !== 'right') throw error
    }
    return planned(resource, found === undefined ? 'create' : 'update')
  }

  return {
    async plan(pipeline, {image, signal}) {
      const all: PlannedResource[] = []
      const resources = await resourcesOf(pipeline, image, () => unlessOff(serviceOf(pipeline)))
      for (const resource of resources) {
        signal.throwIfAborted()
        const found = await unlessOff(resource.inspect())
        all.push(planned(resource, found === undefined ? 'create' : found === 'right' ? 'none' : 'update'))
      }
      return all
    },

    async apply(given, {image, signal, step}) {
      const doing = {signal, step}
      const {settings, names} = given
      const agents = await readServiceAgents(rest, settings.project, settings.inputBucket)
      const pipeline = {...given, formerLabels: formerLabels(await serviceOf(given), settings)}
      const done: PlannedResource[] = []
      const first = [...foundation(pipeline, agents, rest), ...(await alertResources(pipeline, rest))]
      for (const resource of first) done.push(await applyOne(resource, doing))
      if (image === undefined) return done
      done.push(await applyOne(serviceResource(pipeline, image, rest), doing))
      const uri = textIn(await serviceOf(pipeline), 'uri')
      if (uri === undefined) {
        throw new AppError(`Service ${names.service} has no address.`, {
          code: 'deploy-failed',
          suggestions: [suggest`See the worker's errors: ${command('logs', '--severity', 'error')}`],
        })
      }
      const later = [...jobResources(pipeline, image, rest), ...connections(pipeline, agents, uri, rest)]
      for (const resource of later) done.push(await applyOne(resource, doing))
      if (pipeline.formerLabels.length > 0) {
        // Only now no resource has them: an interruption before would leave labels that nothing knows of.
        const service = serviceResource({...pipeline, formerLabels: []}, image, rest)
        await service.inspect()
        await service.update(doing)
      }
      return done
    },

    async destroy(pipeline, doing) {
      // Deliveries stop first: the subscription, then the service, then what they depend on.
      const resources = (await resourcesOf(pipeline, 'any')).toReversed()
      const removed: PlannedResource[] = []
      for (const {kind, name, remove} of resources) {
        doing.signal.throwIfAborted()
        if (remove === undefined) continue
        if (await remove(doing)) removed.push({kind, name, action: 'delete'})
      }
      return removed
    },

    channels: (pipeline) => readChannels(pipeline, rest),

    async missingConnections(pipeline, {signal}) {
      const missing: string[] = []
      for (const resource of eventPath(pipeline, rest)) {
        signal.throwIfAborted()
        if (!(await isThere(resource))) missing.push(`${resource.kind} ${resource.name}`)
      }
      return missing
    },

    async leftovers(pipeline, {signal}) {
      const left = new Map<string, PlannedResource>()
      for (const resource of await resourcesOf(pipeline, 'any')) {
        signal.throwIfAborted()
        if (resource.remove === undefined || (await resource.inspect()) === undefined) continue
        left.set(`${resource.kind} ${resource.name}`, {
          kind: resource.kind,
          name: resource.name,
          action: 'delete',
        })
      }
      for (const resource of await labelled(rest, pipeline))
        left.set(`${resource.kind} ${resource.name}`, resource)
      return [...left.values()]
    },
  }
}

async function isThere(resource: Resource): Promise<boolean> {
  try {
    return (await resource.inspect()) !== undefined
  } catch (error) {
    if (error instanceof AppError && error.code === 'permission-denied') return true
    throw error
  }
}

function planned({kind, name, grant}: Resource, action: PlannedResource['action']): PlannedResource {
  return {kind, name, action, ...(grant === undefined ? {} : {grant})}
}

function nameTaken(bucket: string, cause: AppError): AppError {
  return new AppError(
    `The bucket name ${bucket} is taken by another project: bucket names are globally unique.`,
    {
      code: 'conflict',
      suggestions: [suggest`Choose another pipeline name: ${synopsis('setup', '--pipeline', 'NAME')}`],
      cause,
    },
  )
}

/** Resources with the pipeline's label, whatever their names. */
async function labelled(rest: Rest, {settings}: Pipeline): Promise<PlannedResource[]> {
  const {project, region, name} = settings
  const kinds: {kind: string; service: RestService; path: string; member: string}[] = [
    {kind: 'bucket', service: 'storage', path: `/storage/v1/b?project=${project}`, member: 'items'},
    {kind: 'topic', service: 'pubsub', path: `/v1/projects/${project}/topics`, member: 'topics'},
    {
      kind: 'subscription',
      service: 'pubsub',
      path: `/v1/projects/${project}/subscriptions`,
      member: 'subscriptions',
    },
    {
      kind: 'service',
      service: 'run',
      path: `/v2/projects/${project}/locations/${region}/services`,
      member: 'services',
    },
    {
      kind: 'job',
      service: 'run',
      path: `/v2/projects/${project}/locations/${region}/jobs`,
      member: 'jobs',
    },
    {
      kind: 'repository',
      service: 'artifactregistry',
      path: `/v1/projects/${project}/locations/${region}/repositories`,
      member: 'repositories',
    },
  ]
  const found: PlannedResource[] = []
  for (const {kind, service, path, member} of kinds) {
    const items = (await ifFound(readPages(rest, service, path, member))) ?? []
    for (const item of items) {
      const labels = item['labels']
      const full = textIn(item, 'name')
      if (isJsonObject(labels) && labels[PIPELINE_LABEL] === name && full !== undefined) {
        found.push({kind, name: full.slice(full.lastIndexOf('/') + 1), action: 'delete'})
      }
    }
  }
  return found
}

/**
 * A new account or grant takes up to a minute to propagate in Google Cloud; these refusals say so, and they go away
 * without action.
 */
const NOT_YET_KNOWN =
  /does not exist\.?$|does not have permission to publish messages|Permission .*denied on service account|must have permission/i
const WAITS_SECONDS = [2, 5, 10, 20, 30]

async function overPropagation(
  work: () => Promise<void>,
  resource: Resource,
  {signal, step}: Doing,
): Promise<void> {
  for (const seconds of [...WAITS_SECONDS, undefined]) {
    try {
      await work()
      return
    } catch (error) {
      const passing =
        error instanceof AppError &&
        (error.code === 'permission-denied' || error.code === 'invalid-request') &&
        NOT_YET_KNOWN.test(error.message)
      if (!passing || seconds === undefined) throw error
      step(
        `New grants are still propagating in Google Cloud; retrying ${resource.kind} ${resource.name} in ${seconds} s`,
      )
      await wait(seconds * 1000, undefined, {signal})
    }
  }
}
