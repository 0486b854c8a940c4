import type {Context} from '../ports/context.ts'
import {readLabels} from '../image-reference.ts'
import type {ImageRequest} from './build.ts'
import {WORKER_LABEL, workerLabel} from './worker-label.ts'
import {servingImage} from '../service/job.ts'

/** Two different workers, as their images name them; `undefined`: unnamed, since it was built elsewhere. */
export interface Replacement {
  readonly serving: string | undefined
  readonly next: string | undefined
}

/**
 * Whether a deployment would replace the serving worker with a different one, rather than with another version of
 * the same one. A worker is identified by its folder, or the lack of one, not by how it is built.
 * @returns `undefined` if it would not, or if nothing serves yet
 */
export async function findReplacement(
  {workerFolder, image}: Pick<ImageRequest, 'workerFolder' | 'image'>,
  context: Context,
): Promise<Replacement | undefined> {
  const {cloud, pipeline} = context
  const service = await cloud.services.get(pipeline.names.service)
  const current =
    service?.latestReadyRevision === undefined ? undefined : await servingImage(service, context)
  if (current === undefined) return undefined
  const [serving, next] = await Promise.all([
    labelOf(current, context),
    image === undefined ? workerLabel(workerFolder, context) : labelOf(image, context),
  ])
  return serving === next ? undefined : {serving, next}
}

async function labelOf(image: string, context: Context): Promise<string | undefined> {
  const label = (await readLabels(image, context))[WORKER_LABEL]
  return typeof label === 'string' ? label : undefined
}
