import {existsSync} from 'node:fs'
import {join} from 'node:path'
import type {Debugger} from '../command-worker/build.ts'
import {readWorkerCommand, type WorkerCommand} from '../command-worker/command.ts'
import {AppError} from '../errors.ts'
import type {Context} from '../ports/context.ts'
import type {Images} from '../ports/images.ts'
import {command, suggest} from '../suggestion.ts'

/** How to build an image: with a docker engine from a Dockerfile, or assembled here from a base and one layer. */
export const BUILDERS = ['docker', 'layer'] as const
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
 * @throws AppError `program-missing` without docker, if it is needed; `worker-missing`, `worker-build-failed`
 */
export async function chooseBuilder(
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
  {cloud, images, pipeline}: Context,
): Promise<boolean> {
  if ((await cloud.services.get(pipeline.names.service)) === undefined) return false
  return images.bundleWorker({folder: workerFolder}).then(
    () => true,
    () => false,
  )
}
