import type {IncomingMessage} from 'node:http'
import {json, text} from 'node:stream/consumers'
import {request} from '../../node-http.ts'
import {isJsonObject} from '../../wire/json.ts'
import {InstanceError} from '../instance.ts'

/** Where an engine listens by default. */
const DEFAULT_HOST = 'unix:///var/run/docker.sock'
const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]'])

/** A container engine, over its HTTP API (docs.docker.com/reference/api/engine). */
export interface Engine {
  /** As `DOCKER_HOST` spells it. */
  readonly host: string
  /** @returns the version of its API. @throws InstanceError if no engine answers */
  ping(): Promise<string>
  /**
   * @param path below the API's version, with its query
   * @returns the response's JSON, `undefined` if it has none. @throws EngineError for an error response
   */
  call(method: string, path: string, body?: object): Promise<unknown>
  /** Like `call`, for a streamed response; resolves when it begins. */
  stream(method: string, path: string): Promise<IncomingMessage>
}

/** An error response of the engine. */
export class EngineError extends Error {
  override readonly name = 'EngineError'
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** The engine that `DOCKER_HOST` names, or the one at the default place. */
export function engineHost(environment: Readonly<Record<string, string | undefined>>): string {
  return environment['DOCKER_HOST'] || DEFAULT_HOST
}

/** @throws InstanceError for a host that is not on this machine or is not supported */
export function connectEngine(host: string): Engine {
  const address = addressOf(host)
  let version: string | undefined

  const send = (method: string, path: string, body?: object): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const bytes = body ? JSON.stringify(body) : ''
      const sent = request(
        {
          ...address,
          method,
          path,
          agent: false,
          headers: {
            host: 'docker',
            'content-length': Buffer.byteLength(bytes),
            ...(body ? {'content-type': 'application/json'} : {}),
          },
        },
        resolve,
      )
      sent.once('error', reject)
      sent.end(bytes)
    })
  const ping = async (): Promise<string> => {
    if (version !== undefined) return version
    const answer = await send('GET', '/_ping').catch((error: unknown) => {
      throw new InstanceError(
        `no container engine answers at ${host} (${error instanceof Error ? error.message : String(error)})`,
      )
    })
    answer.resume()
    const found = answer.headers['api-version']
    if (answer.statusCode !== 200 || typeof found !== 'string' || !/^\d+\.\d+$/.test(found))
      throw new InstanceError(`what answers at ${host} is not a container engine`)
    version = found
    return found
  }
  const stream = async (method: string, path: string, body?: object): Promise<IncomingMessage> => {
    const answer = await send(method, `/v${await ping()}${path}`, body)
    const status = answer.statusCode ?? 0
    if (status >= 400) throw new EngineError(status, messageOf(await text(answer)))
    return answer
  }
  return {
    host,
    ping,
    stream,
    async call(method, path, body) {
      const answer = await stream(method, path, body)
      if (answer.headers['content-type']?.startsWith('application/json') === true) return json(answer)
      answer.resume()
      return undefined
    },
  }
}

function addressOf(host: string): {socketPath: string} | {host: string; port: number} {
  if (host.startsWith('unix://')) return {socketPath: host.slice('unix://'.length)}
  const url = URL.canParse(host) ? new URL(host) : undefined
  if ((url?.protocol === 'tcp:' || url?.protocol === 'http:') && LOOPBACK.has(url.hostname))
    return {host: url.hostname, port: Number(url.port || 2375)}
  throw new InstanceError(
    `DOCKER_HOST is "${host}"; the local cloud needs an engine on this machine, at unix://PATH or tcp://127.0.0.1:PORT`,
  )
}

function messageOf(body: string): string {
  try {
    const parsed: unknown = JSON.parse(body)
    if (isJsonObject(parsed) && typeof parsed['message'] === 'string') return parsed['message']
  } catch {
    // Not JSON: report the text.
  }
  return body.trim()
}
