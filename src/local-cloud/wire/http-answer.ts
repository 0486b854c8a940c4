import type {IncomingMessage, ServerResponse} from 'node:http'
import {Readable} from 'node:stream'
import {pipeline} from 'node:stream/promises'
import {FileBody} from './file-body.ts'
import type {HttpResponse} from './routes.ts'

/** How much of an unread body is taken in after the answer, and for how long, before the connection ends. */
const UNREAD_BYTES = 64 * 1024 * 1024
const UNREAD_MS = 2000

/**
 * Sends what a route answered.
 * @param more headers
 * @returns what is to wait for: `undefined` if all is said, as for most answers; rejects if the body cannot be read or the connection breaks
 */
export function send(
  message: IncomingMessage,
  response: ServerResponse,
  answer: HttpResponse,
  more?: Readonly<Record<string, string>>,
): Promise<void> | undefined {
  const body = answer.json === undefined ? answer.body : JSON.stringify(answer.json)
  const headers: Record<string, string> = {}
  if (answer.json !== undefined) headers['content-type'] = 'application/json; charset=UTF-8'
  if (body === undefined && answer.status !== 204 && answer.status !== 304) headers['content-length'] = '0'
  if (typeof body === 'string' || Buffer.isBuffer(body))
    headers['content-length'] = String(Buffer.byteLength(body))
  response.writeHead(answer.status ?? 200, Object.assign(headers, answer.headers, more))
  if (body instanceof Readable && message.method !== 'HEAD') return sendStream(message, response, body)
  if (body instanceof Readable) body.destroy()
  const bytes = body instanceof Readable || message.method === 'HEAD' ? undefined : body
  if (isArriving(message)) return sendEarly(message, response, bytes)
  response.end(bytes)
  return undefined
}

async function sendStream(message: IncomingMessage, response: ServerResponse, body: Readable): Promise<void> {
  if (!(body instanceof FileBody)) return pipeline(body, response)
  await body.sendTo(response, message.socket)
  await ended(response)
}

/**
 * The rest of an unread body is taken in before the connection ends: to close on a peer that still sends would be a
 * reset, which may reach it before the answer does.
 */
async function sendEarly(
  message: IncomingMessage,
  response: ServerResponse,
  bytes: string | Buffer | undefined,
): Promise<void> {
  if (bytes === undefined) response.flushHeaders()
  else response.write(bytes)
  if (await arrives(message)) await ended(response)
  else message.socket.destroy()
}

/** Whether a body is still on its way; a request without one is complete only once its end was read. */
export function isArriving({complete, headers}: IncomingMessage): boolean {
  return (
    !complete && (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0)
  )
}

function ended(response: ServerResponse): Promise<void> {
  return new Promise<void>((resolve) => {
    response.once('close', resolve)
    response.end(() => resolve())
  })
}

/** Throws the rest of a body away. @returns whether it ended before a limit */
function arrives(message: IncomingMessage): Promise<boolean> {
  return new Promise((resolve) => {
    let bytes = 0
    const settle = (whole: boolean): void => {
      clearTimeout(timer)
      resolve(whole)
    }
    const timer = setTimeout(settle, UNREAD_MS, false)
    // A reader that gave up may still hold it back.
    message.removeAllListeners('readable')
    message.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > UNREAD_BYTES) settle(false)
    })
    message.once('end', () => settle(true))
    message.once('close', () => settle(message.complete))
    process.nextTick(() => message.resume())
  })
}
