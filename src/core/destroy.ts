import {RESERVED_PREFIX, RESULT_METADATA} from '../../worker/contract.ts'
import type {Context} from './ports/context.ts'
import {sourceBucketOf} from './deploy/cloud-build.ts'
import {builtImages} from './deploy/docker-image.ts'
import {AppError} from './errors.ts'
import {ownBuckets} from './settings/pipeline.ts'
import type {PlannedResource} from './ports/infrastructure.ts'
import type {StoredObject} from './ports/objects.ts'
import {forgetFetched, readFetched} from './results/fetched.ts'
import {withLock} from './lock.ts'

/** What `destroy` would remove. */
export interface Loss {
  /** False if nothing exists. */
  readonly exists: boolean
  readonly resources: readonly PlannedResource[]
  readonly inputs: {readonly objects: number; readonly bytes: number}
  readonly results: {
    readonly objects: number
    readonly bytes: number
    /** Never downloaded by `results` from this folder. */
    readonly notFetched: number
  }
}

export interface DestroyResult {
  readonly removed: readonly PlannedResource[]
  /** What could not be removed; normally empty. */
  readonly left: readonly PlannedResource[]
  /** Locally built images that were removed from the docker engine. */
  readonly imagesRemoved: number
}

/** Lists what would be lost; changes nothing. Sidecars are removed with their results and are not counted. */
export async function inspectLoss(context: Context): Promise<Loss> {
  const {cloud, pipeline, signal} = context
  const resources = await cloud.infrastructure.leftovers(pipeline, {signal})
  const fetched = await readFetched(context)
  const inputs = {objects: 0, bytes: 0}
  for await (const {sizeBytes} of filesOf(context, pipeline.names.inputBucket)) {
    inputs.objects++
    inputs.bytes += sizeBytes
  }
  const results = {objects: 0, bytes: 0, notFetched: 0}
  // Several outputs of a file are one result.
  const named = {all: new Set<string>(), notFetched: new Set<string>()}
  for await (const {sizeBytes, generation, metadata} of filesOf(context, pipeline.names.outputBucket)) {
    const source = metadata[RESULT_METADATA.sourceObject]
    results.bytes += sizeBytes
    if (source === undefined || !named.all.has(source)) results.objects++
    if (!fetched.has(generation) && (source === undefined || !named.notFetched.has(source)))
      results.notFetched++
    if (source === undefined) continue
    named.all.add(source)
    if (!fetched.has(generation)) named.notFetched.add(source)
  }
  return {exists: resources.length > 0, resources, inputs, results}
}

/** Removes the pipeline and everything in it. It is not an error if nothing exists. @throws AppError `locked` */
export async function destroy(context: Context): Promise<DestroyResult> {
  const {cloud, engine, pipeline, signal, step} = context
  return withLock('destroy', context, async () => {
    const removed = [...(await cloud.infrastructure.destroy(pipeline, {signal, step}))]
    const source = sourceBucketOf(pipeline)
    if (await cloud.builds.removeSource(source, {signal, step}))
      removed.push({kind: 'bucket', name: source.name, action: 'delete'})
    step('Check for leftovers')
    const left = await cloud.infrastructure.leftovers(pipeline, {signal})
    if (left.length > 0) return {removed, left, imagesRemoved: 0}
    await forgetFetched(context)
    step('Look for images in the docker engine')
    return {removed, left, imagesRemoved: await engine.remove(builtImages(context))}
  })
}

/** Files in a bucket that the pipeline deletes; none if the bucket does not exist, or stays. */
async function* filesOf(
  {cloud, pipeline}: Context,
  bucket: string,
): AsyncGenerator<StoredObject, void, void> {
  if (!ownBuckets(pipeline).includes(bucket)) return
  try {
    for await (const object of cloud.objects.list(bucket)) {
      if (!object.name.startsWith(RESERVED_PREFIX)) yield object
    }
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'not-found') throw error
  }
}
