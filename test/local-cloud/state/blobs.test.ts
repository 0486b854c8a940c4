import {type FileHandle, open} from 'node:fs/promises'
import {join} from 'node:path'
import {text} from 'node:stream/consumers'
import {expect, onTestFinished, test, vi} from 'vitest'
import {openBlobs} from '../../../src/local-cloud/state/blobs.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'

/** Has the next sync of a file fail, as of a disk that is broken or full; no real disk does so when it is asked to. */
async function failNextSync(folder: string): Promise<void> {
  const handle = await open(join(folder, 'any'), 'w')
  const prototype: Pick<FileHandle, 'datasync'> = Object.getPrototypeOf(handle)
  await handle.close()
  const failing = vi
    .spyOn(prototype, 'datasync')
    .mockRejectedValueOnce(new Error('EIO: i/o error, fdatasync'))
  onTestFinished(() => failing.mockRestore())
}

test('an end that fails once can be repeated', async () => {
  const folder = await temporaryFolder()
  const blobs = await openBlobs(join(folder, 'blobs'))
  const writer = await blobs.create()
  await writer.write(Buffer.from('1234'))
  await failNextSync(folder)
  await expect(writer.finish()).rejects.toThrow('EIO')
  const again = await blobs.resume(writer.id)
  expect(again?.sizeBytes).toBe(4)
  await again?.write(Buffer.from('56789'))
  expect(await again?.finish()).toMatchObject({id: writer.id, sizeBytes: 9, crc32c: '4waSgw=='})
  expect(await text(blobs.read(writer.id))).toBe('123456789')
})

test('a folder whose sync failed is synced by the next upload into it', async () => {
  const folder = await temporaryFolder()
  const blobs = await openBlobs(join(folder, 'blobs'))
  const writer = await blobs.create()
  const handle = await open(join(folder, 'any'), 'w')
  const prototype: Pick<FileHandle, 'sync'> = Object.getPrototypeOf(handle)
  await handle.close()
  const sync = vi.spyOn(prototype, 'sync').mockRejectedValueOnce(new Error('EIO: i/o error, fsync'))
  onTestFinished(() => sync.mockRestore())
  await expect(writer.finish()).rejects.toThrow('EIO')
  sync.mockClear()
  const again = await blobs.resume(writer.id)
  await again?.finish()
  // The folder in its parent, and the file in the folder.
  expect(sync).toHaveBeenCalledTimes(2)
})

test('a chunk without bytes does not keep those after it from being written', async () => {
  const blobs = await openBlobs(await temporaryFolder())
  const writer = await blobs.create()
  await writer.write(Buffer.alloc(0))
  await writer.write(Buffer.from('123456789'))
  expect(await writer.finish()).toMatchObject({sizeBytes: 9, crc32c: '4waSgw=='})
  expect(await text(blobs.read(writer.id))).toBe('123456789')
})
