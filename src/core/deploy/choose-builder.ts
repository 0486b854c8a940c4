import {existsSync} from 'node:fs'
import {join} from 'node:path'
import type {Debugger} from '../command-worker/build.ts'
import {readWorkerCommand, type WorkerCommand} from '../command-worker/command.ts'
import {AppError, EXIT} from '../errors.ts'
import type {Context} from '../ports/context.ts'
import type {Images} from '../ports/images.ts'
import {command, suggest} from '../suggestion.ts'

/**
 * How to build an image: with a docker engine from a Dockerfile, assembled here from a base and one layer, or on
 * Google's machines.
 */
export const BUILDERS = ['docker', 'layer', 'cloudbuild'] as const
export type Builder = (typeof BUILDERS)[number]

/** What to build. */
export interface Buildable {
  /** Absolute folder of a custom worker; `undefined` for the packaged one. */
  readonly workerFolder: string | undefined
  /** The command that the folder declares. */
  readonly declared: WorkerCommand | undefined
  /** Debugger to start in each instance; on the local cloud only. */
  readonly debug?: Debugger | undefined
}

/** The Dockerfile of the worker's folder, relative to it, if it has one. */
export function dockerfileOf({workerFolder, declared}: Buildable): string | undefined {
  const name = declared?.dockerfile ?? 'Dockerfile'
  return workerFolder !== undefined && existsSync(join(workerFolder, name)) ? name : undefined
}

/**
 * Requires a worker in the folder that can be built; a `Dockerfile` is not checked. Creates nothing.
 * @throws AppError `worker-missing`, `worker-build-failed`
 */
export async function requireWorker(folder: string, images: Pick<Images, 'bundleWorker'>): Promise<void> {
  if ((await readWorkerCommand(folder)) !== undefined) return
  if (!existsSync(join(folder, 'Dockerfile'))) await images.bundleWorker({folder})
}

/**
 * The builder that was asked for, or the one that fits the worker and the machine.
 * @throws AppError `program-missing` without docker, if it is needed; `usage` for Cloud Build on the local cloud;
 * `worker-missing`, `worker-build-failed`
 */
export async function chooseBuilder(
  asked: Builder | undefined,
  worker: Buildable,
  context: Context,
): Promise<Builder> {
  const {engine, cloud} = context
  const {workerFolder, declared} = worker
  if (asked === 'cloudbuild' && cloud.isLocal) throw notHere()
  if (declared !== undefined && cloud.isLocal && asked !== 'docker') return 'layer'
  if (declared !== undefined) requireImage(worker, asked, context)
  if (asked === 'cloudbuild' || asked === 'layer') return asked
  const hasDockerfile = dockerfileOf(worker) !== undefined
  const needsDocker = declared !== undefined || hasDockerfile
  if (asked === undefined && !needsDocker && cloud.isLocal) return 'layer'
  if (asked === undefined && declared !== undefined && !hasDockerfile) return 'cloudbuild'
  if (await engine.answers()) return 'docker'
  if (asked === undefined && !needsDocker) return 'layer'
  if (asked === undefined && !cloud.isLocal) return 'cloudbuild'
  throw new AppError(
    needsDocker && asked === undefined
      ? `The worker in ${workerFolder} has a Dockerfile, but docker is not available.`
      : 'docker is not available.',
    {
      code: 'program-missing',
      suggestions: [
        'Start docker and check that it runs: docker info',
        ...(cloud.isLocal
          ? []
          : [suggest`Or build on Google Cloud: ${command('deploy', '--builder', 'cloudbuild')}`]),
        ...(declared === undefined && (await isWithoutDocker(workerFolder, context))
          ? [suggest`Or build without docker: ${command('deploy', '--builder', 'layer')}`]
          : []),
      ],
    },
  )
}

function notHere(): AppError {
  return new AppError('The local cloud has no Cloud Build; --builder cloudbuild needs Google Cloud.', {
    code: 'usage',
    exitCode: EXIT.usage,
    suggestions: [suggest`Build on this machine: ${command('deploy')}`],
  })
}

/** A process of this machine runs only here: everywhere else, a command needs its Dockerfile, or buildpacks. */
function requireImage(worker: Buildable, asked: Builder | undefined, {cloud}: Context): void {
  const {workerFolder = '', declared} = worker
  if (asked === 'layer')
    throw new AppError(
      `The worker in ${workerFolder} declares a command, which --builder layer cannot put into an image for Google Cloud.`,
      {
        code: 'worker-build-failed',
        suggestions: [suggest`Build it on Google Cloud: ${command('deploy', '--builder', 'cloudbuild')}`],
      },
    )
  if (dockerfileOf(worker) !== undefined) return
  const hasBuildpacks = declared?.file === 'Procfile' && !cloud.isLocal
  if (hasBuildpacks && asked !== 'docker') return
  throw new AppError(
    `There is no ${declared?.dockerfile} in ${workerFolder}; without one, the command in ${declared?.file} runs only on the local target${hasBuildpacks ? ' or is built by Cloud Build' : ''}.`,
    {
      code: 'worker-missing',
      suggestions: hasBuildpacks
        ? [suggest`Build it on Google Cloud: ${command('deploy', '--builder', 'cloudbuild')}`]
        : [
            suggest`Start from one that has both: ${command('init', 'my-worker', '--template', 'python')}`,
            suggest`Or run it here: ${command('dev')}`,
          ],
    },
  )
}

/** Whether `deploy --builder layer` works: there is a service, and the worker is not only a container. */
async function isWithoutDocker(
  workerFolder: string | undefined,
  {cloud, images, pipeline}: Context,
): Promise<boolean> {
  if ((await cloud.services.get(pipeline.names.service)) === undefined) return false
  return images.bundleWorker({folder: workerFolder}).then(
    () => true,
    () => false,
  )
}
