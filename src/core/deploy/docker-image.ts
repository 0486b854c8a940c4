import {createHash} from 'node:crypto'
import {copyFile, mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {basename, join} from 'node:path'
import {AppError, EXIT} from '../errors.ts'
import {findDigest, splitImage} from '../image-reference.ts'
import {packageFolder} from '../package-folder.ts'
import {PIPELINE_LABEL} from '../pipeline/pipeline.ts'
import type {Context} from '../ports/context.ts'
import {bundleAndLink} from './bundle.ts'
import {dockerfileOf, type Buildable} from './choose-builder.ts'
import {WORKER_LABEL, workerLabel} from './worker-label.ts'

/** Label of an image in the docker engine: the folder whose pipeline it was built for. */
const FOLDER_LABEL = 'cloud-runner-folder'

/** Builds the worker's own Dockerfile, or the packaged one with the bundle. */
export async function buildByDocker(worker: Buildable, context: Context, push: boolean): Promise<string> {
  const {workerFolder} = worker
  const {pipeline, engine, signal, step} = context
  const {labels: ofPipeline, reference} = builtImage(context)
  const labels = {...ofPipeline, [WORKER_LABEL]: workerLabel(workerFolder, context)}
  const dockerfile = dockerfileOf(worker)
  if (workerFolder !== undefined && dockerfile !== undefined) {
    step(`Build ${join(workerFolder, dockerfile)}`)
    await engine.build({folder: workerFolder, dockerfile, reference, labels, signal, step})
  } else {
    step('Bundle the worker')
    const files = await bundleAndLink({workerFolder}, context)
    const folder = await mkdtemp(join(tmpdir(), 'cloud-runner-build-'))
    try {
      await mkdir(join(folder, 'dist'))
      for (const {path, content} of files) await writeFile(join(folder, 'dist', basename(path)), content)
      await copyFile(join(packageFolder(), 'Dockerfile'), join(folder, 'Dockerfile'))
      step('Build the image')
      await engine.build({folder, reference, labels, signal, step})
    } finally {
      await rm(folder, {recursive: true, force: true})
    }
  }
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
      `Pull it first: docker pull --platform linux/amd64 ${image}`,
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
