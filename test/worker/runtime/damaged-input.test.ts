import {gzipSync} from 'node:zlib'
import {expect, it, onTestFinished, vi} from 'vitest'
import {sidecarObject} from '../../../worker/contract.ts'
import {PermanentError, type Processor} from '../../../worker/processor.ts'
import {openStorage} from '../../../worker/runtime/storage/index.ts'
import {startWorker} from '../../support/running-worker.ts'

const MEBIBYTE = 1024 * 1024
/** Its content begins after 10 bytes of header and 5 of the first block. */
const STORED_IN_GZIP_AT = 15

/** Copies a file, but refuses one with other columns as soon as it has seen them. */
const copyOfColumns: Processor = {
  name: 'copy of columns',
  async process(input, output) {
    let isFirst = true
    for await (const chunk of await input.open()) {
      if (isFirst && !String(chunk).startsWith('x,y\n'))
        throw new PermanentError('The columns are not x and y.', {code: 'columns', line: 1})
      isFirst = false
      await output.write(chunk)
    }
  },
}

const isRead = (method: string, url: URL): boolean => method === 'GET' && url.searchParams.has('alt')
const csvOf = (header: string, bytes: number): Buffer =>
  Buffer.from(header + '1,2\n'.repeat((bytes - header.length) / 4))

async function start(content: Buffer, contentEncoding?: string) {
  const worker = await startWorker(copyOfColumns)
  const file = worker.input('a.csv')
  await file.save(content, {
    resumable: false,
    metadata: contentEncoding === undefined ? {} : {contentEncoding},
  })
  const reads = () => worker.proxy.requests.filter((request) => request === 'GET /storage/v1/b/input/o/a.csv')
  return {
    ...worker,
    reads,
    deliver: () => worker.deliver('a.csv', String(file.metadata.generation)),
    fault: () => worker.text(worker.output(sidecarObject('a.csv', 'error.json'))),
    result: () => worker.text(worker.output('a.csv')),
  }
}

it.each([
  ['a file of one chunk', 400, undefined],
  ['a file that is kept in memory', 4 * MEBIBYTE, undefined],
  ['a large file', 20 * MEBIBYTE, undefined],
  ['a file with the content encoding gzip', 4 * MEBIBYTE, 'gzip'],
])('%s: a fault of its process counts only if the bytes are the stored ones', async (_, bytes, encoding) => {
  const stored = (content: Buffer) => (encoding === undefined ? content : gzipSync(content, {level: 0}))
  const good = csvOf('x,y\n', bytes)
  await using damaged = await start(stored(good), encoding)
  // Only the first response: what is read for verification is intact.
  let count = 0
  damaged.proxy.corrupts = (method, url) =>
    isRead(method, url) && count++ === 0 && (encoding === undefined ? 0 : STORED_IN_GZIP_AT)
  expect(await damaged.deliver()).toBe(503)
  expect(damaged.lines.at(-1)).toMatchObject({
    outcome: 'refused',
    message: expect.stringContaining('do not match its checksum'),
  })
  expect(await damaged.fault()).toBeUndefined()
  expect(await damaged.deliver()).toBe(204)
  expect(damaged.outcomes()).toEqual(['refused', 'done'])
  expect(await damaged.result()).toBe(String(good))

  await using bad = await start(stored(csvOf('y,x\n', bytes)), encoding)
  expect(await bad.deliver()).toBe(204)
  expect(bad.outcomes()).toEqual(['failed'])
  expect(JSON.parse((await bad.fault()) ?? '')).toMatchObject({code: 'columns', line: 1})
})

it('is delivered again if the rest of its bytes cannot be read', async () => {
  await using worker = await start(csvOf('y,x\n', 20 * MEBIBYTE))
  let count = 0
  worker.proxy.fails = (method, url) => isRead(method, url) && count++ > 0
  expect(await worker.deliver()).toBe(503)
  expect(await worker.fault()).toBeUndefined()
})

it('is recorded as bad if verifying it takes too long', async () => {
  const timeout = new AbortController()
  const spy = vi.spyOn(AbortSignal, 'timeout').mockReturnValue(timeout.signal)
  onTestFinished(() => spy.mockRestore())
  await using worker = await start(csvOf('y,x\n', 20 * MEBIBYTE))
  let count = 0
  worker.proxy.fails = async (method, url) => {
    if (!isRead(method, url) || count++ === 0) return false
    timeout.abort(new Error('too long'))
    return new Promise(() => {})
  }
  expect(await worker.deliver()).toBe(204)
  expect(worker.outcomes()).toEqual(['failed'])
})

it('is not read for a fault that comes before its first byte', async () => {
  const refusing: Processor = {
    name: 'refusing',
    process: () => Promise.reject(new PermanentError('Not this one.', {code: 'no'})),
  }
  await using worker = await startWorker(refusing)
  const generation = await worker.upload('a.csv', csvOf('x,y\n', 4 * MEBIBYTE))
  let reads = 0
  worker.proxy.corrupts = (method, url) => isRead(method, url) && reads++ >= 0
  expect(await worker.deliver('a.csv', generation)).toBe(204)
  expect(worker.outcomes()).toEqual(['failed'])
  expect(reads).toBe(0)
})

it('is not verified if more bytes are left than may be read for that', async () => {
  await using worker = await start(csvOf('x,y\n', 20 * MEBIBYTE))
  const storage = openStorage({STORAGE_EMULATOR_HOST: worker.proxy.origin})
  const name = {bucket: 'input', object: 'a.csv'}
  const {signal} = new AbortController()
  worker.proxy.corrupts = (method, url) => isRead(method, url) && 0
  const stream = await storage.read(name, await storage.find(name))
  const seen = worker.reads().length
  await stream.verify(MEBIBYTE, signal)
  expect(worker.reads()).toHaveLength(seen)
  await expect(stream.verify(20 * MEBIBYTE, signal)).rejects.toThrow('do not match its checksum')
})
