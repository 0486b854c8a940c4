import {existsSync} from 'node:fs'
import {mkdir, readFile, symlink, writeFile} from 'node:fs/promises'
import {dirname, join, relative, sep} from 'node:path'
import {packageFolder} from '../image/bundle.ts'

/**
 * Lets editor and tests of a worker find `cloud-runner/worker`: where no folder above has the package installed, it is
 * linked, and its package.json names it, so that npm keeps the link. The worker's image does without.
 */
export async function linkPackage(folder: string): Promise<void> {
  const home = packageFolder()
  if (isInstalledAbove(folder)) return
  const link = join(folder, 'node_modules', 'cloud-runner')
  await mkdir(dirname(link), {recursive: true})
  await symlink(home, link, 'junction')
  const file = join(folder, 'package.json')
  const manifest: unknown = JSON.parse(await readFile(file, 'utf8'))
  const devDependencies = {'cloud-runner': `file:${relative(folder, home).split(sep).join('/')}`}
  await writeFile(file, `${JSON.stringify({...Object(manifest), devDependencies}, undefined, 2)}\n`)
}

function isInstalledAbove(folder: string): boolean {
  for (let above = folder; ; above = dirname(above)) {
    if (existsSync(join(above, 'node_modules', 'cloud-runner', 'package.json'))) return true
    if (dirname(above) === above) return false
  }
}
