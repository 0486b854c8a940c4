import {extname} from 'node:path'
import {fileURLToPath} from 'node:url'
import type {Worker} from 'node:worker_threads'
import type {Digests, HashOptions} from './hashes.ts'

/** What the thread is asked. */
export type HashRequest =
  | {readonly kind: 'open'; readonly id: number; readonly descriptor: number; readonly options: HashOptions}
  | {readonly kind: 'grown' | 'end'; readonly id: number; readonly until: number}
  | {readonly kind: 'drop'; readonly id: number}

/** What it answers: how far it is, or the end. */
export type HashResponse =
  | {readonly id: number; readonly hashed: number}
  | {readonly id: number; readonly digests: Digests}
  | {readonly id: number; readonly failed: string}

/** Hashes of a file that grows, from its first byte on. */
export interface FileHashes {
  /** The file has this many bytes now. Resolves at once, or if hashing is far behind, when it has caught up. */
  grown(sizeBytes: number): Promise<void>
  /** @throws Error if the file cannot be read */
  end(sizeBytes: number): Promise<Digests>
  drop(): void
}

const THREAD = new URL(`./hash-thread${extname(fileURLToPath(import.meta.url))}`, import.meta.url)
/** How far hashing may be behind writing. */
const LAG_BYTES = 64 * 1024 * 1024

interface Waiting {
  hashed(sizeBytes: number): void
  settle(digests: Digests): void
  fail(error: Error): void
}

let thread: Worker | undefined
let lastId = 0
const waiting = new Map<number, Waiting>()

/**
 * Hashes a file in a thread beside the event loop, which a gigabyte would hold up for seconds. One thread serves the
 * whole process and does not keep it alive.
 * @param descriptor of the file, open for reading until the end or `drop`
 */
export function hashFile(descriptor: number, options: HashOptions): FileHashes {
  const id = ++lastId
  const ended = Promise.withResolvers<Digests>()
  // Callers that wait for the end get the error; a dropped file has none.
  ended.promise.catch(() => undefined)
  let hashed = 0
  let size = 0
  let catchUp: (() => void) | undefined
  const finish = (): void => {
    waiting.delete(id)
    catchUp?.()
    if (waiting.size === 0) thread?.unref()
  }
  waiting.set(id, {
    hashed(sizeBytes) {
      hashed = sizeBytes
      if (size - hashed <= LAG_BYTES) catchUp?.()
    },
    settle(digests) {
      finish()
      ended.resolve(digests)
    },
    fail(error) {
      finish()
      ended.reject(error)
    },
  })
  send({kind: 'open', id, descriptor, options})
  return {
    async grown(sizeBytes) {
      size = sizeBytes
      if (!waiting.has(id)) return
      send({kind: 'grown', id, until: sizeBytes})
      if (size - hashed > LAG_BYTES)
        await new Promise<void>((resolve) => {
          catchUp = resolve
        })
    },
    end(sizeBytes) {
      if (waiting.has(id)) send({kind: 'end', id, until: sizeBytes})
      return ended.promise
    },
    drop() {
      if (!waiting.has(id)) return
      finish()
      send({kind: 'drop', id})
    },
  }
}

function send(request: HashRequest): void {
  thread ??= start()
  thread.ref()
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
  thread.postMessage(request)
  if (waiting.size === 0) thread.unref()
}

function start(): Worker {
  const {Worker: Thread} = process.getBuiltinModule('node:worker_threads')
  const worker = new Thread(THREAD, {execArgv: []})
  worker.on('message', (response: HashResponse) => {
    const one = waiting.get(response.id)
    if (one === undefined) return
    if ('hashed' in response) one.hashed(response.hashed)
    else if ('digests' in response) one.settle(response.digests)
    else one.fail(new Error(`Hashing failed: ${response.failed}`))
  })
  worker.on('error', (error) => {
    thread = undefined
    for (const one of waiting.values()) one.fail(error instanceof Error ? error : new Error(String(error)))
  })
  return worker
}
