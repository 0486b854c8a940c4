import type {Context} from '../context.ts'
import type {ServiceState} from '../ports/services.ts'
import {stableRevision} from './traffic.ts'

/** Gives the job the image of the revision that has the traffic, or most of it: long files get the same worker. */
export async function alignJob(service: ServiceState, context: Context): Promise<void> {
  const {cloud, pipeline, signal, step} = context
  const current = await cloud.jobs.image(pipeline.names.job)
  if (current === undefined) return
  const stable = stableRevision(service)
  const image =
    stable === service.latestCreatedRevision
      ? service.image
      : (await cloud.services.revisions(service.name)).find(({name}) => name === stable)?.image
  if (image === undefined || image === current) return
  step(`The same image for job ${pipeline.names.job}`)
  await cloud.jobs.setImage(pipeline.names.job, image, {signal})
}
