import {dirname} from 'node:path'
import {settingFor} from '../config-file.ts'
import type {Context} from '../ports/context.ts'

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
