import {mkdtemp, open, rm} from 'node:fs/promises'
import {EventEmitter, once} from 'node:events'
import {Agent, request, type RequestOptions} from 'node:http'
import {connect} from 'node:net'
import {loadavg, tmpdir} from 'node:os'
import {join} from 'node:path'
import {text} from 'node:stream/consumers'
import {pipeline} from 'node:stream/promises'
import {randomFillSync} from 'node:crypto'
import {Storage} from '@google-cloud/storage'
import {NO_FAKE_GCS_SERVER, startFakeGcsServer} from '../support/fake-gcs-server.ts'
import {discard} from './discard.ts'
import {
  type Figures,
  type MeasuredServer,
  note,
  noteCpu,
  noteMemory,
  printFigures,
  startOurs,
} from './servers.ts'

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 3)
const MEBIBYTES = Number(process.env['BENCH_MEBIBYTES'] ?? 1024)
const SMALL_OBJECTS = 1000
const SMALL = Buffer.alloc(10 * 1024, 'a')

/**
 * Cloud Storage of the local cloud beside fake-gcs-server, in turns: a large object up and down, by a socket and by
 * Google's client, whose checksums in JavaScript limit it; many small ones; the memory that is held after all that. Ours
 * are synced to the disk before they are acknowledged, as are fake-gcs-server's files, though not their folders.
 */
export async function benchStorageServers(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'cloud-runner-bench-'))
  try {
    const file = join(folder, 'large.bin')
    await writeLarge(file)
    const starts = new Map<string, () => Promise<MeasuredServer>>([['ours', startOurs]])
    if (NO_FAKE_GCS_SERVER !== undefined) console.log(`\nfake-gcs-server${NO_FAKE_GCS_SERVER}`)
    else {
      starts.set('fake-gcs memory', () => startFakeGcsServer())
      starts.set('fake-gcs files', () => startOnFiles(join(folder, 'fake')))
    }
    const figures = new Map([...starts.keys()].map((name): [string, Figures] => [name, new Map()]))
    for (let round = 0; round < ROUNDS; round++) {
      for (const [name, start] of starts) {
        await using server = await start()
        await measure(server, file, figures.get(name) ?? new Map())
      }
    }
    printFigures(
      `Cloud Storage, each synced to the disk before it is answered but for fake-gcs memory: ${MEBIBYTES} MiB and ${SMALL_OBJECTS} × 10 KiB (${ROUNDS} rounds, load ${loadavg()[0]?.toFixed(1)})`,
      figures,
    )
  } finally {
    await rm(folder, {recursive: true, force: true})
  }
}

/** fake-gcs-server on an empty folder, which goes with it. */
async function startOnFiles(root: string): Promise<MeasuredServer> {
  const server = await startFakeGcsServer({root})
  return {
    ...server,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]()
      await rm(root, {recursive: true, force: true})
    },
  }
}

/** Bytes that do not repeat within what a server may look at. */
async function writeLarge(file: string): Promise<void> {
  const handle = await open(file, 'w')
  const block = randomFillSync(Buffer.alloc(1024 * 1024))
  for (let index = 0; index < MEBIBYTES; index++) {
    block.writeUInt32BE(index)
    await handle.write(block)
  }
  await handle.close()
}

async function measure(server: MeasuredServer, file: string, figures: Figures): Promise<void> {
  const {origin} = server
  const megabytes = (MEBIBYTES * 1024 * 1024) / 1e6
  const rate = async (what: string, units: number, work: () => Promise<unknown>): Promise<void> => {
    const begin = performance.now()
    await work()
    note(figures, what, units / ((performance.now() - begin) / 1000))
  }
  const agent = new Agent({keepAlive: true, maxSockets: 16})
  const upload = (name: string): Promise<void> =>
    exchange(
      `${origin}/upload/storage/v1/b/bench/o?uploadType=media&name=${name}`,
      {method: 'POST', agent, headers: {'content-length': SMALL.length, 'content-type': 'text/csv'}},
      SMALL,
    )
  const download = (name: string): Promise<void> =>
    exchange(`${origin}/storage/v1/b/bench/o/${encodeURIComponent(name)}?alt=media`, {agent})

  await exchange(`${origin}/storage/v1/b?project=p`, {method: 'POST'}, Buffer.from('{"name":"bench"}'))
  const size = MEBIBYTES * 1024 * 1024
  await noteCpu(figures, "server's CPU for it, s", server, () =>
    rate('upload, MB/s', megabytes, () =>
      transmit(`${origin}/upload/storage/v1/b/bench/o?uploadType=media&name=large`, size),
    ),
  )
  noteMemory(figures, 'memory after it, MB', server)
  await rate('download, MB/s', megabytes, () =>
    receive(`${origin}/storage/v1/b/bench/o/large?alt=media`, size),
  )
  const client = new Storage({apiEndpoint: origin, projectId: 'p', useAuthWithCustomEndpoint: false})
  const bucket = client.bucket('bench')
  await rate("upload by Google's client, MB/s", megabytes, () =>
    bucket.upload(file, {destination: 'by-client', resumable: true}),
  )
  await rate("download by Google's client, MB/s", megabytes, () => {
    const bytes = bucket.file('by-client').createReadStream()
    // The client stacks two pipelines on its response: more listeners than Node warns of, but no leak.
    bytes.once('response', (response: unknown) => {
      if (response instanceof EventEmitter) response.setMaxListeners(20)
    })
    return pipeline(bytes, discard())
  })
  for (const parallel of [1, 16]) {
    const names = Array.from({length: SMALL_OBJECTS}, (_, index) => `small-${parallel}/${index}`)
    await rate(`small uploads, ${parallel} at a time, 1/s`, SMALL_OBJECTS, () =>
      each(names, parallel, (name) => upload(encodeURIComponent(name))),
    )
    await rate(`small downloads, ${parallel} at a time, 1/s`, SMALL_OBJECTS, () =>
      each(names, parallel, download),
    )
  }
  noteMemory(figures, 'memory at the end, MB', server)
  agent.destroy()
}

async function each(
  names: readonly string[],
  parallel: number,
  work: (name: string) => Promise<void>,
): Promise<void> {
  const left = names.values()
  await Promise.all(
    Array.from({length: parallel}, async () => {
      for (const name of left) await work(name)
    }),
  )
}

/** Sends that many bytes of memory: to read a file and `node:http`'s client take as long as the servers. @throws Error for any status but 200 */
async function transmit(url: string, bytes: number): Promise<void> {
  const {hostname, port, host, pathname, search} = new URL(url)
  const socket = connect({host: hostname, port: Number(port)})
  socket.write(
    `POST ${pathname}${search} HTTP/1.1\r\nhost: ${host}\r\ncontent-type: text/csv\r\ncontent-length: ${bytes}\r\nconnection: close\r\n\r\n`,
  )
  const answered = text(socket)
  const block = randomFillSync(Buffer.alloc(1024 * 1024))
  for (let left = bytes; left > 0; left -= block.length)
    if (!socket.write(block.subarray(0, left))) await once(socket, 'drain')
  const answer = await answered
  if (!answer.startsWith('HTTP/1.1 200')) throw new Error(`${url}: ${answer}`)
}

/** Reads that many bytes of an answer into memory that is used again: `node:http`'s client is slower than the servers. */
function receive(url: string, bytes: number): Promise<void> {
  const {hostname, port, host, pathname, search} = new URL(url)
  const {promise, resolve, reject} = Promise.withResolvers<void>()
  let left = bytes
  const socket = connect({
    host: hostname,
    port: Number(port),
    onread: {
      buffer: Buffer.allocUnsafeSlow(512 * 1024),
      callback(length) {
        left -= length
        if (left <= 0) socket.destroy()
        return true
      },
    },
  })
  socket.on('error', reject)
  socket.on('close', () => (left <= 0 ? resolve() : reject(new Error(`${url}: ${left} bytes are missing.`))))
  socket.write(`GET ${pathname}${search} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`)
  return promise
}

/** A request whose answer is read and thrown away, by few events and promises. @throws Error for any status but 2xx */
function exchange(url: string, options: RequestOptions, body?: Buffer): Promise<void> {
  const {promise, resolve, reject} = Promise.withResolvers<void>()
  const outgoing = request(url, options, (response) => {
    response.resume()
    response.on('error', reject)
    response.on('end', () => {
      if ((response.statusCode ?? 500) < 300) resolve()
      else reject(new Error(`${options.method ?? 'GET'} ${url}: ${response.statusCode}`))
    })
  })
  outgoing.on('error', reject)
  outgoing.end(body)
  return promise
}
