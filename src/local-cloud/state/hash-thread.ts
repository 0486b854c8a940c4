import {readSync} from 'node:fs'
import {parentPort} from 'node:worker_threads'
import {Hashes} from './hashes.ts'
import type {HashRequest, HashResponse} from './file-hashes.ts'

// The thread of file-hashes.ts: hashes files as they grow, a piece of each in turn.

const PIECE_BYTES = 1024 * 1024

interface GrowingFile {
  readonly descriptor: number
  readonly hashes: Hashes
  hashed: number
  until: number
  /** Whether `until` is the end. */
  ended: boolean
}

const files = new Map<number, GrowingFile>()
const piece = Buffer.allocUnsafeSlow(PIECE_BYTES)
let running = false

const answer = (response: HashResponse): void => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port, no window
  parentPort?.postMessage(response)
}

/** @returns whether there is more to do of this file */
function step(id: number, file: GrowingFile): boolean {
  const length = Math.min(PIECE_BYTES, file.until - file.hashed)
  const read = length === 0 ? 0 : readSync(file.descriptor, piece, 0, length, file.hashed)
  if (read < Math.min(1, length)) throw new Error('The file is shorter than declared.')
  file.hashes.update(piece.subarray(0, read))
  file.hashed += read
  if (file.hashed < file.until) return true
  if (file.ended) {
    answer({id, digests: file.hashes.digest()})
    files.delete(id)
  } else answer({id, hashed: file.hashed})
  return false
}

function run(): void {
  running = false
  for (const [id, file] of files) {
    if (file.hashed === file.until && !file.ended) continue
    try {
      if (step(id, file)) schedule()
    } catch (error) {
      answer({id, failed: error instanceof Error ? error.message : String(error)})
      files.delete(id)
    }
  }
}

function schedule(): void {
  if (!running) setImmediate(run)
  running = true
}

function take(request: HashRequest): void {
  const {id} = request
  if (request.kind === 'open') {
    const hashes = new Hashes(request.options)
    files.set(id, {descriptor: request.descriptor, hashes, hashed: 0, until: 0, ended: false})
  } else if (request.kind === 'drop') files.delete(id)
  else {
    const file = files.get(id)
    if (!file) return
    file.until = request.until
    file.ended = request.kind === 'end'
    schedule()
  }
}

parentPort?.on('message', take)
