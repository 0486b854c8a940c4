import {DEBUG_ANNOTATION, readCommandImage, type Debugger} from '../command-worker/build.ts'
import {readWorkerCommand} from '../command-worker/command.ts'
import {AppError, EXIT} from '../errors.ts'
import {splitImage} from '../image-reference.ts'
import type {Context} from '../ports/context.ts'
import type {AssembledImage} from '../ports/images.ts'
import type {WorkerImage} from '../ports/services.ts'
import {command, suggest} from '../suggestion.ts'
import {bundleAndLink} from './bundle.ts'
import {chooseBuilder, type Buildable, type Builder} from './choose-builder.ts'
import {buildByCloudBuild} from './cloud-build.ts'
import {buildByDocker, takeImage} from './docker-image.ts'
import {WORKER_LABEL, workerLabel} from './worker-label.ts'

export interface ImageRequest extends Pick<Buildable, 'workerFolder' | 'debug'> {
  /** An existing image: in the pipeline's registry, or in this machine's docker engine. */
  readonly image?: string | undefined
  /** Default: `layer` on the local cloud; on Google Cloud, `docker` if it is available, else what works without. */
  readonly builder?: Builder | undefined
}

/**
 * Provides the requested image in the pipeline's registry: finds it there, or builds and pushes it.
 * @param push false: only determines the reference
 * @throws AppError `image-unknown`, `worker-missing`, `worker-build-failed`, `program-missing`, errors of the registry
 */
export async function provideImage(
  request: ImageRequest,
  context: Context,
  {push}: {readonly push: boolean},
): Promise<WorkerImage> {
  const {workerFolder, image, builder, debug} = request
  // The contents of an image built elsewhere are unknown.
  if (image !== undefined) return {image: await takeImage(image, context, push), livenessPort: undefined}
  const declared = workerFolder === undefined ? undefined : await readWorkerCommand(workerFolder)
  const worker = {workerFolder, declared, debug}
  const build = BUILD[await chooseBuilder(builder, worker, context)]
  return {
    image: await build(worker, context, push),
    livenessPort: declared === undefined ? await context.images.livenessPort(workerFolder) : undefined,
  }
}

/**
 * Builds the current worker and pushes its image, tagged by its content.
 * @param workerFolder of a custom worker, absolute; `undefined` is the packaged one
 */
export function buildAndPush(
  workerFolder: string | undefined,
  context: Context,
  debug?: Debugger,
): Promise<WorkerImage> {
  return provideImage({workerFolder, debug}, context, {push: true})
}

const BUILD = {docker: buildByDocker, layer: buildLayer, cloudbuild: buildByCloudBuild} satisfies Record<
  Builder,
  unknown
>

/** The same sources in the same project folder give the same digest. */
async function buildLayer(worker: Buildable, context: Context, push: boolean): Promise<string> {
  const {pipeline, cloud, signal, step} = context
  const {names} = pipeline
  const image = await assembleWorker(worker, context)
  const hex = image.digest.replace(/^sha256:/, '').slice(0, 12)
  if (push) {
    step(`Push image ${hex}`)
    await image.push({
      registry: cloud.registry,
      repository: splitImage(names.image).path,
      tag: `content-${hex}`,
      signal,
    })
  }
  return `${names.image}@${image.digest}`
}

async function assembleWorker(worker: Buildable, context: Context): Promise<AssembledImage> {
  const {workerFolder, declared, debug} = worker
  const {cloud, images, signal, step} = context
  const labels = {[WORKER_LABEL]: workerLabel(workerFolder, context)}
  const annotations = debug === undefined ? {} : {[DEBUG_ANNOTATION]: debug}
  if (workerFolder !== undefined && declared !== undefined) {
    const content = await readCommandImage({folder: workerFolder, declared, debug}, context)
    return images.assemble({...content, labels, annotations, hasBase: false, signal})
  }
  if (debug === 'debugpy') throw notPython(workerFolder)
  step('Bundle the worker')
  const files = await bundleAndLink(worker, context)
  signal.throwIfAborted()
  // On a local cloud an annotation names the runtime, which needs no image.
  return images.assemble({files, labels, annotations, hasBase: !cloud.isLocal, signal})
}

function notPython(workerFolder: string | undefined): AppError {
  return new AppError(
    `--debugpy needs a worker in Python; ${workerFolder ?? 'the built-in worker'} runs on Node.`,
    {
      code: 'usage',
      exitCode: EXIT.usage,
      suggestions: [suggest`Use Node's debugger: ${command('dev', '--inspect')}`],
    },
  )
}
