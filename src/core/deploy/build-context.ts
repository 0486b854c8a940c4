import {copyFile, mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {basename, join} from 'node:path'
import {packageFolder} from '../package-folder.ts'
import type {Context} from '../ports/context.ts'
import {bundleAndLink} from './bundle.ts'
import {dockerfileOf, type Buildable} from './choose-builder.ts'

/** Calls `work` with a folder and its Dockerfile: the worker's own, or this package's with the bundle. */
export async function withBuildContext<T>(
  worker: Buildable,
  context: Context,
  work: (folder: string, dockerfile: string) => Promise<T>,
): Promise<T> {
  const {workerFolder} = worker
  const {step} = context
  const dockerfile = dockerfileOf(worker)
  if (workerFolder !== undefined && dockerfile !== undefined) {
    step(`Build ${join(workerFolder, dockerfile)}`)
    return work(workerFolder, dockerfile)
  }
  step('Bundle the worker')
  const files = await bundleAndLink({workerFolder}, context)
  const folder = await mkdtemp(join(tmpdir(), 'cloud-runner-build-'))
  try {
    await mkdir(join(folder, 'dist'))
    for (const {path, content} of files) await writeFile(join(folder, 'dist', basename(path)), content)
    await copyFile(join(packageFolder(), 'Dockerfile'), join(folder, 'Dockerfile'))
    step('Build the image')
    return await work(folder, 'Dockerfile')
  } finally {
    await rm(folder, {recursive: true, force: true})
  }
}
