import type {Server} from 'node:http'
import type {ServiceAgents} from '../../iam/access.ts'
import type {Ports} from '../../state/listening-ports.ts'
import {createFrontEnd, type FrontEndDependencies} from './front-end.ts'
import {parseServiceName, shortName} from '../resources.ts'

/** The addresses of services and their tags: each has its own port permanently, even if it is deleted and created again. */
export interface Addresses {
  /** `http://127.0.0.1:PORT`, or undefined if it is not open. */
  uri(service: string, tag: string): string | undefined
  /** All addresses of a service, `uri` first, then the one that Cloud Run gives it, which programs of `local exec` reach. */
  urls(service: string): string[]
  /** Who answers for a host of Cloud Run's. */
  serverOf(host: string): Server | undefined
  /** Starts to serve; the first time, a port is chosen. @throws PortTakenError */
  open(service: string, tag: string): Promise<void>
  /** Closes what is no longer in `tags`; the service's own address is the tag ''. */
  keepOnly(service: string, tags: ReadonlySet<string>): Promise<void>
  close(): Promise<void>
}

const DOMAIN = '.run.app'
const LONGEST_LABEL = 63

export function createAddresses({
  ports,
  agents,
  ...frontEnd
}: FrontEndDependencies & {ports: Ports; agents: Pick<ServiceAgents, 'projectNumber'>}): Addresses {
  const opened = new Map<string, {port: number; server: Server; host: string}>()
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
    urls(service) {
      const {port, host = ''} = opened.get(key(service, '')) ?? {}
      return port === undefined
        ? []
        : [`http://127.0.0.1:${port}`, ...(host === '' ? [] : [`https://${host}`])]
    },
    serverOf: (host) =>
      host.endsWith(DOMAIN) ? [...opened.values()].find((each) => each.host === host)?.server : undefined,
    async open(service, tag) {
      if (opened.has(key(service, tag))) return
      const purpose = `Cloud Run service ${shortName(service)}${tag === '' ? '' : `, tag ${tag}`}`
      const host = hostOf(service, tag, agents)
      const address = await ports.claim(key(service, tag), purpose, (port) =>
        listen(createFrontEnd(frontEnd, {service, tag, host}), port),
      )
      opened.set(key(service, tag), {...address, host})
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

/** Cloud Run's own: https://cloud.google.com/run/docs/triggering/https-request#deterministic; '' if its label would be too long. */
function hostOf(service: string, tag: string, agents: Pick<ServiceAgents, 'projectNumber'>): string {
  const {project = '', location = ''} = parseServiceName(service) ?? {}
  const label = `${tag === '' ? '' : `${tag}---`}${shortName(service)}-${agents.projectNumber(project)}`
  return label.length > LONGEST_LABEL ? '' : `${label}.${location}${DOMAIN}`
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
