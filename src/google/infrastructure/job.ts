import type {Pipeline} from '../../core/pipeline/pipeline.ts'
import type {Rest} from '../rest.ts'
import {blueprint} from './blueprint.ts'
import {settled} from './operation.ts'
import {grantResource, restResource, type Resource} from './resource.ts'

/** The job, and the worker's right to hand a file over to it. `image` is a reference with its digest. */
export function jobResources(pipeline: Pipeline, image: string, rest: Rest): Resource[] {
  const {settings, names} = pipeline
  const parent = `/v2/projects/${settings.project}/locations/${settings.region}/jobs`
  const path = `${parent}/${names.job}`
  const wanted = blueprint(pipeline).job(image)
  const run = (signal: AbortSignal) => ({rest, service: 'run', prefix: '/v2/', signal}) as const
  return [
    restResource(rest, {
      kind: 'job',
      name: names.job,
      service: 'run',
      path,
      wanted,
      create: async ({signal}) =>
        settled(await rest.request('run', 'POST', `${parent}?jobId=${names.job}`, wanted), run(signal)),
      // A PATCH replaces the job whole.
      mend: async (_, {signal}) => settled(await rest.request('run', 'PATCH', path, wanted), run(signal)),
      afterRemoval: (answer, {signal}) => settled(answer, run(signal)),
    }),
    grantResource(rest, {
      role: 'roles/run.jobsExecutorWithOverrides',
      member: `serviceAccount:${names.workerAccount}`,
      on: {service: 'run', path, kind: 'job', name: names.job},
    }),
  ]
}
