import {createHash} from 'node:crypto'
import {existsSync} from 'node:fs'
import {copyFile, mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {basename, dirname, join} from 'node:path'
import {settingFor} from '../config-file.ts'
import {type Context} from '../ports/context.ts'
import {AppError, EXIT} from '../errors.ts'
import {buildCommandImage, DEBUG_ANNOTATION, type Debugger} from '../command-worker/build.ts'
import {readWorkerCommand, type WorkerCommand} from '../command-worker/command.ts'
import {assembleImage, NODE_WORKER, type OciImage} from '../image/assemble.ts'
import {bundleWorker, isOnRuntime, LIVENESS_PORT, packageFolder} from '../image/bundle.ts'
import {linkPackage} from '../image/link-package.ts'
import {pullBase} from '../image/pull.ts'
import {pushImage} from '../image/push.ts'
import {PIPELINE_LABEL} from '../pipeline/pipeline.ts'
import {splitImage} from '../image/reference.ts'
import {findDigest} from '../image/resolve.ts'
import type {Registry} from '../ports/images.ts'
import type {WorkerImage} from '../ports/services.ts'
import {command, suggest} from '../suggestion.ts'

/** How to build an image: with a docker engine from a Dockerfile, or assembled here from a base and one layer. */
export const BUILDERS = ['docker', 'layer'] as const
export type Builder = (typeof BUILDERS)[number]

export interface ImageRequest {
  /** Absolute folder of a custom worker; `undefined` for the packaged one. */
  readonly workerFolder: string | undefined
  /** An existing image: in the pipeline's registry, or in this machine's docker engine. */
  readonly image?: string | undefined
  /** Default: `layer` on the local cloud; on Google Cloud, `docker` if it is available. */
  readonly builder?: Builder | undefined
  /** Debugger to start in each instance; on the local cloud only. */
  readonly debug?: Debugger | undefined
}

/** Label of an image in the docker engine: the folder whose pipeline it was built for. */
const FOLDER_LABEL = 'cloud-runner-folder'

/** Of an image in the registry: the worker in it, as {@link workerLabel} names it. */
export const WORKER_LABEL = 'cloud-runner-worker'

/**
 * How an image names its worker: the folder, relative to that of `cloud-runner.json`, so that every checkout gives
 * the same name; `packaged` if there is no folder.
 */
export function workerLabel(
  workerFolder: string | undefined,
  {stateFolder}: Pick<Context, 'stateFolder'>,
): string {
  return workerFolder === undefined ? 'packaged' : settingFor(workerFolder, dirname(stateFolder))
}

/** The base of the `Dockerfile`. */
const BASE = {
  registry: {origin: 'https://gcr.io', authorization: async () => undefined} satisfies Registry,
  repository: 'distroless/nodejs24-debian12',
  reference: 'nonroot',
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
  // Nobody knows what is in an image that was built elsewhere.
  if (image !== undefined) return {image: await takeImage(image, context, push), livenessPort: undefined}
  const declared = workerFolder === undefined ? undefined : await readWorkerCommand(workerFolder)
  const worker = {workerFolder, declared, debug}
  const build = (await chooseBuilder(builder, worker, context)) === 'docker' ? buildByDocker : buildLayer
  return {
    image: await build(worker, context, push),
    livenessPort: declared === undefined && (await isOnRuntime(workerFolder)) ? LIVENESS_PORT : undefined,
  }
}

/** What to build. */
interface Buildable extends Pick<ImageRequest, 'workerFolder' | 'debug'> {
  /** The command that the folder declares. */
  readonly declared: WorkerCommand | undefined
}

/** The Dockerfile of the worker's folder, relative to it, if it has one. */
function dockerfileOf({workerFolder, declared}: Buildable): string | undefined {
  const name = declared?.dockerfile ?? 'Dockerfile'
  return workerFolder !== undefined && existsSync(join(workerFolder, name)) ? name : undefined
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

async function chooseBuilder(
  asked: Builder | undefined,
  worker: Buildable,
  context: Context,
): Promise<Builder> {
  const {engine, cloud} = context
  const {workerFolder, declared} = worker
  if (declared !== undefined && cloud.isLocal && asked !== 'docker') return 'layer'
  if (declared !== undefined) requireDockerfile(worker, asked)
  const needsDocker = declared !== undefined || dockerfileOf(worker) !== undefined
  if (asked === 'layer' || (asked === undefined && !needsDocker && cloud.isLocal)) {
    return 'layer'
  }
  if (await engine.answers()) return 'docker'
  if (asked === undefined && !needsDocker) return 'layer'
  throw new AppError(
    needsDocker && asked === undefined
      ? `The worker in ${workerFolder} has a Dockerfile, but docker is not available.`
      : 'docker is not available.',
    {
      code: 'program-missing',
      suggestions: [
        'Start docker and check that it runs: docker info',
        ...(declared === undefined && (await isWithoutDocker(workerFolder, context))
          ? [suggest`Or build without docker: ${command('deploy', '--builder', 'layer')}`]
          : []),
      ],
    },
  )
}

/** A process of this machine runs only here: everywhere else, a command needs its Dockerfile. */
function requireDockerfile(worker: Buildable, asked: Builder | undefined): void {
  const {workerFolder = '', declared} = worker
  if (asked === 'layer')
    throw new AppError(
      `The worker in ${workerFolder} declares a command, which has no image without docker on Google Cloud.`,
      {
        code: 'worker-build-failed',
        suggestions: [suggest`Build its Dockerfile: ${command('deploy', '--builder', 'docker')}`],
      },
    )
  if (dockerfileOf(worker) === undefined)
    throw new AppError(
      `There is no ${declared?.dockerfile} in ${workerFolder}; the command in ${declared?.file} runs without one only on the local target.`,
      {
        code: 'worker-missing',
        suggestions: [
          suggest`Start from one that has both: ${command('init', 'my-worker', '--template', 'python')}`,
          suggest`Or run it here: ${command('dev')}`,
        ],
      },
    )
}

/** Whether `deploy --builder layer` works: there is a service, and the worker is not only a container. */
async function isWithoutDocker(
  workerFolder: string | undefined,
  {cloud, pipeline}: Context,
): Promise<boolean> {
  if ((await cloud.services.get(pipeline.names.service)) === undefined) return false
  return bundleWorker({folder: workerFolder}).then(
    () => true,
    () => false,
  )
}

/**
 * Requires a worker in the folder that can be built; a `Dockerfile` is not checked. Creates nothing.
 * @throws AppError `worker-missing`, `worker-build-failed`
 */
export async function requireWorker(folder: string): Promise<void> {
  if ((await readWorkerCommand(folder)) !== undefined) return
  if (!existsSync(join(folder, 'Dockerfile'))) await bundleWorker({folder})
}

async function bundle(folder: string | undefined, isDebugged = false): ReturnType<typeof bundleWorker> {
  // For editor and tests alone: a folder that cannot be written is built all the same.
  if (folder !== undefined) await linkPackage(folder).catch(() => {})
  return bundleWorker({folder, isDebugged})
}

/** The same sources in the same folder of a project give the same digest. */
async function buildLayer(worker: Buildable, context: Context, push: boolean): Promise<string> {
  const {pipeline, cloud, signal, step} = context
  const {names} = pipeline
  const image = await assembleWorker(worker, context)
  const hex = shortDigest(image.digest)
  if (push) {
    step(`Push image ${hex}`)
    await pushImage(image, {
      registry: cloud.registry,
      repository: splitImage(names.image).path,
      tag: `content-${hex}`,
      signal,
    })
  }
  return `${names.image}@${image.digest}`
}

async function assembleWorker(
  {workerFolder, declared, debug}: Buildable,
  context: Context,
): Promise<OciImage> {
  const {cloud, signal, step} = context
  const labels = {[WORKER_LABEL]: workerLabel(workerFolder, context)}
  if (workerFolder !== undefined && declared !== undefined)
    return buildCommandImage({folder: workerFolder, declared, debug}, labels, context)
  if (debug === 'debugpy') throw notPython(workerFolder)
  step('Bundle the worker')
  const {files} = await bundle(workerFolder, debug !== undefined)
  signal.throwIfAborted()
  // On a local cloud an annotation names the runtime, which needs no image.
  if (!cloud.isLocal) return assembleImage({files, labels, base: await pullBase({...BASE, signal})})
  const annotations = {
    ...NODE_WORKER.annotations,
    ...(debug === undefined ? {} : {[DEBUG_ANNOTATION]: debug}),
  }
  return assembleImage({files, labels, program: {...NODE_WORKER, annotations}})
}

function notPython(workerFolder: string | undefined): AppError {
  return new AppError(
    `--debugpy needs a worker in Python; ${workerFolder ?? 'the built-in worker'} runs on Node.`,
    {
      code: 'usage',
      exitCode: EXIT.usage,
      suggestions: [suggest`Use the debugger of Node: ${command('dev', '--inspect')}`],
    },
  )
}

/** Builds the worker's own Dockerfile, or the packaged one with the bundle. */
async function buildByDocker(worker: Buildable, context: Context, push: boolean): Promise<string> {
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
    const {files} = await bundle(workerFolder)
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
async function takeImage(image: string, context: Context, push: boolean): Promise<string> {
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

function shortDigest(digest: string): string {
  return digest.replace(/^sha256:/, '').slice(0, 12)
}
