import {type ChildProcess, spawn} from 'node:child_process'
import {randomBytes} from 'node:crypto'
import {cpus as processors} from 'node:os'
import {extname} from 'node:path'
import {fileURLToPath} from 'node:url'
import type {Image, Images} from '../../artifact-registry/images.ts'
import type {Clock} from '../../wire/clock.ts'
import {isJsonObject} from '../../wire/json.ts'
import {freePort} from '../free-port.ts'
import {InstanceError, type InstanceSpec, type Runtime} from '../instance.ts'
import {followContainer} from './container.ts'
import {connectEngine, type Engine, EngineError, engineHost} from './engine.ts'
import {OWNER_LABEL, removeContainer, removeContainers} from './leftovers.ts'
import {createPulledImages} from './pulled-images.ts'

export interface DockerRuntimeDependencies {
  /** Keeps the record of pulled images; labels containers as their owner. */
  readonly folder: string
  readonly images: Pick<Images, 'place'>
  /** `127.0.0.1:PORT` of the local registry, from which the engine pulls. */
  readonly registry: () => string
  readonly clock: Clock
  readonly environment: Readonly<Record<string, string | undefined>>
}

export interface DockerRuntime extends Runtime {
  /** Removes containers that a killed local cloud left behind, and images not in `needed`. */
  removeLeftovers(needed: ReadonlySet<string>): Promise<void>
  /** Removes images not in `needed`; all containers must have ended. */
  close(needed: ReadonlySet<string>): Promise<void>
}

// Beside this file as source (`.ts`, run by Node's type stripping) or built (`.js`).
const WATCHDOG = fileURLToPath(
  new URL(`./watchdog${extname(fileURLToPath(import.meta.url))}`, import.meta.url),
)
const DESKTOP = 'Docker Desktop'

/**
 * Runs images as containers of an engine on this machine, on its network: a container reaches the local cloud at
 * 127.0.0.1, and is reached there at the port in PORT. CPU and memory limits are enforced.
 */
export function createDockerRuntime({
  folder,
  images,
  registry,
  clock,
  environment,
}: DockerRuntimeDependencies): DockerRuntime {
  const pulled = createPulledImages(folder)
  let engine: Engine | undefined
  let watchdog: ChildProcess | undefined

  const connect = async (): Promise<Engine> => {
    if (engine) return engine
    const connected = connectEngine(engineHost(environment))
    await connected.ping()
    await requireThisMachine(connected)
    engine = connected
    return connected
  }
  /** The engine. @throws InstanceError that explains to the person who deploys the image why there is none */
  const requireEngine = async (): Promise<Engine> => {
    try {
      return await connect()
    } catch (error) {
      if (!(error instanceof InstanceError)) throw error
      throw new InstanceError(
        `The worker runs as a container, but ${error.message}. Start docker; if DOCKER_HOST has changed, stop the local cloud and try again: cloud-runner local stop`,
      )
    }
  }
  const pull = async (image: Image): Promise<string> => {
    const place = images.place(image.digest)
    if (place === undefined)
      throw new InstanceError(`The image ${image.digest} is no longer in the local registry.`)
    const reference = `${registry()}/${place}@${image.digest}`
    await pulled.pull(await requireEngine(), reference)
    return reference
  }
  const guard = (host: string): void => {
    if (watchdog) return
    watchdog = spawn(process.execPath, [WATCHDOG, host, folder], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
      windowsHide: true,
    })
    watchdog.unref()
    watchdog.stdin?.on('error', () => undefined)
  }

  return {
    async prepare(image) {
      await pull(image)
    },
    async start(spec) {
      const reference = await pull(spec.image)
      const connected = await requireEngine()
      guard(connected.host)
      const id = randomBytes(32).toString('hex')
      const port = spec.listens ? await freePort() : 0
      const container = await create(connected, containerConfig(spec, {reference, port, owner: folder}), id)
      try {
        return await followContainer({engine: connected, container, id, port, spec, clock})
      } catch (error) {
        await removeContainer(connected, container)
        if (error instanceof EngineError)
          throw new InstanceError(`The container could not be started: ${error.message}`)
        throw error
      }
    },
    async removeLeftovers(needed) {
      if (!(await pulled.any())) return
      const connected = await connect().catch(() => undefined)
      // Without an engine, no containers are running.
      if (!connected) return
      await removeContainers(connected, folder)
      await pulled.keepOnly(connected, needed)
    },
    async close(needed) {
      if (engine) await pulled.keepOnly(engine, needed)
      // There are no containers to remove.
      watchdog?.kill('SIGKILL')
    },
  }
}

/** @throws InstanceError if the engine's network is not this machine's */
async function requireThisMachine(engine: Engine): Promise<void> {
  const info: unknown = await engine.call('GET', '/info')
  const {OperatingSystem: system, SecurityOptions: security} = Object.fromEntries(Object.entries(info ?? {}))
  const rootless = Array.isArray(security) && security.some((option) => String(option).includes('rootless'))
  if (process.platform === 'linux' && system !== DESKTOP && !rootless) return
  const where = rootless ? 'in a network of their own (rootless)' : 'in a virtual machine'
  throw new InstanceError(
    `the engine at ${engine.host} runs containers ${where}, which cannot reach this machine's 127.0.0.1; workers in containers need Linux and an engine that shares its network`,
  )
}

async function create(engine: Engine, config: object, id: string): Promise<string> {
  const created: unknown = await engine
    .call('POST', `/containers/create?name=cloud-runner-${id.slice(0, 12)}`, config)
    .catch((error: unknown) => {
      if (error instanceof EngineError)
        throw new InstanceError(`The container could not be created: ${error.message}`)
      throw error
    })
  if (isJsonObject(created) && typeof created['Id'] === 'string') return created['Id']
  throw new InstanceError('The container engine created no container and gave no reason.')
}

/** The container as the engine's API expects it. */
function containerConfig(
  {command, args, workingDir, env, limits, listens}: InstanceSpec,
  {reference, port, owner}: {reference: string; port: number; owner: string},
): object {
  return {
    Image: reference,
    // As in Kubernetes: a command without arguments drops the image's arguments too.
    ...(command.length > 0 ? {Entrypoint: command, Cmd: args} : args.length > 0 ? {Cmd: args} : {}),
    ...(workingDir === undefined ? {} : {WorkingDir: workingDir}),
    Env: Object.entries({...env, ...(listens ? {PORT: String(port)} : {})}).map(
      ([name, value]) => `${name}=${value}`,
    ),
    Labels: {[OWNER_LABEL]: owner},
    HostConfig: {
      NetworkMode: 'host',
      // The engine rejects more CPUs than the machine has.
      NanoCpus: Math.round(Math.min(limits.cpus, processors().length) * 1e9),
      ...(limits.memoryBytes > 0 ? {Memory: limits.memoryBytes, MemorySwap: limits.memoryBytes} : {}),
      // The local cloud reads the output as it is written and keeps it in Cloud Logging.
      LogConfig: {Type: 'none'},
    },
  }
}
