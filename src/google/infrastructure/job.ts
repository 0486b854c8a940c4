import type {Pipeline} from '../../core/settings/pipeline.ts'
import {isJsonObject} from '../../core/json.ts'
import {objectsIn, textIn, type Json, type Rest} from '../rest.ts'
import {blueprint} from './blueprint.ts'
import {settled} from './operation.ts'
import {grantResource, restResource, type Resource} from './resource.ts'

/**
 * The job, and the worker's right to hand a file over to it. A job that exists keeps its image: as in the Terraform
 * module, that belongs to `deploy` and `rollback`.
 * @param image reference with digest that a new job starts with
 */
export function jobResources(pipeline: Pipeline, image: string, rest: Rest): Resource[] {
  const {settings, names} = pipeline
  const parent = `/v2/projects/${settings.project}/locations/${settings.region}/jobs`
  const path = `${parent}/${names.job}`
  const {job} = blueprint(pipeline)
  const wanted = (current: Json = {}) => job(imageOf(current) ?? image)
  const run = (signal: AbortSignal) => ({rest, service: 'run', prefix: '/v2/', signal}) as const
  return [
    restResource(rest, {
      kind: 'job',
      name: names.job,
      service: 'run',
      path,
      wanted,
      create: async (body, {signal}) =>
        settled(await rest.request('run', 'POST', `${parent}?jobId=${names.job}`, body), run(signal)),
      // A PATCH replaces the whole job.
      update: async (body, _current, {signal}) =>
        settled(await rest.request('run', 'PATCH', path, body), run(signal)),
      afterRemoval: (answer, {signal}) => settled(answer, run(signal)),
    }),
    grantResource(rest, {
      role: 'roles/run.jobsExecutorWithOverrides',
      member: `serviceAccount:${names.workerAccount}`,
      on: {service: 'run', path, kind: 'job', name: names.job},
    }),
  ]
}

function imageOf({template: execution}: Json): string | undefined {
  const task = isJsonObject(execution) ? execution['template'] : undefined
  const [container] = isJsonObject(task) ? objectsIn(task, 'containers') : []
  return container && textIn(container, 'image')
}
