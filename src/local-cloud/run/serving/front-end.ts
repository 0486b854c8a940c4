import type {IncomingMessage, Server, ServerResponse} from 'node:http'
import {type LogSink} from '../../logging/log-sink.ts'
import {createServer} from '../../node-http.ts'
import {foreignPage, schemeOf} from '../../wire/admission.ts'
import {type Clock} from '../../wire/clock.ts'
import {type FaultPlan, InjectedFault} from '../../wire/faults.ts'
import {revisionResource} from '../capacity/container.ts'
import {type Fleet} from '../capacity/fleet.ts'
import {type Exit} from '../../instances/instance.ts'
import {NoInstanceError, type Slot} from '../capacity/pool.ts'
import {describeEnd} from '../container-end.ts'
import {requestLogEntry, systemLogEntry} from '../platform-log.ts'
import {parseServiceName, shortName} from '../resources.ts'
import {type RunStore, type StoredService} from '../store.ts'
import {forward, type OwnAnswer, type Passed, traceOf} from './forward.ts'
import {checkInvoker, type GateOptions} from './gate.ts'
import {PushedObject} from './pushed-object.ts'
import {pickRevision} from './traffic.ts'
import {seconds} from '../validate-container.ts'

export interface FrontEndDependencies extends GateOptions {
  readonly clock: Clock
  readonly log: LogSink
  readonly store: RunStore
  readonly fleet: Pick<Fleet, 'acquire'>
  /** Faults to inject. */
  readonly faults: FaultPlan | undefined
  /** Receives the local cloud's own errors. */
  readonly report: (error: unknown) => void
}

/** An HTTP/1 request with a declared length has at most 32 MiB (cloud.google.com/run/quotas). */
const LARGEST_REQUEST_BYTES = 32 * 1024 * 1024
const DEFAULT_TIMEOUT_SECONDS = 300
/** How many ready instances to try that accept no connection. */
const CONNECTION_ATTEMPTS = 3
const LOOPBACK_HOST = /^(?:127\.0\.0\.1|localhost)(?::\d+)?$/
/**
 * The proxy before a service's containers: checks the caller, picks the revision, waits for an instance, forwards the
 * request, streams the response back, and logs it.
 */
export function createFrontEnd(dependencies: FrontEndDependencies, address: Address): Server {
  const server = createServer({requestTimeout: 0, keepAliveTimeout: 60_000}, (request, response) => {
    serve(dependencies, {...address, request, response}).catch((error: unknown) => {
      dependencies.report(error)
      response.destroy()
    })
  })
  server.on('clientError', (_error, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')
  })
  return server
}

interface Address {
  readonly service: string
  /** Empty for the service's own. */
  readonly tag: string
  /** Its name over TLS, if any. */
  readonly host: string
}

interface Exchange extends Address {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

async function serve(dependencies: FrontEndDependencies, exchange: Exchange): Promise<void> {
  const {clock, log, store} = dependencies
  const {request, response, service, tag} = exchange
  const receivedAt = clock.now()
  const begin = clock.monotonic()
  const trace = traceOf(request)
  const stored = store.service(service)
  const revision = pickRevision(stored?.status.trafficStatuses ?? [], tag, Math.random())
  const gone = new AbortController()
  response.once('close', () => {
    if (!response.writableFinished) gone.abort()
  })

  let sent = 0
  let own: OwnAnswer | undefined
  let exit: Exit | undefined
  let slot: Slot | undefined
  const pushed = new PushedObject(request)
  try {
    own =
      (await faultOf(dependencies, exchange, gone.signal)) ?? refuse(dependencies, exchange, stored, revision)
    if (!own && revision !== undefined) {
      const name = `${service}/revisions/${revision}`
      const timeoutMs =
        seconds(store.revision(name)?.revision.timeout ?? `${DEFAULT_TIMEOUT_SECONDS}s`) * 1000
      let result: Passed | 'unconnected' = 'unconnected'
      for (let attempt = 1; result === 'unconnected'; attempt++) {
        if (attempt > CONNECTION_ATTEMPTS)
          throw new NoInstanceError('failed', 'instances exit right after they start.')
        slot?.discard()
        slot = await dependencies.fleet.acquire(name, gone.signal)
        // From here on: a request may be pending for a minute, whatever its timeout.
        result = await forward({request, response, pushed}, slot.instance, trace, {clock, timeoutMs})
      }
      ;({own, exit, sentBytes: sent} = result)
    }
  } catch (error) {
    if (!(error instanceof NoInstanceError)) throw error
    own = unavailable(error)
  } finally {
    slot?.release()
  }
  if (own) {
    if (slot === undefined) pushed.readBuffered()
    answer(response, own)
  }

  const name = parseServiceName(service)
  if (!name) return
  const status = response.headersSent ? response.statusCode : 499
  const common = {
    project: name.project,
    resource: revisionResource(name, revision ?? ''),
    labels: {...(slot && {instanceId: slot.instance.id}), ...(status >= 400 ? pushed.labels() : {})},
    trace: `projects/${name.project}/traces/${trace.traceId}`,
  }
  log.append([
    requestLogEntry({
      ...common,
      method: request.method ?? 'GET',
      url: `${schemeOf(request)}://${request.headers.host ?? ''}${request.url ?? '/'}`,
      status,
      userAgent: request.headers['user-agent'],
      remoteIp: request.socket.remoteAddress,
      requestSizeBytes: Number(request.headers['content-length'] ?? 0),
      responseSizeBytes: own ? Buffer.byteLength(own.text) : sent,
      receivedAt,
      endedAt: receivedAt + clock.monotonic() - begin,
      spanId: trace.spanId,
      reason: own?.reason,
    }),
    ...(exit
      ? [systemLogEntry({...common, severity: 'ERROR', text: describeEnd(exit), at: clock.now()})]
      : []),
  ])
}

/**
 * Applies injected faults to a request: rules that name `run.routes.invoke` or its path, for every caller, since the
 * caller is not known yet.
 */
async function faultOf(
  {faults}: FrontEndDependencies,
  {request}: Exchange,
  signal: AbortSignal,
): Promise<OwnAnswer | undefined> {
  const {method = 'GET', url = '/', headers, socket} = request
  const retryTestId = headers['x-retry-test-id']
  const fault = faults?.find({
    name: 'run.routes.invoke',
    method,
    path: url.split('?', 1)[0] ?? '/',
    principal: 'allUsers',
    retryTestId: typeof retryTestId === 'string' ? retryTestId : undefined,
  })
  // Bytes are counted by the reader of the body, here the container.
  if (fault?.afterRequestBytes !== undefined || fault?.afterResponseBytes !== undefined) return undefined
  if (fault?.take() !== true) return undefined
  try {
    await faults?.carryOut(fault.action, {signal, breakConnection: () => socket.resetAndDestroy()})
    return undefined
  } catch (error) {
    if (!(error instanceof InjectedFault)) throw error
    return {status: error.httpStatus, text: error.message, reason: error.message}
  }
}

function refuse(
  dependencies: FrontEndDependencies,
  {request, service, host}: Exchange,
  stored: StoredService | undefined,
  revision: string | undefined,
): OwnAnswer | undefined {
  const hosts = request.rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host')
  const {host: asked = ''} = request.headers
  const isKnown = schemeOf(request) === 'https' ? asked === host : LOOPBACK_HOST.test(asked)
  if (hosts.length !== 1 || !isKnown) {
    return {
      status: 404,
      text: 'The requested URL was not found on this server.',
      reason: `The service is not known by the host "${asked}".`,
    }
  }
  // Pages from other ports of this machine may call a service, as with CORS, but not pages from elsewhere.
  const page = foreignPage(request.headers)
  if (page !== undefined) {
    const text = `The local cloud does not answer pages of other origins (${page}).`
    return {status: 403, text, reason: text}
  }
  if (!stored)
    return {
      status: 404,
      text: 'The requested URL was not found on this server.',
      reason: 'The service does not exist.',
    }
  if (stored.spec.invokerIamDisabled !== true) {
    const authorization = request.headers['x-serverless-authorization'] ?? request.headers.authorization
    const refusal = checkInvoker(
      dependencies,
      service,
      typeof authorization === 'string' ? authorization : undefined,
      audiencesOf(stored, host, request),
    )
    if (refusal) return refusal
  }
  if (Number(request.headers['content-length'] ?? 0) > LARGEST_REQUEST_BYTES) {
    return {
      status: 413,
      text: 'Request Entity Too Large',
      reason: `The request is larger than ${LARGEST_REQUEST_BYTES} bytes.`,
    }
  }
  if (revision === undefined || revision === '') {
    return {
      status: 503,
      text: 'Service Unavailable',
      reason: `The service ${shortName(service)} has no ready revision.`,
    }
  }
  return undefined
}

/** The addresses of the service and its tags, also with the requested path (as in Pub/Sub's tokens). */
function audiencesOf({status, spec}: StoredService, host: string, {url = '/'}: IncomingMessage): string[] {
  const uris = [
    ...(host === '' ? [] : [`https://${host}`]),
    ...(status.urls ?? []),
    ...(status.trafficStatuses ?? []).flatMap(({uri}) => uri ?? []),
  ]
  return [
    ...uris.flatMap((uri) => [uri, `${uri}/`, uri + (url.split('?', 1)[0] ?? ''), uri + url]),
    ...(spec.customAudiences ?? []),
  ]
}

function unavailable({why, message}: NoInstanceError): OwnAnswer {
  if (why === 'busy') return {status: 429, text: 'Rate exceeded.', reason: message}
  return {
    status: 503,
    text: 'Service Unavailable',
    reason: `The request failed because no instance could take it: ${message}`,
  }
}

function answer(response: ServerResponse, {status, headers, text}: OwnAnswer): void {
  if (response.destroyed || response.headersSent) return
  // The unread rest of the request would be parsed as the next one.
  response.writeHead(status, {'content-type': 'text/plain; charset=utf-8', connection: 'close', ...headers})
  response.end(`${text}\n`)
}
