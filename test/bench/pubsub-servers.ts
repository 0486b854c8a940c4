import {once} from 'node:events'
import {Agent, createServer, request, type Server} from 'node:http'
import {loadavg} from 'node:os'
import {text} from 'node:stream/consumers'
import {PubSub} from '@google-cloud/pubsub'
import {NO_EMULATOR, startPubsubEmulator} from '../support/pubsub-emulator.ts'
import {spreadOf} from './measure.ts'
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
 * memory.
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
  const agent = new Agent({keepAlive: true, maxSockets: 128})
  const call = async (method: string, path: string, body: object): Promise<void> => {
    const outgoing = request(`${server.origin}${PROJECT}/${path}`, {
      method,
      agent,
      headers: {'content-type': 'application/json'},
    })
    outgoing.end(JSON.stringify(body))
    const [response] = await once(outgoing, 'response')
    const answer = await text(response)
    if (response.statusCode !== 200) throw new Error(`${method} ${path}: ${response.statusCode} ${answer}`)
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
    let left = messages
    await Promise.all(
      Array.from({length: outstanding}, async () => {
        while (left-- > 0) latencies.push(await send())
      }),
    )
    note(figures, `${outstanding} outstanding, p50 ms`, spreadOf(latencies).median)
    note(figures, `${outstanding} outstanding, 1/s`, messages / ((performance.now() - begin) / 1000))
  }
  agent.destroy()
  await measurePull(server, figures)
  noteMemory(figures, 'memory after, MB', server)
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
  const server: Server = createServer((incoming, response) => {
    void text(incoming).then((body) => {
      response.writeHead(204).end()
      const {message}: {message: {attributes: {key: string}}} = JSON.parse(body)
      waiting.get(message.attributes.key)?.(performance.now())
      return waiting.delete(message.attributes.key)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    url: `http://127.0.0.1:${port}/`,
    of: (key) =>
      new Promise((resolve) => {
        waiting.set(key, resolve)
      }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
