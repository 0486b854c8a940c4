import {createHash} from 'node:crypto'
import {AppError, EXIT} from '../errors.ts'
import {findDigest, splitImage} from '../image-reference.ts'
import {PIPELINE_LABEL} from '../settings/pipeline.ts'
import type {Context} from '../ports/context.ts'
import {shellWord} from '../shell.ts'
import {withBuildContext} from './build-context.ts'
import type {Buildable} from './choose-builder.ts'
import {WORKER_LABEL, workerLabel} from './worker-label.ts'

/** Label of an image in the docker engine: the folder whose pipeline it was built for. */
const FOLDER_LABEL = 'cloud-runner-folder'

/** Builds the worker's own Dockerfile, or the packaged one with the bundle. */
export async function buildByDocker(worker: Buildable, context: Context, push: boolean): Promise<string> {
  const {pipeline, engine, signal, step} = context
  const {labels: ofPipeline, reference} = builtImage(context)
  const labels = {...ofPipeline, [WORKER_LABEL]: workerLabel(worker.workerFolder, context)}
  await withBuildContext(worker, context, (folder, dockerfile) =>
    engine.build({folder, dockerfile, reference, labels, signal, step}),
  )
  return push ? pushByDocker(reference, context) : `${pipeline.names.image}:build`
}

/** Finds an image by name in the registry, or pushes it from the engine. */
export async function takeImage(image: string, context: Context, push: boolean): Promise<string> {
  const found = await findDigest(image, context)
  if (found !== undefined) return found
  const {engine, pipeline} = context
  if ((await engine.answers()) && (await engine.has(image))) {
    return push ? pushByDocker(image, context) : `${pipeline.names.image}:build`
  }
  throw new AppError(`Image ${image} is neither in the pipeline's registry nor in a local docker engine.`, {
    code: 'image-unknown',
    exitCode: EXIT.usage,
    suggestions: [
      `Pull it first: docker pull --platform linux/amd64 ${shellWord(image)}`,
      `Or push it to ${pipeline.names.image}`,
    ],
  })
}

async function pushByDocker(reference: string, context: Context): Promise<string> {
  const {pipeline, cloud, engine, signal, step} = context
  step('Push the image')
  const digest = await engine.push({
    reference,
    as: pushedReference(context),
    authorization: await cloud.registry.authorization(),
    signal,
  })
  return `${pipeline.names.image}@${digest}`
}

/** Labels and names of the images that this folder's pipeline leaves in the docker engine. */
export function builtImages(context: Pick<Context, 'pipeline' | 'cloud' | 'stateFolder'>) {
  const {labels, reference} = builtImage(context)
  return {labels, references: [reference, pushedReference(context)]}
}

function builtImage({pipeline, stateFolder}: Pick<Context, 'pipeline' | 'stateFolder'>) {
  const {name} = pipeline.settings
  const folder = createHash('sha256').update(stateFolder).digest('hex').slice(0, 12)
  return {
    labels: {[PIPELINE_LABEL]: name, [FOLDER_LABEL]: folder},
    reference: `${name}-worker:build-${folder}`,
  }
}

function pushedReference({pipeline, cloud}: Pick<Context, 'pipeline' | 'cloud'>): string {
  return `${new URL(cloud.registry.origin).host}/${splitImage(pipeline.names.image).path}:built`
}
