import {createHash} from 'node:crypto'
import {once} from 'node:events'
import {readFileSync} from 'node:fs'
import {Agent, type IncomingMessage, request} from 'node:http'
import {join} from 'node:path'
import {Readable} from 'node:stream'
import {pipeline} from 'node:stream/promises'
import {text} from 'node:stream/consumers'
import {crc32c} from '@node-rs/crc32'
import {expect, it} from 'vitest'
import {crc32cBase64} from '../../src/local-cloud/state/crc32c.ts'
import {type LocalCloudProcess, startLocalCloudProcess} from '../support/local-cloud-process.ts'
import {multiplyObjects} from '../support/many-objects.ts'
import {temporaryFolder} from '../support/temporary-folder.ts'

const IS_FULL = process.env['SCALE'] === 'full'
/** What `npm run soak` tries, and what is tried each time. */
const SIZES = IS_FULL
  ? {buckets: 1000, objects: 1_000_000, gibibytes: 20, messages: 10_000}
  : {buckets: 100, objects: 20_000, gibibytes: 1 / 8, messages: 2000}
const LIMIT_MS = IS_FULL ? 3_600_000 : 120_000
/** More than this a server may not have grown by: it is what it takes in either size. */
const GROWTH_MB = 120

/** The server's peak memory in megabytes; 0 without /proc. */
function peakMb({pid}: LocalCloudProcess): number {
  if (process.platform !== 'linux') return 0
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) / 1024
}

const agent = new Agent({keepAlive: true, maxSockets: 16})

async function call(
  {endpoint}: LocalCloudProcess,
  method: string,
  path: string,
  body?: object,
): Promise<Record<string, unknown>> {
  const outgoing = request(`${endpoint}${path}`, {method, agent})
  outgoing.end(body === undefined ? undefined : JSON.stringify(body))
  const [response] = await once(outgoing, 'response')
  const answer = await text(response)
  if (response.statusCode >= 300) throw new Error(`${method} ${path}: ${response.statusCode} ${answer}`)
  return answer === '' ? {} : JSON.parse(answer)
}

/** Every page of a list. */
async function* pagesOf(cloud: LocalCloudProcess, path: string): AsyncGenerator<{name: string}[]> {
  let token: unknown = ''
  do {
    const page = await call(cloud, 'GET', `${path}&pageToken=${encodeURIComponent(String(token))}`)
    yield Array.isArray(page['items']) ? page['items'] : []
    token = page['nextPageToken']
  } while (token !== undefined)
}

it(
  `${SIZES.buckets} buckets are made and listed`,
  async () => {
    await using cloud = await startLocalCloudProcess(await temporaryFolder())
    const names = Array.from(
      {length: SIZES.buckets},
      (_, index) => `bucket-${String(index).padStart(4, '0')}`,
    )
    await Promise.all(names.map((name) => call(cloud, 'POST', '/storage/v1/b?project=p', {name})))
    const listed: string[] = []
    for await (const page of pagesOf(cloud, '/storage/v1/b?project=p&maxResults=90'))
      listed.push(...page.map(({name}) => name))
    expect(listed).toEqual(names)
  },
  LIMIT_MS,
)

it(
  `${SIZES.objects} objects are listed page by page, in memory that does not follow them`,
  async () => {
    const folder = await temporaryFolder()
    {
      await using cloud = await startLocalCloudProcess(folder)
      await call(cloud, 'POST', '/storage/v1/b?project=p', {name: 'many'})
      await call(cloud, 'POST', '/upload/storage/v1/b/many/o?uploadType=media&name=n-', {})
    }
    multiplyObjects(join(folder, 'state.db'), SIZES.objects)
    await using cloud = await startLocalCloudProcess(folder)
    const before = peakMb(cloud)
    let count = 0
    let last = ''
    for await (const page of pagesOf(cloud, '/storage/v1/b/many/o?maxResults=1000')) {
      expect(page.length).toBeLessThanOrEqual(1000)
      for (const {name} of page) {
        if (name <= last) throw new Error(`${name} comes after ${last}`)
        last = name
      }
      count += page.length
    }
    expect(count).toBe(SIZES.objects)
    const {prefixes} = await call(cloud, 'GET', '/storage/v1/b/many/o?delimiter=5')
    expect(prefixes).toContain('n-0000005')
    expect(peakMb(cloud) - before).toBeLessThan(GROWTH_MB)
    expect(peakMb(cloud)).toBeLessThan(300)
  },
  LIMIT_MS,
)

it(
  `an object of ${SIZES.gibibytes} GiB passes through, in memory that does not follow it`,
  async () => {
    await using cloud = await startLocalCloudProcess(await temporaryFolder())
    await call(cloud, 'POST', '/storage/v1/b?project=p', {name: 'large'})
    const chunk = Buffer.alloc(1024 * 1024, 'row,1\n')
    const chunks = SIZES.gibibytes * 1024
    const before = peakMb(cloud)
    let checksum = 0
    const body = function* (): Generator<Buffer> {
      for (let index = 0; index < chunks; index++) {
        chunk.writeUInt32BE(index)
        checksum = crc32c(chunk, checksum)
        // A copy: what was handed over is not written into.
        yield Buffer.from(chunk)
      }
    }
    const upload = request(`${cloud.endpoint}/upload/storage/v1/b/large/o?uploadType=media&name=o`, {
      method: 'POST',
      headers: {'content-length': chunks * chunk.length},
    })
    const answered = once(upload, 'response')
    await pipeline(Readable.from(body()), upload)
    const [response] = await answered
    const stored: Record<string, unknown> = JSON.parse(await text(response))
    expect(stored).toMatchObject({size: String(chunks * chunk.length), crc32c: crc32cBase64(checksum)})

    const [download]: IncomingMessage[] = await once(request(`${cloud.endpoint}/large/o`).end(), 'response')
    const md5 = createHash('md5')
    for await (const part of download ?? []) md5.update(part)
    expect(md5.digest('base64')).toBe(stored['md5Hash'])
    expect(peakMb(cloud) - before).toBeLessThan(GROWTH_MB)
  },
  LIMIT_MS,
)

it(
  `${SIZES.messages} unacknowledged messages survive a kill, are all delivered, and are gone once acknowledged`,
  async () => {
    const folder = await temporaryFolder()
    const topic = '/v1/projects/p/topics/many'
    const subscription = '/v1/projects/p/subscriptions/many'
    const ids = new Set<unknown>()
    {
      await using cloud = await startLocalCloudProcess(folder)
      await call(cloud, 'PUT', topic, {})
      await call(cloud, 'PUT', subscription, {topic: 'projects/p/topics/many', ackDeadlineSeconds: 600})
      const messages = Array.from({length: 1000}, (_, index) => ({data: btoa(`message ${index}`)}))
      for (let sent = 0; sent < SIZES.messages; sent += messages.length) {
        const {messageIds} = await call(cloud, 'POST', `${topic}:publish`, {messages})
        if (Array.isArray(messageIds)) for (const id of messageIds) ids.add(id)
      }
      expect(ids.size).toBe(SIZES.messages)
      await cloud.kill()
    }
    await using cloud = await startLocalCloudProcess(folder)
    const before = peakMb(cloud)
    const pull = async (): Promise<{ackId: string; message: {messageId: string}}[]> => {
      const {receivedMessages} = await call(cloud, 'POST', `${subscription}:pull`, {
        maxMessages: 1000,
        returnImmediately: true,
      })
      return Array.isArray(receivedMessages) ? receivedMessages : []
    }
    const leased: string[] = []
    for (let batch = await pull(); batch.length > 0; batch = await pull()) {
      for (const {ackId, message} of batch) {
        expect(ids.delete(message.messageId)).toBe(true)
        leased.push(ackId)
      }
    }
    expect(ids.size).toBe(0)
    for (let at = 0; at < leased.length; at += 1000)
      await call(cloud, 'POST', `${subscription}:acknowledge`, {ackIds: leased.slice(at, at + 1000)})
    await call(cloud, 'POST', `${subscription}:seek`, {time: '2000-01-01T00:00:00Z'})
    expect(await pull()).toEqual([])
    expect(peakMb(cloud) - before).toBeLessThan(GROWTH_MB)
  },
  LIMIT_MS,
)
