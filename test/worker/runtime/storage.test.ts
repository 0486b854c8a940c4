import {randomBytes} from 'node:crypto'
import {subscribe, unsubscribe} from 'node:diagnostics_channel'
import {once} from 'node:events'
import type {ServerResponse} from 'node:http'
import {Socket} from 'node:net'
import {buffer} from 'node:stream/consumers'
import {setTimeout as delay} from 'node:timers/promises'
import {gzipSync} from 'node:zlib'
import {crc32c} from '@node-rs/crc32'
import {describe, expect, it} from 'vitest'
import {Crc32c} from '../../../worker/runtime/storage/checksum.ts'
import {
  ABSENT,
  type ObjectMetadata,
  openStorage,
  type Storage,
} from '../../../worker/runtime/storage/index.ts'
import {startServer} from '../../support/answering-server.ts'
import {startBuckets} from '../../support/worker-buckets.ts'

const MEBIBYTE = 1024 * 1024

async function start() {
  const buckets = await startBuckets()
  const waits: number[] = []
  const wait = async (ms: number): Promise<void> => void waits.push(ms)
  const storage = openStorage({STORAGE_EMULATOR_HOST: buckets.proxy.origin}, {wait})
  return {...buckets, storage, waits}
}

/** Resolves when the next connection that this process opens has been silent for as long as it may be. */
async function silenceOfNextConnection(): Promise<void> {
  const opened = Promise.withResolvers<Socket>()
  const onOpened = (message: unknown) => {
    if (message instanceof Object && 'socket' in message && message.socket instanceof Socket)
      opened.resolve(message.socket)
  }
  subscribe('net.client.socket', onOpened)
  const socket = await opened.promise
  unsubscribe('net.client.socket', onOpened)
  await once(socket, 'timeout')
}

/** Picks each request once that matches, and no more than `times`. */
function first(times: number, matches: (method: string, url: URL) => boolean) {
  let picked = 0
  return (method: string, url: URL): boolean => matches(method, url) && picked++ < times
}

const isRead = (method: string, url: URL): boolean => method === 'GET' && url.searchParams.has('alt')

describe('reading an object', () => {
  it('resumes after a broken connection, and verifies the whole', async () => {
    const {storage, upload, proxy} = await start()
    const content = randomBytes(3 * MEBIBYTE)
    const generation = await upload('a', content)
    const name = {bucket: 'input', object: 'a', generation}
    const metadata = await storage.find(name)
    const breaks = first(2, isRead)
    proxy.cutsAfter = (method, url) => (breaks(method, url) ? MEBIBYTE : undefined)
    expect((await buffer(await storage.read(name, metadata))).equals(content)).toBe(true)
    expect(proxy.requests.filter((request) => request === 'GET /storage/v1/b/input/o/a')).toHaveLength(4)
  })

  it('reads a range, and resumes within it', async () => {
    const {storage, upload, proxy} = await start()
    const content = randomBytes(3 * MEBIBYTE)
    const generation = await upload('a', content)
    const name = {bucket: 'input', object: 'a', generation}
    const breaks = first(1, isRead)
    proxy.cutsAfter = (method, url) => (breaks(method, url) ? MEBIBYTE : undefined)
    const range = {start: 1000, end: 2 * MEBIBYTE + 7}
    const part = await buffer(await storage.read(name, undefined, undefined, range))
    expect(part.equals(content.subarray(range.start, range.end))).toBe(true)
    expect(proxy.requests.filter((request) => request === 'GET /storage/v1/b/input/o/a')).toHaveLength(2)
  })

  it('fails if it breaks each time', async () => {
    const {upload, proxy} = await start()
    const storage = openStorage(
      {STORAGE_EMULATOR_HOST: proxy.origin},
      {mostRetries: 1, wait: async () => undefined},
    )
    const generation = await upload('a', 'hello')
    const seen = proxy.requests.length
    proxy.fails = isRead
    await expect(storage.read({bucket: 'input', object: 'a', generation}, undefined)).rejects.toMatchObject({
      status: 503,
    })
    expect(proxy.requests).toHaveLength(seen + 2)
  })

  it('notices bytes that are not the stored ones', async () => {
    const {storage, upload, proxy} = await start()
    const generation = await upload('a', 'hello')
    const name = {bucket: 'input', object: 'a', generation}
    const metadata = await storage.find(name)
    proxy.corrupts = isRead
    await expect(buffer(await storage.read(name, metadata))).rejects.toThrow('do not match its checksum')
  })

  it('notices them in a composite object, too', async () => {
    const {storage, input, upload, proxy} = await start()
    await upload('a', 'hello ')
    await upload('b', 'world')
    const [composed] = await input('a').bucket.combine(['a', 'b'], 'c')
    const [{generation}] = await composed.getMetadata()
    const name = {bucket: 'input', object: 'c', generation: String(generation)}
    const metadata = await storage.find(name)
    expect(String(await buffer(await storage.read(name, metadata)))).toBe('hello world')
    proxy.corrupts = isRead
    await expect(buffer(await storage.read(name, metadata))).rejects.toThrow('do not match its checksum')
  })

  it('unpacks the content encoding gzip, verified as stored', async () => {
    const {storage, input} = await start()
    const packed = gzipSync('a,b\n1,2\n')
    await input('a').save(packed, {resumable: false, metadata: {contentEncoding: 'gzip'}})
    const name = {bucket: 'input', object: 'a'}
    const metadata = await storage.find(name)
    expect(metadata?.sizeBytes).toBe(packed.length)
    expect(String(await buffer(await storage.read(name, metadata)))).toBe('a,b\n1,2\n')
  })

  const saveAsGzip = async (input: Awaited<ReturnType<typeof start>>['input'], content: Buffer) => {
    await input('a').save(content, {resumable: false, metadata: {contentEncoding: 'gzip'}})
    return {bucket: 'input', object: 'a'}
  }

  it.each([
    ['no gzip', Buffer.from('a,b\n1,2\n'.repeat(100_000))],
    ['the beginning of a gzip', gzipSync(randomBytes(MEBIBYTE)).subarray(0, MEBIBYTE / 2)],
  ])('says for good that what is said to be packed is %s', async (_, content) => {
    const {storage, input} = await start()
    const name = await saveAsGzip(input, content)
    const reading = storage.read(name, await storage.find(name))
    await expect(buffer(await reading)).rejects.toMatchObject({
      name: 'PermanentError',
      code: 'encoding-invalid',
    })
  })

  it('retries gzip that was damaged on its way', async () => {
    const {storage, input, proxy} = await start()
    const name = await saveAsGzip(input, gzipSync(randomBytes(MEBIBYTE)))
    const metadata = await storage.find(name)
    proxy.corrupts = isRead
    await expect(buffer(await storage.read(name, metadata))).rejects.toThrow('do not match its checksum')
  })

  it('lets go of the connection where unpacking is ended before its end', async () => {
    const closed = Promise.withResolvers<void>()
    const packed = gzipSync(randomBytes(MEBIBYTE))
    const origin = await startServer((_, response) => {
      response.writeHead(200, {'content-encoding': 'gzip', 'content-length': packed.length})
      response.write(packed.subarray(0, packed.length / 2))
      response.on('close', closed.resolve)
    })
    const storage = openStorage({STORAGE_EMULATOR_HOST: origin})
    const stream = await storage.read({bucket: 'input', object: 'a'}, undefined)
    await once(stream, 'readable')
    stream.destroy()
    expect(await closed.promise).toBeUndefined()
  })

  const name = {bucket: 'input', object: 'a'}
  const metadataOf = (content: Buffer): ObjectMetadata => ({
    generation: '1',
    sizeBytes: content.length,
    contentType: undefined,
    contentEncoding: undefined,
    crc32c: checksumOf([content]),
    timeCreated: '',
    metadata: {},
  })
  const wait = async (): Promise<void> => undefined

  /** Breaks the connection once what was written is there. */
  const breakAfter = (response: ServerResponse, bytes: Buffer): void => {
    response.write(bytes, () => response.socket?.destroySoon())
  }

  it('skips bytes resent by a server without ranges', async () => {
    const content = randomBytes(MEBIBYTE)
    const origin = await startServer(({headers}, response) => {
      response.writeHead(200, {'content-length': content.length})
      if (headers.range === undefined) breakAfter(response, content.subarray(0, 300_000))
      else response.end(content)
    })
    const storage = openStorage({STORAGE_EMULATOR_HOST: origin}, {wait})
    expect((await buffer(await storage.read(name, undefined))).equals(content)).toBe(true)
  })

  it('is at its end where an answer without a length breaks after the last byte', async () => {
    const content = randomBytes(300_000)
    const origin = await startServer(({headers}, response) => {
      if (headers.range === undefined) breakAfter(response, content)
      else response.writeHead(416).end()
    })
    const storage = openStorage({STORAGE_EMULATOR_HOST: origin}, {wait})
    expect((await buffer(await storage.read(name, metadataOf(content)))).equals(content)).toBe(true)
  })

  it('continues after a pause longer than the connection may be silent', async () => {
    const content = randomBytes(4 * MEBIBYTE)
    const origin = await startServer(({headers: {range}}, response) => {
      if (range === undefined) {
        response.writeHead(200, {'content-length': content.length})
        response.write(content.subarray(0, 2 * MEBIBYTE))
        return
      }
      const from = Number(/\d+/.exec(range)?.[0])
      const place = `bytes ${from}-${content.length - 1}/${content.length}`
      response.writeHead(206, {'content-length': content.length - from, 'content-range': place})
      response.end(content.subarray(from))
    })
    const patience = {wait, silenceMs: 300, mostRetries: 20}
    const storage = openStorage({STORAGE_EMULATOR_HOST: origin}, patience)
    const silence = silenceOfNextConnection()
    const stream = await storage.read(name, metadataOf(content))
    await silence
    expect((await buffer(stream)).equals(content)).toBe(true)
  })

  it('has a CRC32C that is the published one', () => {
    // The check value of the catalogue of parametrised CRC algorithms, in uneven parts.
    expect(checksumOf(['1', '23456', '789'].map((part) => Buffer.from(part)))).toBe('4waSgw==')
  })

  it('has the CRC32C of bytes that arrive in parts of any size', () => {
    const content = randomBytes(MEBIBYTE)
    const parts = [0, 1, 8, 17, 70_000, 70_001, 300_000].map((from, i, places) =>
      content.subarray(from, places[i + 1]),
    )
    const expected = Buffer.alloc(4)
    expected.writeUInt32BE(crc32c(content))
    expect(checksumOf(parts)).toBe(expected.toString('base64'))
  })
})

describe('a request', () => {
  it('is retried if its response starts and goes silent', async () => {
    let asked = 0
    const origin = await startServer((_, response) => {
      if (++asked === 1) response.writeHead(200).write('{')
      else response.end(JSON.stringify({generation: '7', size: '1'}))
    })
    const storage = openStorage(
      {STORAGE_EMULATOR_HOST: origin},
      {wait: async () => undefined, silenceMs: 300, mostRetries: 20},
    )
    expect(await storage.find({bucket: 'input', object: 'a'})).toMatchObject({generation: '7'})
    expect(asked).toBeGreaterThan(1)
  })

  it('to put objects together is awaited for longer, since a local cloud copies them', async () => {
    let asked = 0
    const origin = await startServer((_, response) => {
      asked++
      setTimeout(() => response.end(JSON.stringify({generation: '7', size: '2'})), 900)
    })
    const storage = openStorage({STORAGE_EMULATOR_HOST: origin}, {mostRetries: 0, silenceMs: 300})
    const name = {bucket: 'output', object: 'a'}
    const options = {contentType: 'text/plain', metadata: {}, expectedGeneration: ABSENT}
    expect(await storage.compose(name, [], options, new AbortController().signal)).toMatchObject({
      generation: '7',
    })
    expect(asked).toBe(1)
    await expect(storage.find(name)).rejects.toThrow('went silent')
  })

  it('is not sent twice if a kept-alive connection goes silent', async () => {
    let asked = 0
    const origin = await startServer((_, response) => {
      if (++asked === 1) response.end(JSON.stringify({generation: '7', size: '1'}))
    })
    const storage = openStorage({STORAGE_EMULATOR_HOST: origin}, {mostRetries: 0, silenceMs: 1500})
    const name = {bucket: 'input', object: 'a'}
    await storage.find(name)
    await expect(storage.find(name)).rejects.toThrow('went silent')
    expect(asked).toBe(2)
  })

  it.each([
    ['that gets no answer', () => {}],
    ['that waits to be repeated', (response: ServerResponse) => void response.writeHead(503).end()],
  ])('%s ends with its signal', async (_, answer) => {
    const reason = new Error('the time is over')
    const name = {bucket: 'output', object: 'a'}
    const options = {contentType: 'text/plain', metadata: {}, expectedGeneration: ABSENT}
    for (const act of [
      (storage: Storage, signal: AbortSignal) => storage.read(name, undefined, signal),
      (storage: Storage, signal: AbortSignal) => storage.write(name, [], options, signal),
      (storage: Storage, signal: AbortSignal) => storage.upload(name, options, signal).end(),
    ]) {
      const controller = new AbortController()
      const origin = await startServer((request, response) => {
        request.resume()
        response.on('close', () => controller.abort(reason))
        answer(response)
        if (!response.headersSent) controller.abort(reason)
      })
      // It waits as long as the signal lets it.
      const wait = (_ms: number, signal: AbortSignal | undefined) => delay(600_000, undefined, {signal})
      const storage = openStorage({STORAGE_EMULATOR_HOST: origin}, {wait})
      await expect(act(storage, controller.signal)).rejects.toBe(reason)
    }
  })
})

describe('writing an object of unknown length', () => {
  const options = {contentType: 'text/plain', metadata: {a: 'ü'}, expectedGeneration: ABSENT}
  const isChunk = (method: string): boolean => method === 'PUT'

  it.each([
    ['that fail', (matches: (method: string, url: URL) => boolean) => ({fails: matches})],
    ['whose answer is lost', (matches: (method: string, url: URL) => boolean) => ({losesAnswer: matches})],
  ])(
    'repeats chunks %s',
    async (_, fault) => {
      const {storage, output, proxy, bytes} = await start()
      const content = randomBytes(17 * MEBIBYTE)
      Object.assign(proxy, fault(first(2, isChunk)))
      const upload = storage.upload({bucket: 'output', object: 'a'}, options, new AbortController().signal)
      for (let from = 0; from < content.length; from += 300_000)
        await upload.write(content.subarray(from, from + 300_000))
      await upload.end()
      expect((await bytes(output('a'))).equals(content)).toBe(true)
      expect((await output('a').getMetadata())[0]).toMatchObject({
        contentType: 'text/plain',
        metadata: {a: 'ü'},
      })
    },
    120_000,
  )

  it('removes an object that arrived corrupt', async () => {
    const {storage, output, proxy} = await start()
    const write = async () => {
      const upload = storage.upload({bucket: 'output', object: 'a'}, options, new AbortController().signal)
      await upload.write(Buffer.alloc(9 * MEBIBYTE, 'x'))
      await upload.end()
    }
    proxy.corruptsRequest = first(1, isChunk)
    await expect(write()).rejects.toThrow('the bytes arrived corrupt')
    expect(await output('a').exists()).toEqual([false])
    // The condition that nothing be there holds again.
    await write()
    expect(Number((await output('a').getMetadata())[0].size)).toBe(9 * MEBIBYTE)
  })

  it('waits and then fails if all bytes arrived but no object', async () => {
    const puts: string[] = []
    const origin = await startServer((request, response) => {
      request.resume().on('end', () => {
        const range = request.headers['content-range']
        if (range === undefined) response.writeHead(200, {location: `${origin}/session`}).end()
        else {
          puts.push(range)
          response.writeHead(308, {range: 'bytes=0-4'}).end()
        }
      })
    })
    const waits: number[] = []
    const wait = async (ms: number): Promise<void> => void waits.push(ms)
    const storage = openStorage({STORAGE_EMULATOR_HOST: origin}, {wait})
    const upload = storage.upload({bucket: 'output', object: 'a'}, options, new AbortController().signal)
    await upload.write(Buffer.from('hello'))
    await expect(upload.end()).rejects.toThrow('has 5 of 5 bytes')
    expect(waits).toHaveLength(3)
    expect(puts.length).toBeLessThan(9)
  })

  it('ends at a length that is whole chunks, and at none', async () => {
    const {storage, output} = await start()
    for (const length of [0, 8 * MEBIBYTE]) {
      const object = `of ${length}`
      const upload = storage.upload({bucket: 'output', object}, options, new AbortController().signal)
      await upload.write(Buffer.alloc(length, 'x'))
      await upload.end()
      expect(Number((await output(object).getMetadata())[0].size)).toBe(length)
    }
  })

  it('is refused where the object is at another generation by then', async () => {
    const {storage, output, put} = await start()
    const upload = storage.upload({bucket: 'output', object: 'a'}, options, new AbortController().signal)
    await upload.write(Buffer.alloc(9 * MEBIBYTE))
    await put(output('a'), 'before', {})
    await expect(upload.end()).rejects.toMatchObject({status: 412})
  })
})

function checksumOf(parts: readonly Buffer[]): string {
  const checksum = new Crc32c()
  for (const part of parts) checksum.update(part)
  return checksum.digest()
}
