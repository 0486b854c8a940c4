import {Readable} from 'node:stream'
import type {HttpResponse} from './routes.ts'

/**
 * A request's body in which something happens after `limit` bytes; nothing does if it has fewer. A chunk of a
 * resumable upload is counted from the upload's beginning, as its `content-range` says.
 * @param happen throws if the body ends there; its signal is aborted when the reader leaves
 */
export function faultyBody(
  message: Readable & {readonly headers: {readonly 'content-range'?: string | undefined}},
  limit: number,
  happen: (left: AbortSignal) => Promise<void>,
): Readable {
  const start = Number(
    /^bytes (?<start>\d+)-/.exec(message.headers['content-range'] ?? '')?.groups?.['start'] ?? 0,
  )
  const left = new AbortController()
  // The message is left alone when its reader leaves: the answer still goes out on its connection.
  const chunks = interrupted(message.iterator({destroyOnReturn: false}), Math.max(0, limit - start), () =>
    happen(left.signal),
  )
  const body = new Readable({
    read() {
      chunks.next().then(
        ({done, value}) => this.push(done === true ? null : value),
        (error) => this.destroy(error),
      )
    },
  })
  // Its end does not wait for what happens: an upload that begins again meets no stall of the one before.
  body.once('close', () => {
    left.abort()
    chunks.return(undefined).catch(() => undefined)
  })
  return body
}

/**
 * An answer in whose body something happens after `limit` bytes; nothing does if it has no more than that, except
 * that a limit of 0 always is reached.
 * @param happen throws if the answer ends there
 */
export async function faultyAnswer(
  answer: HttpResponse,
  limit: number,
  happen: () => Promise<void>,
): Promise<HttpResponse> {
  const {json, body, ...head} = answer
  if (limit === 0) {
    try {
      await happen()
    } catch (error) {
      if (body instanceof Readable) body.destroy()
      throw error
    }
    return answer
  }
  const whole = json === undefined ? body : JSON.stringify(json)
  if (whole === undefined) return answer
  const length = whole instanceof Readable ? undefined : Buffer.byteLength(whole)
  if (length !== undefined && length <= limit) return answer
  const chunks = whole instanceof Readable ? whole : [Buffer.from(whole)]
  return {
    ...head,
    headers: {
      ...(json === undefined ? {} : {'content-type': 'application/json; charset=UTF-8'}),
      ...(length === undefined ? {} : {'content-length': String(length)}),
      ...head.headers,
    },
    // One piece ahead at most, so that those before are sent when something happens.
    body: Readable.from(interrupted(chunks, limit, happen), {objectMode: false, highWaterMark: 1}),
  }
}

async function* interrupted(
  chunks: AsyncIterable<unknown> | Iterable<unknown>,
  limit: number,
  happen: () => Promise<void>,
): AsyncGenerator<Buffer, undefined> {
  let passed = 0
  let due = true
  for await (const chunk of pieces(chunks)) {
    if (!due || passed + chunk.length <= limit) {
      passed += chunk.length
      yield chunk
      continue
    }
    due = false
    if (limit > passed) yield chunk.subarray(0, limit - passed)
    // What was handed on is on its way before anything happens.
    await new Promise((resolve) => setImmediate(resolve))
    await happen()
    yield chunk.subarray(limit - passed)
    passed += chunk.length
  }
}

/** So small that a connection takes each before the next one is requested. */
const PIECE_BYTES = 16 * 1024

async function* pieces(chunks: AsyncIterable<unknown> | Iterable<unknown>): AsyncIterable<Buffer> {
  for await (const value of chunks) {
    const chunk = Buffer.isBuffer(value) ? value : Buffer.from(String(value))
    for (let at = 0; at < chunk.length; at += PIECE_BYTES) yield chunk.subarray(at, at + PIECE_BYTES)
  }
}
