import {randomBytes} from 'node:crypto'
import {createServer, type RequestListener} from 'node:http'
import {once} from 'node:events'
import {buffer} from 'node:stream/consumers'
import {gzipSync} from 'node:zlib'
import {describe, expect, it, onTestFinished} from 'vitest'
import {checksumFor} from '../../../worker/runtime/storage/checksum.ts'
import {ABSENT, openStorage} from '../../../worker/runtime/storage/index.ts'
import {startBuckets} from '../../support/worker-buckets.ts'

const MEBIBYTE = 1024 * 1024

async function start() {
  const buckets = await startBuckets()
  const waits: number[] = []
  const wait = async (ms: number): Promise<void> => void waits.push(ms)
  const storage = openStorage({STORAGE_EMULATOR_HOST: buckets.proxy.origin}, {wait})
  return {...buckets, storage, waits}
}

/** Picks each request once that matches, and no more than `times`. */
function first(times: number, matches: (method: string, url: URL) => boolean) {
  let picked = 0
  return (method: string, url: URL): boolean => matches(method, url) && picked++ < times
}

const isRead = (method: string, url: URL): boolean => method === 'GET' && url.searchParams.has('alt')

describe('reading an object', () => {
  it('goes on where a connection broke, and checks the whole', async () => {
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

  it('is given up where it breaks each time', async () => {
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

  it('tells bytes that are not the stored ones', async () => {
    const {storage, upload, proxy} = await start()
    const generation = await upload('a', 'hello')
    const name = {bucket: 'input', object: 'a', generation}
    const metadata = await storage.find(name)
    proxy.corrupts = isRead
    await expect(buffer(await storage.read(name, metadata))).rejects.toThrow('do not have its checksum')
  })

  it('tells them by CRC32C where a composite object has no MD5', async () => {
    const {storage, input, upload, proxy} = await start()
    await upload('a', 'hello ')
    await upload('b', 'world')
    const [composed] = await input('a').bucket.combine(['a', 'b'], 'c')
    const [{generation}] = await composed.getMetadata()
    const name = {bucket: 'input', object: 'c', generation: String(generation)}
    const metadata = await storage.find(name)
    expect(metadata?.md5Hash).toBeUndefined()
    expect(String(await buffer(await storage.read(name, metadata)))).toBe('hello world')
    proxy.corrupts = isRead
    await expect(buffer(await storage.read(name, metadata))).rejects.toThrow('do not have its checksum')
  })

  it('unpacks what has the content encoding gzip, checked as it is stored', async () => {
    const {storage, input} = await start()
    const packed = gzipSync('a,b\n1,2\n')
    await input('a').save(packed, {resumable: false, metadata: {contentEncoding: 'gzip'}})
    const name = {bucket: 'input', object: 'a'}
    const metadata = await storage.find(name)
    expect(metadata?.sizeBytes).toBe(packed.length)
    expect(String(await buffer(await storage.read(name, metadata)))).toBe('a,b\n1,2\n')
  })

  it('has a CRC32C that is the published one', () => {
    const check = checksumFor({md5Hash: undefined, crc32c: '4waSgw=='})
    // The check value of the catalogue of parametrised CRC algorithms, in uneven parts.
    for (const part of ['1', '23456', '789']) check?.update(Buffer.from(part))
    expect(check?.digest()).toBe(check?.expected)
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
      const {storage, output, proxy} = await start()
      const content = randomBytes(17 * MEBIBYTE)
      Object.assign(proxy, fault(first(2, isChunk)))
      const upload = storage.upload({bucket: 'output', object: 'a'}, options, new AbortController().signal)
      for (let from = 0; from < content.length; from += 300_000)
        await upload.write(content.subarray(from, from + 300_000))
      await upload.end()
      const [bytes] = await output('a').download()
      expect(bytes.equals(content)).toBe(true)
      expect((await output('a').getMetadata())[0]).toMatchObject({
        contentType: 'text/plain',
        metadata: {a: 'ü'},
      })
    },
    120_000,
  )

  it('takes away again what arrived as other bytes', async () => {
    const {storage, output, proxy} = await start()
    const write = async () => {
      const upload = storage.upload({bucket: 'output', object: 'a'}, options, new AbortController().signal)
      await upload.write(Buffer.alloc(9 * MEBIBYTE, 'x'))
      await upload.end()
    }
    proxy.corruptsRequest = first(1, isChunk)
    await expect(write()).rejects.toThrow('other bytes arrived')
    expect(await output('a').exists()).toEqual([false])
    // The condition that nothing be there holds again.
    await write()
    expect(Number((await output('a').getMetadata())[0].size)).toBe(9 * MEBIBYTE)
  })

  it('waits, and gives up, where all bytes are there and yet no object', async () => {
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

/** Answers in place of Cloud Storage. Ends with the test. @returns its origin */
async function startServer(answer: RequestListener): Promise<string> {
  const server = createServer(answer)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The server has no port.')
  return `http://127.0.0.1:${address.port}`
}

describe('the access token', () => {
  it('comes from the metadata server on Cloud Run, once for many requests', async () => {
    const asked: string[] = []
    const origin = await startServer((request, response) => {
      asked.push(`${request.url} ${String(request.headers['metadata-flavor'])}`)
      response.end(JSON.stringify({access_token: 'secret', expires_in: 3600}))
    })
    const {accessToken} = openStorage({K_SERVICE: 'worker', GCE_METADATA_HOST: new URL(origin).host})
    expect([await accessToken?.(), await accessToken?.()]).toEqual(['secret', 'secret'])
    expect(asked).toEqual(['/computeMetadata/v1/instance/service-accounts/default/token Google'])
  })

  it('is none for an emulator', () => {
    expect(openStorage({STORAGE_EMULATOR_HOST: 'localhost:1'}).accessToken).toBeUndefined()
  })
})
