import type {Context} from '../ports/context.ts'
import type {ServiceState} from '../ports/services.ts'
import {stableRevision} from './traffic.ts'

/** Gives the job the image of the revision that has the traffic, or most of it, so large files get the same worker. */
export async function alignJob(service: ServiceState, context: Context): Promise<void> {
  const {cloud, pipeline, signal, step} = context
  const current = await cloud.jobs.image(pipeline.names.job)
  if (current === undefined) return
  const image = await servingImage(service, context)
  if (image === undefined || image === current) return
  step(`Update the image of job ${pipeline.names.job}`)
  await cloud.jobs.setImage(pipeline.names.job, image, {signal})
}

/**
 * The image of the revision that has the traffic, or most of it, by reference with digest; before there is traffic,
 * that of the newest. `undefined` if the revision no longer exists.
 */
export async function servingImage(
  service: ServiceState,
  {cloud}: Pick<Context, 'cloud'>,
): Promise<string | undefined> {
  const serving = stableRevision(service)
  if (serving === undefined || serving === service.latestCreatedRevision) return service.image
  return (await cloud.services.revisions(service.name)).find(({name}) => name === serving)?.image
}
