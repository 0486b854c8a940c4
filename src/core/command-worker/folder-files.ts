import {existsSync} from 'node:fs'
import {readdir, readFile, stat} from 'node:fs/promises'
import {join, relative, sep} from 'node:path'
import type {ImageFile} from '../ports/images.ts'

/** Not part of a worker: packages, caches, hidden files and editors' temporary files. */
const IGNORED = /^(?:\..*|node_modules|__pycache__|.*~|.*\.pyc|4913)$/

/** Whether an entry of a worker's folder is not part of the worker: it is neither copied nor watched. */
export function isIgnored(name: string): boolean {
  return IGNORED.test(name)
}

/** The files of a worker's folder, as `app/…` in an image. Virtual environments are left out. */
export async function filesOfFolder(folder: string, below = folder): Promise<ImageFile[]> {
  const files: ImageFile[] = []
  for (const {name} of await readdir(below, {withFileTypes: true})) {
    const path = join(below, name)
    if (isIgnored(name) || existsSync(join(path, 'pyvenv.cfg'))) continue
    // Follows links: the copy is elsewhere. One that leads nowhere is no file.
    const stats = await stat(path).catch(() => undefined)
    if (stats?.isDirectory()) files.push(...(await filesOfFolder(folder, path)))
    if (!stats?.isFile()) continue
    files.push({
      path: `app/${relative(folder, path).split(sep).join('/')}`,
      content: await readFile(path),
      mode: (stats.mode & 0o111) === 0 ? 0o644 : 0o755,
    })
  }
  return files
}
