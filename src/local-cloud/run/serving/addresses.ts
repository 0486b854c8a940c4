import type {Server} from 'node:http'
import type {Ports} from '../../state/listening-ports.ts'
import {createFrontEnd, type FrontEndDependencies} from './front-end.ts'
import {shortName} from '../resources.ts'

/** The addresses of services and their tags: each has its own port permanently, even if it is deleted and created again. */
export interface Addresses {
  /** `http://127.0.0.1:PORT`, or undefined if it is not open. */
  uri(service: string, tag: string): string | undefined
  /** Starts to serve; the first time, a port is chosen. @throws PortTakenError */
  open(service: string, tag: string): Promise<void>
  /** Closes what is no longer in `tags`; the service's own address is the tag ''. */
  keepOnly(service: string, tags: ReadonlySet<string>): Promise<void>
  close(): Promise<void>
}

export function createAddresses({ports, ...frontEnd}: FrontEndDependencies & {ports: Ports}): Addresses {
  const opened = new Map<string, {port: number; server: Server}>()
  const key = (service: string, tag: string): string => `run/${service}#${tag}`
  const end = async (name: string): Promise<void> => {
    const server = opened.get(name)?.server
    opened.delete(name)
    if (!server) return
    const closed = new Promise<void>((resolve) => {
      server.close(() => resolve())
    })
    server.closeAllConnections()
    await closed
  }

  return {
    uri(service, tag) {
      const port = opened.get(key(service, tag))?.port
      return port === undefined ? undefined : `http://127.0.0.1:${port}`
    },
    async open(service, tag) {
      if (opened.has(key(service, tag))) return
      const purpose = `Cloud Run service ${shortName(service)}${tag === '' ? '' : `, tag ${tag}`}`
      const address = await ports.claim(key(service, tag), purpose, (port) =>
        listen(createFrontEnd(frontEnd, service, tag), port),
      )
      opened.set(key(service, tag), address)
    },
    async keepOnly(service, tags) {
      const prefix = key(service, '')
      const gone = [...opened.keys()].filter(
        (name) => name.startsWith(prefix) && !tags.has(name.slice(prefix.length)),
      )
      await Promise.all(gone.map(end))
    },
    async close() {
      await Promise.all([...opened.keys()].map(end))
    },
  }
}

function listen(server: Server, port: number): Promise<{port: number; server: Server}> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject)
      resolve({port, server})
    })
  })
}
