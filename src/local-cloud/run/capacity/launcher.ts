import {randomBytes} from 'node:crypto'
import {type Image, imageEnvironment} from '../../artifact-registry/images.ts'
import type {ServiceAgents} from '../../iam/access.ts'
import {freePort} from '../../instances/free-port.ts'
import type {Instance, OutputStream, Reach, Runtime} from '../../instances/instance.ts'
import type {LogEntry, LogSink} from '../../logging/log-sink.ts'
import type {SecretValues} from '../../secret-manager/secret-values.ts'
import type {Clock} from '../../wire/clock.ts'
import {toLogEntry} from './container-log.ts'
import type {Container} from '../resources.ts'
import {bytesOf, cpus, DEFAULT_LIMITS} from '../validate-container.ts'
import {readVariables} from './secret-variables.ts'

/** Endpoints of the local cloud at which every caller is a given service account. */
export interface Identity {
  open(of: {serviceAccount: string; project: string; region: string}): Promise<Endpoint>
}

interface Endpoint {
  readonly origin: string
  /** `127.0.0.1:PORT` of the metadata server that issues the account's tokens. */
  readonly metadataHost: string
  close(): Promise<void>
}

/** A container of a revision's instance or of a job's task. */
export interface Launch {
  readonly project: string
  readonly image: Image
  readonly container: Container
  /** Undefined: the project's default account. */
  readonly serviceAccount: string | undefined
  /** What Cloud Run itself sets; overrides what the user set. */
  readonly env: Readonly<Record<string, string>>
  /** Whether it must listen on a port (a service). */
  readonly listens: boolean
  /** Labels of its log entries. */
  readonly resource: LogEntry['resource']
  readonly labels: Readonly<Record<string, string>>
  /** Receives each line of output, in addition to the log. */
  readonly onLine?: (line: string) => void
}

/** Starts containers under their service account and logs their output. */
export interface Launcher {
  /** Fetches and unpacks the image if needed. @throws InstanceError if it cannot run here */
  prepare(image: Image): Promise<void>
  /** @throws SecretAccessError if a container could not start now, since a variable's secret cannot be read */
  requireSecrets(of: Pick<Launch, 'project' | 'container' | 'serviceAccount'>): void
  /** @throws InstanceError */
  launch(launch: Launch): Promise<Instance>
  /** Closes the accounts' endpoints; the containers must have ended. */
  close(): Promise<void>
}

export interface LauncherDependencies {
  readonly clock: Clock
  readonly log: LogSink
  readonly secrets: SecretValues
  readonly agents: Pick<ServiceAgents, 'projectNumber'>
  readonly identity: Identity
  readonly runtime: Runtime
}

export function createLauncher({
  clock,
  log,
  secrets,
  agents,
  identity,
  runtime,
}: LauncherDependencies): Launcher {
  const endpoints = new Map<string, Promise<Endpoint>>()
  const endpointOf = (of: Parameters<Identity['open']>[0]): Promise<Endpoint> => {
    const key = `${of.serviceAccount} ${of.project} ${of.region}`
    const endpoint = endpoints.get(key) ?? identity.open(of)
    endpoints.set(key, endpoint)
    return endpoint
  }
  const accountOf = ({project, serviceAccount}: Pick<Launch, 'project' | 'serviceAccount'>): string =>
    serviceAccount ?? defaultServiceAccount(agents, project)
  const variablesOf = (
    of: Pick<Launch, 'project' | 'container' | 'serviceAccount'>,
  ): Record<string, string> => readVariables({...of, serviceAccount: accountOf(of)}, {secrets, agents})
  return {
    prepare: (image) => runtime.prepare(image),
    requireSecrets(of) {
      variablesOf(of)
    },
    async launch(launch) {
      const {project, image, container, env, listens, resource, labels, onLine} = launch
      const declared = variablesOf(launch)
      const {origin, metadataHost} = await endpointOf({
        serviceAccount: accountOf(launch),
        project,
        region: resource.labels['location'] ?? '',
      })
      let id = ''
      const output = (stream: OutputStream, line: string): void => {
        onLine?.(line)
        log.append([
          toLogEntry(line, {
            logName: `projects/${project}/logs/run.googleapis.com%2F${stream}`,
            resource,
            labels: {instanceId: id, ...labels},
            timestamp: new Date(clock.now()).toISOString(),
          }),
        ])
      }
      const {cpu, memory} = {...DEFAULT_LIMITS, ...container.resources?.limits}
      const {reach, variables} = listens
        ? await secluded({...imageEnvironment(image), ...declared})
        : UNREACHED
      const instance = await runtime.start({
        image,
        command: container.command ?? [],
        args: container.args ?? [],
        workingDir: container.workingDir,
        env: {...cloudEnvironment(project, origin, metadataHost), ...declared, ...env, ...variables},
        limits: {cpus: cpus(cpu), memoryBytes: bytesOf(memory) ?? 0},
        listens,
        reach,
        output,
      })
      id = instance.id
      return instance
    },
    async close() {
      const opened = [...endpoints.values()]
      endpoints.clear()
      await Promise.all(opened.map(async (endpoint) => (await endpoint).close()))
    },
  }
}

/** The account for revisions and jobs that name none. */
export function defaultServiceAccount(agents: Pick<ServiceAgents, 'projectNumber'>, project: string): string {
  return `${agents.projectNumber(project)}-compute@developer.gserviceaccount.com`
}

/** Where Google's client libraries find the local cloud. Nothing from the local cloud's own environment is passed on. */
function cloudEnvironment(project: string, origin: string, metadataHost: string): Record<string, string> {
  return {
    GOOGLE_CLOUD_PROJECT: project,
    STORAGE_EMULATOR_HOST: origin,
    PUBSUB_EMULATOR_HOST: new URL(origin).host,
    CLOUD_RUNNER_ENDPOINT: origin,
    GCE_METADATA_HOST: metadataHost,
  }
}

const UNREACHED: {readonly reach: Reach; readonly variables: Readonly<Record<string, string>>} = {
  reach: {headers: {}, ports: new Map()},
  variables: {},
}

/**
 * What keeps a service's instance to loopback and to its front end, since everything on this machine could reach it:
 * HOST, and FRONT_END_SECRET, without which an instance should refuse a request. HEALTH_PORT, if it is set, gets a port that no
 * other instance has. Images that ignore these variables work too, unprotected.
 */
async function secluded(environment: Readonly<Record<string, string>>): Promise<typeof UNREACHED> {
  const secret = randomBytes(32).toString('hex')
  const declared = environment['HEALTH_PORT']
  const port = declared === undefined ? undefined : await freePort()
  return {
    reach: {
      headers: {'x-front-end-secret': secret},
      ports: new Map(port === undefined ? [] : [[Number(declared), port]]),
    },
    variables: {
      HOST: '127.0.0.1',
      FRONT_END_SECRET: secret,
      ...(port === undefined ? {} : {HEALTH_PORT: String(port)}),
    },
  }
}
