import {existsSync} from 'node:fs'
import {mkdir, rm, symlink} from 'node:fs/promises'
import {dirname, join} from 'node:path'

/** Folder of this package, whether a checkout or an installation; both have the worker's sources. */
export function packageFolder(): string {
  let folder = import.meta.dirname
  while (!existsSync(join(folder, 'worker', 'runtime', 'index.ts'))) {
    const parent = dirname(folder)
    if (parent === folder) throw new Error(`The worker's sources are missing above ${import.meta.dirname}.`)
    folder = parent
  }
  return folder
}

/**
 * Lets editor and tests of a worker with a package.json find `cloud-runner/worker`: if no folder above has the package
 * installed, it is linked in `node_modules`. Nothing else names where it is on this machine, so npm removes the link
 * when it installs packages, and a checkout elsewhere has none: every build puts it back. The worker's image does
 * without.
 */
export async function linkPackage(folder: string): Promise<void> {
  if (!existsSync(join(folder, 'package.json')) || isInstalledAbove(folder)) return
  const link = join(folder, 'node_modules', 'cloud-runner')
  await mkdir(dirname(link), {recursive: true})
  // One that leads nowhere, since the package was moved.
  await rm(link, {force: true})
  await symlink(packageFolder(), link, 'junction')
}

function isInstalledAbove(folder: string): boolean {
  for (let above = folder; ; above = dirname(above)) {
    if (existsSync(join(above, 'node_modules', 'cloud-runner', 'package.json'))) return true
    if (dirname(above) === above) return false
  }
}
