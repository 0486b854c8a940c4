import {randomInt} from 'node:crypto'
import type {Server} from 'node:http'
import type {State} from '../state/state.ts'
import {createFrontEnd, type FrontEndDependencies} from './front-end.ts'
import {shortName} from './resources.ts'
import type {RunStore} from './store.ts'

/** The addresses of services and their tags: each a port of its own that it keeps for good. */
export interface Addresses {
  /** `http://127.0.0.1:PORT`, or undefined before `open`. */
  uri(service: string, tag: string): string | undefined
  /** Begins to serve; the first time a port is chosen. @throws PortTakenError */
  open(service: string, tag: string): Promise<void>
  /** Ends what is not in `tags` any more; the service's own address is the tag ''. */
  keepOnly(service: string, tags: ReadonlySet<string>): Promise<void>
  close(): Promise<void>
}

/** A port that was chosen for a service is held by another program. */
export class PortTakenError extends Error {
  override readonly name = 'PortTakenError'
  readonly port: number

  constructor(port: number, service: string, tag: string, cause: unknown) {
    const what =
      tag === ''
        ? `the service "${shortName(service)}"`
        : `the tag "${tag}" of the service "${shortName(service)}"`
    super(
      `Port ${port} of ${what} is taken by another program (lsof -i :${port} tells which). End that program and start the local cloud again.`,
      {cause},
    )
    this.port = port
  }
}

/** Below the ranges that systems give to outgoing connections, so that a kept port is rarely taken at the next start. */
const FIRST_PORT = 20_000
const LAST_PORT = 29_999
const ATTEMPTS = 100

export function createAddresses({
  state,
  store,
  ...frontEnd
}: FrontEndDependencies & {state: State; store: RunStore}): Addresses {
  const servers = new Map<string, Server>()
  const key = (service: string, tag: string): string => `${service}#${tag}`

  const open = async (service: string, tag: string): Promise<void> => {
    if (servers.has(key(service, tag))) return
    const server = createFrontEnd({store, ...frontEnd}, service, tag)
    servers.set(key(service, tag), server)
    try {
      const kept = store.port(service, tag)
      if (kept === undefined) {
        const port = await listenAnywhere(server, store.ports())
        await state.write(() => store.putPort(service, tag, port))
      } else {
        await listen(server, kept).catch((error: unknown) => {
          throw isTaken(error) ? new PortTakenError(kept, service, tag, error) : error
        })
      }
    } catch (error) {
      servers.delete(key(service, tag))
      server.close()
      throw error
    }
  }
  const end = async (name: string): Promise<void> => {
    const server = servers.get(name)
    servers.delete(name)
    if (!server) return
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    server.closeIdleConnections()
    server.closeAllConnections()
    await closed
  }

  return {
    uri(service, tag) {
      const port = store.port(service, tag)
      return port === undefined ? undefined : `http://127.0.0.1:${port}`
    },
    open,
    async keepOnly(service, tags) {
      const gone = [...servers.keys()].filter(
        (name) => name.startsWith(`${service}#`) && !tags.has(name.slice(service.length + 1)),
      )
      await Promise.all(gone.map(end))
    },
    async close() {
      await Promise.all([...servers.keys()].map(end))
    },
  }
}

async function listenAnywhere(server: Server, taken: ReadonlySet<number>): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = randomInt(FIRST_PORT, LAST_PORT + 1)
    if (taken.has(port)) continue
    try {
      await listen(server, port)
      return port
    } catch (error) {
      if (!isTaken(error)) throw error
    }
  }
  throw new Error(`No free port between ${FIRST_PORT} and ${LAST_PORT} was found.`)
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function isTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
}
