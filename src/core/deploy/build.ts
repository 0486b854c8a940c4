import type {Context} from '../context.ts'
import {AppError} from '../errors.ts'
import {assembleImage} from '../image/assemble.ts'
import {bundleWorker} from '../image/bundle.ts'
import {pushImage} from '../image/push.ts'

/**
 * Builds the worker as it is now and pushes its image, tagged by its content. The same sources give the same digest.
 * @param workerFolder of a worker of one's own, absolute; `undefined` is the packaged one
 * @returns the reference with its digest, as the service names it
 * @throws AppError `worker-missing`, `worker-build-failed`, what the registry answers
 */
export async function buildAndPush(
  workerFolder: string | undefined,
  {pipeline, cloud, signal, step}: Context,
): Promise<string> {
  const {settings, names} = pipeline
  if (settings.target === 'gcp') {
    throw new AppError('Images for Google Cloud need a base image, which this version does not pull.', {
      code: 'not-implemented',
      suggestions: ['Use the local target: --target local'],
    })
  }
  step('Bundle the worker')
  const {files} = await bundleWorker({folder: workerFolder})
  signal.throwIfAborted()
  const image = await assembleImage({files})
  const hex = image.digest.replace(/^sha256:/, '')
  step(`Push image ${hex.slice(0, 12)}`)
  const repository = `${settings.project}/${names.repository}/worker`
  await pushImage(image, {registry: cloud.registry, repository, tag: `content-${hex.slice(0, 12)}`, signal})
  return `${names.image}@${image.digest}`
}
