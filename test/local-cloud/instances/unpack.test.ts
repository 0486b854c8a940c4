import {lstat, mkdir, readFile, readdir, readlink, stat} from 'node:fs/promises'
import {join} from 'node:path'
import {Readable} from 'node:stream'
import {gzipSync} from 'node:zlib'
import {describe, expect, it} from 'vitest'
import type {Image} from '../../../src/local-cloud/artifact-registry/images.ts'
import {createUnpacker, removeLeftovers} from '../../../src/local-cloud/instances/unpack.ts'
import {sha256, tar} from '../../support/oci-image.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'

type Entries = Parameters<typeof tar>[0]

/** An unpacker over layers of these entries. */
async function layered(...layers: Entries[]) {
  const folder = await temporaryFolder()
  const blobs = new Map<string, Buffer>()
  const described: Image['layers'][number][] = []
  for (const [index, entries] of layers.entries()) {
    const plain = await tar(entries)
    const bytes = index % 2 === 0 ? gzipSync(plain) : plain
    const mediaType = `application/vnd.oci.image.layer.v1.tar${index % 2 === 0 ? '+gzip' : ''}`
    blobs.set(sha256(bytes), bytes)
    described.push({digest: sha256(bytes), mediaType, sizeBytes: bytes.length})
  }
  let opened = 0
  const unpacker = createUnpacker(folder, {
    openBlob(digest) {
      opened += 1
      return Readable.from([blobs.get(digest) ?? Buffer.alloc(0)])
    },
  })
  const config = {entrypoint: [], cmd: [], env: [], workingDir: '', user: ''}
  const image: Image = {digest: `sha256:${'a'.repeat(64)}`, annotations: {}, config, layers: described}
  return {folder, unpack: () => unpacker.unpack(image), opened: () => opened}
}

describe('unpacking', () => {
  it('applies layers in order, with whiteouts and opaque folders', async () => {
    const {unpack} = await layered(
      [
        {name: 'app/old.js', text: 'old'},
        {name: 'app/kept.js', text: 'kept', mode: 0o755},
        {name: 'data/one', text: '1'},
        {name: 'data/deep/two', text: '2'},
      ],
      [
        {name: 'app/.wh.old.js'},
        {name: 'app/kept.js', text: 'replaced', mode: 0o755},
        {name: 'data/new', text: 'n'},
        {name: 'data/.wh..wh..opq'},
      ],
    )
    const root = await unpack()
    expect(await readdir(join(root, 'app'))).toEqual(['kept.js'])
    expect(await readFile(join(root, 'app/kept.js'), 'utf8')).toBe('replaced')
    expect((await stat(join(root, 'app/kept.js'))).mode & 0o777).toBe(0o555)
    expect(await readdir(join(root, 'data'))).toEqual(['new'])
  })

  it('keeps links inside the image', async () => {
    const {unpack} = await layered([
      {name: 'app/main.js', text: 'x'},
      {name: 'app/absolute', type: 'symlink', linkname: '/app/main.js'},
      {name: 'app/hard', type: 'link', linkname: 'app/main.js'},
      {name: 'device', type: 'character-device'},
    ])
    const root = await unpack()
    expect(await readlink(join(root, 'app/absolute'))).toBe('main.js')
    expect(await readFile(join(root, 'app/hard'), 'utf8')).toBe('x')
    await expect(lstat(join(root, 'device'))).rejects.toThrow('ENOENT')
  })

  it.each<[string, Entries]>([
    ['a name', [{name: '../outside', text: 'x'}]],
    ['a name in the middle', [{name: 'a/../../outside', text: 'x'}]],
    ['a symbolic link', [{name: 'out', type: 'symlink', linkname: '../../etc'}]],
    ['a hard link', [{name: 'out', type: 'link', linkname: '../../etc/passwd'}]],
    [
      'a link and a file through it',
      [
        {name: 'in', type: 'symlink', linkname: 'app'},
        {name: 'in/file', text: 'x'},
      ],
    ],
  ])('refuses %s that leads out, and leaves nothing', async (_, entries) => {
    const {unpack, folder} = await layered(entries)
    await expect(unpack()).rejects.toThrow(/leads out of the image|symbolic link/)
    expect(await readdir(folder)).toEqual([])
  })

  it('unpacks an image once, also for two who ask at the same time', async () => {
    const {unpack, opened} = await layered([{name: 'app/main.js', text: 'x'}])
    const [one, two] = await Promise.all([unpack(), unpack()])
    expect(one).toBe(two)
    await unpack()
    expect(opened()).toBe(1)
  })

  it('removes what a crash left, and images that nothing needs', async () => {
    const {unpack, folder} = await layered([{name: 'app/main.js', text: 'x'}])
    const root = await unpack()
    await mkdir(join(folder, '.unpacking-half'))
    await mkdir(join(folder, 'tmp/instance'), {recursive: true})
    const name = root.split('/').at(-1) ?? ''
    await removeLeftovers(folder, new Set([name.replace('-', ':')]))
    expect(await readdir(folder)).toEqual([name])
    await removeLeftovers(folder, new Set())
    expect(await readdir(folder)).toEqual([])
  })
})
