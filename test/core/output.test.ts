import {readdir, readFile, rm, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {PassThrough, Readable} from 'node:stream'
import {text} from 'node:stream/consumers'
import {expect, it} from 'vitest'
import {prepareOutput, writeOutput} from '../../src/core/output.ts'
import {fillDisk, mountSmallDisk, NO_SMALL_DISK} from '../support/small-disk.ts'
import {temporaryFolder} from '../support/temporary-folder.ts'

const {signal} = new AbortController()
const disk = mountSmallDisk()

it('writes text and bytes to a file, and counts bytes', async () => {
  const folder = await temporaryFolder()
  const file = join(folder, 'a.txt')
  expect(await writeOutput(['é', 'b\n'], {file, force: false}, signal)).toEqual({file, sizeBytes: 4})
  expect(await readFile(file, 'utf8')).toBe('éb\n')
  const source = Readable.from([Buffer.from('new')])
  expect(await writeOutput(source, {file, force: true}, signal)).toEqual({file, sizeBytes: 3})
  expect(await readFile(file, 'utf8')).toBe('new')
  expect(await readdir(folder)).toEqual(['a.txt'])
})

it('writes to a stream, which stays open', async () => {
  const stream = new PassThrough()
  expect(await writeOutput(['a', 'b'], {stream}, signal)).toEqual({file: '-', sizeBytes: 2})
  stream.end('c')
  expect(await text(stream)).toBe('abc')
})

it('leaves an existing file alone, even one that appears meanwhile', async () => {
  const folder = await temporaryFolder()
  const file = join(folder, 'a.txt')
  await prepareOutput({file, force: false})
  await writeFile(file, 'old')
  const failure = {code: 'output-exists', suggestions: expect.arrayContaining(['Replace it: --force'])}
  await expect(prepareOutput({file, force: false})).rejects.toMatchObject(failure)
  await expect(writeOutput(['new'], {file, force: false}, signal)).rejects.toMatchObject(failure)
  expect(await readFile(file, 'utf8')).toBe('old')
  expect(await readdir(folder)).toEqual(['a.txt'])
})

it('leaves existing content and no partial file if its source fails or the user interrupts', async () => {
  const folder = await temporaryFolder()
  const file = join(folder, 'a.txt')
  await writeFile(file, 'old')
  const failing = async function* () {
    yield 'new'
    throw new Error('the source broke')
  }
  await expect(writeOutput(Readable.from(failing()), {file, force: true}, signal)).rejects.toThrow(
    'the source broke',
  )
  const enough = new AbortController()
  const endless = function* () {
    for (let count = 0; ; count++) {
      if (count === 100) enough.abort(new Error('enough'))
      yield 'new\n'
    }
  }
  await expect(writeOutput(endless(), {file, force: true}, enough.signal)).rejects.toThrow('enough')
  expect(await readFile(file, 'utf8')).toBe('old')
  expect(await readdir(folder)).toEqual(['a.txt'])
})

it('names a folder, and a missing folder, before it requests anything', async () => {
  const folder = await temporaryFolder()
  await expect(prepareOutput({file: folder, force: false})).rejects.toMatchObject({
    code: 'output-unwritable',
    suggestions: [expect.stringContaining(`--output ${folder}/`)],
  })
  await expect(prepareOutput({file: join(folder, 'no', 'a.txt'), force: false})).rejects.toMatchObject({
    code: 'output-unwritable',
    message: expect.stringContaining('the folder does not exist'),
  })
})

it.skipIf(disk === undefined)(
  `a full disk: said so, nothing half stays, and what was there is there${disk === undefined ? NO_SMALL_DISK : ''}`,
  async () => {
    const file = join(disk ?? '', 'a.txt')
    await writeFile(file, 'old')
    const filler = await fillDisk(disk ?? '')
    await expect(writeOutput(['x'.repeat(100_000)], {file, force: true}, signal)).rejects.toMatchObject({
      code: 'disk-full',
      message: `${file} cannot be written: the disk is full.`,
    })
    expect(await readFile(file, 'utf8')).toBe('old')
    await rm(filler)
    expect(await readdir(disk ?? '')).toEqual(['a.txt'])
    expect((await writeOutput(['new'], {file, force: true}, signal)).sizeBytes).toBe(3)
  },
)
