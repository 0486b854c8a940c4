import {once} from 'node:events'
import type {IncomingMessage, ServerResponse} from 'node:http'
import type {AddressInfo} from 'node:net'
import {createDeliver, deliveryLabels, type Deliver} from './deliveries.ts'
import {MalformedEnvelope, parsePush, type Delivery} from './envelope.ts'
import {errorFields, type Log} from './log.ts'
import {createServer} from './node-http.ts'
import {Interrupted, type Worker} from './worker.ts'

/** A message has at most 10 MB (cloud.google.com/pubsub/quotas), 13.4 MB in base64; the rest is its envelope. */
const LONGEST_BODY_BYTES = 16 * 1024 * 1024

/**
 * Longer than a front end keeps an idle connection, so that the server never closes one just as the next delivery is
 * sent (cloud.google.com/load-balancing/docs/https#timeouts_and_retries: above 600 s).
 */
const KEEP_ALIVE_MS = 620_000

/** Part of the grace period reserved for responses, after work in progress was interrupted. */
const ANSWERING_MS = 1000

/** A listening worker. */
export interface WorkerServer {
  readonly port: number
  /**
   * Accepts no more deliveries, lets those in progress finish, and refuses unfinished ones shortly before `graceMs`
   * is over. Resolves when every delivery has its response.
   */
  stop(graceMs: number): Promise<void>
}

/**
 * Serves `POST /` (a push of Pub/Sub) and `GET /healthz`. 204 acknowledges: done, or pointless to repeat. 503 refuses.
 * If a front-end secret is set, requests without it get a 403.
 * @throws errors of `listen`, such as EADDRINUSE
 */
export async function startServer(worker: Worker): Promise<WorkerServer> {
  const shutdown = new AbortController()
  const deliver = createDeliver(worker, shutdown.signal)
  let isStopping = false
  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const reply = isFromFrontEnd(request, worker.settings)
      ? await answer(request, isStopping ? refuseWhileStopping : deliver, worker.log)
      : {status: 403}
    // While stopping, close the connection after each response, or the server would wait for its next request.
    const headers = isStopping ? {...reply.headers, connection: 'close'} : reply.headers
    response.writeHead(reply.status, headers).end(reply.body)
  }
  const server = createServer({keepAliveTimeout: KEEP_ALIVE_MS}, (request, response) => {
    void respond(request, response)
  })
  const {port, host} = worker.settings
  server.listen({port, ...(host === undefined ? {} : {host})})
  await once(server, 'listening')
  const address: AddressInfo | string | null = server.address()
  if (address === null || typeof address === 'string') throw new Error('The server has no port.')

  return {
    port: address.port,
    async stop(graceMs) {
      isStopping = true
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve())
      })
      const interrupt = setTimeout(
        () => {
          shutdown.abort(new Interrupted('the container is being shut down'))
          setTimeout(() => server.closeAllConnections(), ANSWERING_MS / 2)
        },
        Math.max(0, graceMs - ANSWERING_MS),
      )
      await closed
      clearTimeout(interrupt)
    },
  }
}

/** Whether a request carries the front end's secret, if one is set. */
function isFromFrontEnd({headers}: IncomingMessage, {secret}: Worker['settings']): boolean {
  return secret === undefined || headers[secret.header] === secret.value
}

const refuseWhileStopping: Deliver = () => Promise.reject(new Interrupted('the container is being shut down'))

interface Reply {
  readonly status: number
  readonly headers?: Record<string, string>
  readonly body?: string
}

const PLAIN_TEXT = {'content-type': 'text/plain; charset=utf-8'}

async function answer(request: IncomingMessage, deliver: Deliver, log: Log): Promise<Reply> {
  const path = (request.url ?? '').split('?', 1)[0]
  const allowed = path === '/' ? 'POST' : path === '/healthz' ? 'GET' : undefined
  if (allowed === undefined) return {status: 404}
  if (request.method !== allowed) return {status: 405, headers: {allow: allowed}}
  if (path === '/healthz') return {status: 200, headers: PLAIN_TEXT, body: 'ok\n'}
  const refusal = await handlePush(request, deliver, log)
  return refusal === undefined ? {status: 204} : {status: 503, headers: PLAIN_TEXT, body: `${refusal}\n`}
}

/** Handles a push and logs its outcome. @returns undefined to acknowledge, the reason to refuse */
async function handlePush(request: IncomingMessage, deliver: Deliver, log: Log): Promise<string | undefined> {
  let delivery: Delivery
  try {
    delivery = parsePush(await readBody(request))
  } catch (error) {
    if (error instanceof MalformedEnvelope) {
      log('ERROR', `malformed: ${error.message}`, {outcome: 'malformed'})
      return undefined
    }
    log('WARNING', 'refused: the request was cut off', {outcome: 'refused', ...errorFields(error)})
    return 'the request was cut off'
  }
  const deliveryLog = log.labelled(deliveryLabels(delivery), traceOf(request, delivery.project))
  try {
    await deliver(delivery, deliveryLog)
    return undefined
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    const isExpected = error instanceof Interrupted
    deliveryLog(isExpected ? 'WARNING' : 'ERROR', `refused, to be delivered again: ${reason}`, {
      outcome: 'refused',
      ...(isExpected ? {} : errorFields(error)),
    })
    return isExpected ? reason : 'transient failure, see the log'
  }
}

/** The whole body. @throws MalformedEnvelope above the limit, the stream's error if it is cut off */
async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request.iterator({destroyOnReturn: false})) {
    if (!Buffer.isBuffer(chunk)) continue
    length += chunk.length
    if (length > LONGEST_BODY_BYTES) {
      request.resume() // discard the rest so that the response gets through
      throw new MalformedEnvelope(`the body has more than ${LONGEST_BODY_BYTES} bytes.`)
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** Name of the front end's trace, by which Cloud Logging links lines to the request's own log entry. */
function traceOf({headers}: IncomingMessage, project: string | undefined): string | undefined {
  const {traceparent} = headers
  const cloudTrace = headers['x-cloud-trace-context']
  const id =
    /^[0-9a-f]{32}/.exec(typeof cloudTrace === 'string' ? cloudTrace : '')?.[0] ??
    /^[0-9a-f]{2}-([0-9a-f]{32})-/.exec(typeof traceparent === 'string' ? traceparent : '')?.[1]
  return id === undefined || project === undefined ? undefined : `projects/${project}/traces/${id}`
}
