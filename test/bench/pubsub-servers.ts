import {loadavg} from 'node:os'
import {setTimeout as delay} from 'node:timers/promises'
import {PubSub} from '@google-cloud/pubsub'
import {NO_EMULATOR, startPubsubEmulator} from '../support/pubsub-emulator.ts'
import {Client, startEndpoint} from './kept-connections.ts'
import {spreadOf} from './measure.ts'
import {cpuSecondsOf} from './process-usage.ts'
import {type Figures, type MeasuredServer, note, noteMemory, printFigures, startOurs} from './servers.ts'

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 3)
/** How many messages are outstanding, and how many are sent so. */
const LOADS = [
  {outstanding: 1, messages: 300},
  {outstanding: 10, messages: 3000},
  {outstanding: 100, messages: 10_000},
] as const
/** Messages that are pulled, of 1 KiB each. */
const PULLED = 20_000
/** Until a server has given back the memory that it no longer needs. */
const REST_MS = 10_000
const PROJECT = '/v1/projects/bench'
const TOPIC = 'projects/bench/topics/uploads'

/** As large as the notification of an upload. */
const DATA = Buffer.from(
  JSON.stringify({
    kind: 'storage#object',
    id: 'in/financial_statements.csv/1',
    selfLink: 'https://www.googleapis.com/storage/v1/b/in/o/financial_statements.csv',
    name: 'financial_statements.csv',
    bucket: 'in',
    generation: '1',
    metageneration: '1',
    contentType: 'text/csv',
    timeCreated: '2026-01-01T00:00:00.000Z',
    storageClass: 'STANDARD',
    size: '105917',
    md5Hash: 'JiBTgc7ZEr4GIrdigRbWkw==',
    crc32c: 'KaR0Lg==',
    etag: 'CAE=',
  }),
).toString('base64')

/**
 * From publish to push of the local cloud, beside Google's emulator in turns: each message is published when an earlier
 * one was pushed, with 1, 10 and 100 outstanding. Ours are durable before they are acknowledged, the emulator's are in
 * memory. On two processors the bench takes from both servers what it needs itself: it publishes and receives pushes by
 * sockets, which takes 50 µs of processor for a message where `node:http` took 150.
 */
export async function benchPubsubServers(): Promise<void> {
  const starts = new Map<string, () => Promise<MeasuredServer>>([['ours', startOurs]])
  if (NO_EMULATOR !== undefined) console.log(`\nGoogle's Pub/Sub emulator${NO_EMULATOR}`)
  else starts.set('emulator', startPubsubEmulator)
  const figures = new Map([...starts.keys()].map((name): [string, Figures] => [name, new Map()]))
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, start] of starts) {
      const begin = performance.now()
      await using server = await start()
      note(figures.get(name) ?? new Map(), 'start until it says it is ready, ms', performance.now() - begin)
      await measure(server, figures.get(name) ?? new Map())
    }
  }
  printFigures(`Pub/Sub, publish to push (${ROUNDS} rounds, load ${loadavg()[0]?.toFixed(1)})`, figures)
}

async function measure(server: MeasuredServer, figures: Figures): Promise<void> {
  await using pushes = await startPushes()
  using client = new Client(server.origin)
  const call = async (method: string, path: string, body: object): Promise<void> => {
    const {status, text} = await client.call(method, `${PROJECT}/${path}`, JSON.stringify(body))
    if (status !== 200) throw new Error(`${method} ${path}: ${status} ${text}`)
  }
  await call('PUT', 'topics/uploads', {})
  await call('PUT', 'subscriptions/uploads', {
    topic: TOPIC,
    pushConfig: {pushEndpoint: pushes.url},
    ackDeadlineSeconds: 60,
  })
  let count = 0
  const send = async (): Promise<number> => {
    const key = String(++count)
    const begin = performance.now()
    const pushed = pushes.of(key)
    const attributes = {
      key,
      bucketId: 'in',
      objectId: 'financial_statements.csv',
      eventType: 'OBJECT_FINALIZE',
    }
    await Promise.all([
      call('POST', 'topics/uploads:publish', {messages: [{data: DATA, attributes}]}),
      pushed,
    ])
    return (await pushed) - begin
  }
  await send()
  noteMemory(figures, 'memory before, MB', server)
  for (const {outstanding, messages} of LOADS) {
    const latencies: number[] = []
    const begin = performance.now()
    const cpuBefore = cpuSecondsOf(server.pid) ?? Number.NaN
    const ownBefore = process.cpuUsage()
    let left = messages
    await Promise.all(
      Array.from({length: outstanding}, async () => {
        while (left-- > 0) latencies.push(await send())
      }),
    )
    const own = process.cpuUsage(ownBefore)
    note(figures, `${outstanding} outstanding, p50 ms`, spreadOf(latencies).median)
    note(figures, `${outstanding} outstanding, 1/s`, messages / ((performance.now() - begin) / 1000))
    const cpu = (cpuSecondsOf(server.pid) ?? Number.NaN) - cpuBefore
    note(figures, `${outstanding} outstanding, server's CPU for each, µs`, (cpu * 1e6) / messages)
    note(figures, `${outstanding} outstanding, the bench's own, µs`, (own.user + own.system) / messages)
  }
  await measurePull(server, figures)
  noteMemory(figures, 'memory after, MB', server)
  await delay(REST_MS)
  noteMemory(figures, `memory ${REST_MS / 1000} s later, MB`, server)
}

/** By Google's client over gRPC: published in batches, received by a stream and acknowledged, all at the same time. */
async function measurePull({origin}: MeasuredServer, figures: Figures): Promise<void> {
  const pubsub = new PubSub({
    projectId: 'bench',
    apiEndpoint: new URL(origin).host,
    emulatorMode: true,
  })
  const topic = pubsub.topic('pulled', {batching: {maxMessages: 100, maxMilliseconds: 5}})
  await topic.create()
  const [subscription] = await topic.createSubscription('pulled', {flowControl: {maxMessages: 2000}})
  const data = Buffer.alloc(1024, 'x')
  const received = new Promise<void>((resolve) => {
    let count = 0
    subscription.on('message', (message) => {
      message.ack()
      count += 1
      if (count === PULLED) resolve()
    })
  })
  const begin = performance.now()
  let left = PULLED
  const publish = async (): Promise<void> => {
    while (left-- > 0) await topic.publishMessage({data})
  }
  await Promise.all(Array.from({length: 1000}, publish))
  await received
  note(figures, 'publish to pull by gRPC, 1/s', PULLED / ((performance.now() - begin) / 1000))
  await subscription.close()
  await pubsub.close()
}

interface Pushes extends AsyncDisposable {
  readonly url: string
  /** When the message with that key was pushed, as `performance.now()` says it. */
  of(key: string): Promise<number>
}

/** An endpoint that acknowledges at once. */
async function startPushes(): Promise<Pushes> {
  const waiting = new Map<string, (time: number) => void>()
  const endpoint = await startEndpoint((body) => {
    const key = /"key": ?"(?<key>\d+)"/.exec(body)?.groups?.['key'] ?? ''
    waiting.get(key)?.(performance.now())
    waiting.delete(key)
  })
  return {
    url: endpoint.url,
    of: (key) =>
      new Promise((resolve) => {
        waiting.set(key, resolve)
      }),
    [Symbol.asyncDispose]: () => endpoint[Symbol.asyncDispose](),
  }
}
