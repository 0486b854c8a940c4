import {linkPackage} from '../package-folder.ts'
import type {Context} from '../ports/context.ts'
import type {ImageFile} from '../ports/images.ts'
import type {Buildable} from './choose-builder.ts'

/** Bundles the worker, and lets its editor and tests find this package. */
export async function bundleAndLink(
  {workerFolder, debug}: Pick<Buildable, 'workerFolder' | 'debug'>,
  {images}: Pick<Context, 'images'>,
): Promise<ImageFile[]> {
  // For editor and tests alone: a folder that cannot be written is built all the same.
  if (workerFolder !== undefined) await linkPackage(workerFolder).catch(() => {})
  return images.bundleWorker({folder: workerFolder, isDebugged: debug !== undefined})
}
