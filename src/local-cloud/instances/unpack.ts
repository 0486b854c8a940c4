import {randomUUID} from 'node:crypto'
import {createWriteStream} from 'node:fs'
import {access, chmod, link, lstat, mkdir, readdir, rename, rm, symlink} from 'node:fs/promises'
import {dirname, join, relative, resolve} from 'node:path'
import {PassThrough, Readable} from 'node:stream'
import {pipeline} from 'node:stream/promises'
import type {Header} from 'tar-stream'
import type {Image, Images} from '../artifact-registry/images.ts'
import {InstanceError} from './instance.ts'

/** Unpacks images into folders, each once. */
export interface Unpacker {
  /** The folder of an image's files, created if missing. @throws InstanceError for an invalid layer */
  unpack(image: Image): Promise<string>
}

/**
 * @param folder gets one folder per image, named by digest. It appears complete, by rename; what a crash leaves
 * half done is beside it until `removeLeftovers`.
 */
export function createUnpacker(folder: string, images: Pick<Images, 'openBlob'>): Unpacker {
  const inProgress = new Map<string, Promise<string>>()
  const unpackOnce = async (image: Image): Promise<string> => {
    const root = join(folder, folderName(image.digest))
    if (await exists(root)) return root
    await mkdir(folder, {recursive: true, mode: 0o700})
    const temporary = join(folder, `.unpacking-${randomUUID()}`)
    try {
      await mkdir(temporary, {mode: 0o700})
      for (const {digest, mediaType} of image.layers)
        await applyLayer(temporary, images.openBlob(digest), mediaType)
      await rename(temporary, root)
    } catch (error) {
      await rm(temporary, {recursive: true, force: true})
      throw error
    }
    return root
  }
  return {
    unpack(image) {
      const running =
        inProgress.get(image.digest) ?? unpackOnce(image).finally(() => inProgress.delete(image.digest))
      inProgress.set(image.digest, running)
      return running
    },
  }
}

/**
 * Removes half-unpacked images that crashes left, temporary files of instances, and images whose digest is not in
 * `needed`. No instance may be running.
 */
export async function removeLeftovers(folder: string, needed: ReadonlySet<string>): Promise<void> {
  if (!(await exists(folder))) return
  const kept = new Set([...needed].map(folderName))
  for (const name of await readdir(folder)) {
    if (!kept.has(name)) await rm(join(folder, name), {recursive: true, force: true})
  }
}

function folderName(digest: string): string {
  return digest.replace(':', '-')
}

const WHITEOUT = '.wh.'
const OPAQUE = '.wh..wh..opq'

/** Applies one layer's changeset (OCI image specification, layer.md). */
async function applyLayer(root: string, bytes: Readable, mediaType: string): Promise<void> {
  const {extract} = await import('tar-stream')
  const entries = extract()
  // An opaque whiteout does not hide entries of its own layer.
  const brought = new Set<string>()
  const applied = (async () => {
    for await (const entry of entries) {
      await applyEntry(root, entry.header, Readable.from(entry), brought)
    }
  })()
  const results = await Promise.allSettled([pipeline(bytes, decompressor(mediaType), entries), applied])
  // The entry's own error says more than the broken pipe that it causes.
  for (const result of results.toReversed()) if (result.status === 'rejected') throw result.reason
}

function decompressor(mediaType: string): NodeJS.ReadWriteStream {
  const {createGunzip, createZstdDecompress} = process.getBuiltinModule('node:zlib')
  if (mediaType.endsWith('gzip')) return createGunzip()
  if (mediaType.endsWith('+zstd')) return createZstdDecompress()
  if (mediaType.endsWith('.tar')) return new PassThrough()
  throw new InstanceError(
    `The image has a layer of the media type "${mediaType}", which the local cloud cannot unpack.`,
  )
}

async function applyEntry(
  root: string,
  header: Header,
  content: Readable,
  brought: Set<string>,
): Promise<void> {
  const target = await within(root, header.name)
  const name = target.slice(target.lastIndexOf('/') + 1)
  if (name === OPAQUE) {
    await clear(dirname(target), brought)
    content.resume()
    return
  }
  if (name.startsWith(WHITEOUT)) {
    await rm(join(dirname(target), name.slice(WHITEOUT.length)), {recursive: true, force: true})
    content.resume()
    return
  }
  for (let path = target; path !== root && !brought.has(path); path = dirname(path)) brought.add(path)
  switch (header.type) {
    case 'directory':
      if (target !== root) await mkdirOver(target)
      content.resume()
      return
    case 'file':
    case 'contiguous-file':
      await replace(target)
      // Not writable, since all instances of an image share the files.
      await pipeline(content, createWriteStream(target, {flags: 'wx', mode: 0o600}))
      await chmod(target, (header.mode & 0o111) === 0 ? 0o444 : 0o555)
      return
    case 'link':
      await replace(target)
      await link(await within(root, header.linkname), target)
      content.resume()
      return
    case 'symlink':
      await replace(target)
      await symlink(linkTarget(root, target, header), target)
      content.resume()
      return
    case 'block-device':
    case 'character-device':
    case 'fifo':
      // A process without root has no use for them.
      content.resume()
  }
}

/** The path of an entry. No name may lead out of the root, or through a link out of it. */
async function within(root: string, name: string): Promise<string> {
  const target = resolve(root, `./${name}`)
  if (target !== root && !target.startsWith(`${root}/`)) throw outside(name)
  for (let parent = dirname(target); parent.startsWith(`${root}/`); parent = dirname(parent)) {
    const stats = await lstat(parent).catch(() => undefined)
    if (stats?.isSymbolicLink())
      throw new InstanceError(
        `The image's entry "${name}" goes through a symbolic link, which the local cloud does not unpack.`,
      )
  }
  return target
}

/** An absolute link starts at the image's root, which is a folder here, so the link becomes relative. */
function linkTarget(root: string, target: string, {name, linkname}: Header): string {
  const inside = linkname.startsWith('/') ? join(root, linkname) : resolve(dirname(target), linkname)
  if (inside !== root && !inside.startsWith(`${root}/`)) throw outside(`${name} -> ${linkname}`)
  return relative(dirname(target), inside) || '.'
}

function outside(name: string): InstanceError {
  return new InstanceError(`The image's entry "${name}" leads out of the image.`)
}

async function mkdirOver(target: string): Promise<void> {
  const stats = await lstat(target).catch(() => undefined)
  if (stats && !stats.isDirectory()) await rm(target, {force: true})
  await mkdir(target, {recursive: true, mode: 0o700})
}

async function replace(target: string): Promise<void> {
  await rm(target, {recursive: true, force: true})
  await mkdir(dirname(target), {recursive: true, mode: 0o700})
}

async function clear(folder: string, brought: ReadonlySet<string>): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const path = join(folder, name)
    if (!brought.has(path)) await rm(path, {recursive: true, force: true})
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
