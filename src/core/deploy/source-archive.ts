import {createReadStream} from 'node:fs'
import {lstat, readdir, readFile, readlink} from 'node:fs/promises'
import {join} from 'node:path'
import {PassThrough, type Readable} from 'node:stream'
import {pipeline} from 'node:stream/promises'
import {createGzip} from 'node:zlib'
import {pack, type Pack} from 'tar-stream'
import {codeOf} from '../system-error.ts'

/** Neither docker nor buildpacks need them; the second may hold secrets. */
const LEFT_OUT = new Set(['.git', '.cloud-runner'])

/**
 * A tar.gz of a folder for a build elsewhere. What its `.dockerignore` excludes is not sent, but for that file and the
 * Dockerfile. A failure to read is the stream's error.
 */
export function archiveSource(folder: string, dockerfile: string | undefined): Readable {
  const archive = pack()
  const out = new PassThrough()
  // The reader of `out` gets the error; this promise adds nothing.
  void pipeline(archive, createGzip(), out).catch(() => {})
  void (async () => {
    const isIgnored = await readIgnored(folder, dockerfile)
    for await (const path of filesBelow(folder, '')) {
      if (!isIgnored(path)) await add(archive, folder, path)
    }
    archive.finalize()
  })().catch((error: unknown) => void out.destroy(error instanceof Error ? error : new Error(String(error))))
  return out
}

async function* filesBelow(folder: string, below: string): AsyncGenerator<string> {
  for (const entry of await readdir(join(folder, below), {withFileTypes: true})) {
    if (below === '' && LEFT_OUT.has(entry.name)) continue
    const path = below === '' ? entry.name : `${below}/${entry.name}`
    if (entry.isDirectory()) yield* filesBelow(folder, path)
    else if (entry.isFile() || entry.isSymbolicLink()) yield path
  }
}

async function add(archive: Pack, folder: string, name: string): Promise<void> {
  const path = join(folder, name)
  const stats = await lstat(path)
  const {size, mode, mtime} = stats
  const header = {name, mode: mode & 0o777, mtime}
  if (stats.isSymbolicLink()) {
    archive.entry({...header, type: 'symlink', linkname: await readlink(path)})
    return
  }
  await pipeline(createReadStream(path, {end: Math.max(0, size - 1)}), archive.entry({...header, size}))
}

/**
 * The rules of a `.dockerignore`; the last one that matches decides.
 * https://docs.docker.com/build/concepts/context/#dockerignore-files
 */
async function readIgnored(
  folder: string,
  dockerfile: string | undefined,
): Promise<(path: string) => boolean> {
  if (dockerfile === undefined) return () => false
  const own = `${dockerfile}.dockerignore`
  const [name, text] = await readFirst(folder, [own, '.dockerignore'])
  const rules = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => ({
      excludes: !line.startsWith('!'),
      pattern: patternOf(line.replace(/^!\s*/, '').replace(/^\/+|\/+$/g, '')),
    }))
  const needed = new Set([dockerfile, name])
  return (path) => !needed.has(path) && (rules.findLast(({pattern}) => pattern.test(path))?.excludes ?? false)
}

async function readFirst(folder: string, names: readonly string[]): Promise<[string, string]> {
  for (const name of names) {
    try {
      return [name, await readFile(join(folder, name), 'utf8')]
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error
    }
  }
  return ['', '']
}

/** A pattern of Go's `filepath.Match`, with `**` for any number of folders; it also matches everything below. */
function patternOf(glob: string): RegExp {
  const body = glob
    .replace(/^\.\//, '')
    .replaceAll(/\*\*\/?|\*|\?|\[[^\]]+\]|\\.|[.+^${}()|[\]\\]/g, (part) => {
      if (part.startsWith('**')) return part.endsWith('/') ? '(?:[^/]+/)*' : '.*'
      if (part === '*') return '[^/]*'
      if (part === '?') return '[^/]'
      return /^\[.+\]$/.test(part) || part.length === 2 ? part : `\\${part}`
    })
  return new RegExp(`^${body}(?:/|$)`)
}
