import {type ChildProcess, spawn} from 'node:child_process'
import {randomBytes} from 'node:crypto'
import {mkdir, rm, stat} from 'node:fs/promises'
import {Socket} from 'node:net'
import {basename, delimiter, dirname, extname, join} from 'node:path'
import type {Readable} from 'node:stream'
import {fileURLToPath} from 'node:url'
import {type Image, imageEnvironment, type Images} from '../artifact-registry/images.ts'
import type {Clock} from '../wire/clock.ts'
import {freePort} from './free-port.ts'
import {type Exit, type Instance, InstanceError, type InstanceSpec, type Runtime} from './instance.ts'
import {killGroup} from './kill-group.ts'
import {Lines, LONGEST_LINE_BYTES} from './lines.ts'
import {HeapAbort, heapFlags, watchMemory} from './memory.ts'
import {createUnpacker} from './unpack.ts'

/** Names the runtime that an image without a base is made for. */
export const RUNTIME_ANNOTATION = 'dev.cloud-runner.runtime'
const RUNTIME = 'node24'

/** How long output may still come after the process has ended, from children that hold its end of the pipe. */
const LATE_OUTPUT_MS = 500

// Beside this file as source (`.ts`, run by Node's type stripping) or built (`.js`).
const LIFELINE = new URL(`./lifeline${extname(fileURLToPath(import.meta.url))}`, import.meta.url)

/**
 * Runs images as processes of this machine, with this process's own Node in place of the image's.
 *
 * The image's files lie in a folder, not at `/`: absolute paths in the command are translated, those that the code
 * opens itself are not. The CPU limit is not enforced; the memory limit is, as `memory.ts` says.
 * @param folder keeps the unpacked images and the instances' temporary files
 */
export function createProcessRuntime({
  folder,
  images,
  clock,
}: {
  folder: string
  images: Pick<Images, 'openBlob'>
  clock: Clock
}): Runtime {
  const unpacker = createUnpacker(folder, images)
  return {
    async prepare(image) {
      const runtime = image.annotations[RUNTIME_ANNOTATION]
      if (runtime !== RUNTIME)
        throw new InstanceError(
          `The image asks for the runtime "${runtime}", which the local cloud does not have. Images that it runs as a process have the annotation "${RUNTIME_ANNOTATION}": "${RUNTIME}"; those without it run as containers.`,
        )
      await unpacker.unpack(image)
    },
    async start(spec) {
      const root = await unpacker.unpack(spec.image)
      const id = randomBytes(32).toString('hex')
      const home = join(folder, 'tmp', id.slice(0, 16))
      const cwd = join(root, spec.workingDir ?? (spec.image.config.workingDir || '/'))
      const args = nodeArguments(spec)
      const port = spec.listens ? await freePort() : 0
      const environment: Record<string, string> = {
        ...baseEnvironment(spec.image, home),
        ...spec.env,
        ...(spec.listens ? {PORT: String(port)} : {}),
      }
      await mkdir(home, {recursive: true, mode: 0o700})
      await mkdir(cwd, {recursive: true, mode: 0o700})
      const child = spawn(
        process.execPath,
        [
          ...heapFlags(spec.limits.memoryBytes, environment['NODE_OPTIONS']),
          '--import',
          `${LIFELINE.href}?memory=${spec.limits.memoryBytes}`,
          ...(await Promise.all(args.map((arg) => translate(root, arg)))),
        ],
        {
          cwd,
          env: environment,
          stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
          // A group of its own: Ctrl-C in the local cloud's terminal is not the instance's.
          detached: true,
          windowsHide: true,
        },
      )
      return follow({child, id, port, home, spec, clock})
    },
  }
}

function follow({
  child,
  id,
  port,
  home,
  spec: {output, limits, reach},
  clock,
}: {
  child: ChildProcess
  id: string
  port: number
  home: string
  spec: Pick<InstanceSpec, 'output' | 'limits' | 'reach'>
  clock: Clock
}): Promise<Instance> {
  const memory = watchMemory(child, limits.memoryBytes)
  const heap = new HeapAbort()
  readLines(child.stdout, (line) => output('stdout', line))
  readLines(child.stderr, (line) => {
    heap.read(line)
    output('stderr', line)
  })
  const lifeline = child.stdio[3]
  if (lifeline instanceof Socket) lifeline.on('error', () => undefined)
  const listening = new Promise<void>((resolve) => lifeline?.once('data', () => resolve()))
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', () => {
      const timer = setTimeout(() => {
        child.stdout?.destroy()
        child.stderr?.destroy()
        lifeline?.destroy()
      }, LATE_OUTPUT_MS)
      child.once('close', (code, signal) => {
        clearTimeout(timer)
        const outOfMemory = memory.exceeded || heap.isReasonOf({code, signal})
        resolve({
          code,
          signal,
          outOfMemory,
          memory: {limitBytes: limits.memoryBytes, peakBytes: memory.peakBytes},
        })
      })
    })
  })
  void exited.then(() => rm(home, {recursive: true, force: true}))
  return new Promise((resolve, reject) => {
    child.once('error', (error) =>
      reject(new InstanceError(`The container could not be started: ${error.message}.`)),
    )
    child.once('spawn', () => {
      const {pid} = child
      if (pid === undefined) return
      resolve({
        id,
        pid,
        port,
        reach,
        listening,
        exited,
        async stop(graceMs) {
          child.kill('SIGTERM')
          const timer = clock.after(graceMs, () => killGroup(child))
          try {
            return await exited
          } finally {
            timer.clear()
          }
        },
      })
    })
  })
}

function readLines(stream: Readable | null, take: (line: string) => void): void {
  const lines = new Lines(take, LONGEST_LINE_BYTES)
  stream?.on('data', (chunk: Buffer) => lines.push(chunk))
  stream?.once('close', () => lines.end())
}

/** The arguments after `node`. @throws InstanceError where something else is to be run */
function nodeArguments({image, command, args}: InstanceSpec): string[] {
  const entrypoint = command.length > 0 ? command : image.config.entrypoint
  const rest = args.length > 0 || command.length > 0 ? args : image.config.cmd
  const [program, ...parameters] = [...entrypoint, ...rest]
  if (program === undefined)
    throw new InstanceError(
      'The image has neither an entrypoint nor a command; set one in the image or in the container.',
    )
  if (basename(program) !== 'node') {
    throw new InstanceError(
      `The container runs "${program}"; the local cloud runs images of the runtime ${RUNTIME} as a process, and those must run "node".`,
    )
  }
  return parameters
}

/** An absolute path that is in the image, as a path of this machine. */
async function translate(root: string, argument: string): Promise<string> {
  if (!argument.startsWith('/')) return argument
  const path = join(root, argument)
  return stat(path).then(
    () => path,
    () => argument,
  )
}

function baseEnvironment(image: Image, home: string): Record<string, string> {
  const own = imageEnvironment(image)
  return {
    TZ: 'UTC',
    ...own,
    PATH: [dirname(process.execPath), own['PATH'] ?? '/usr/local/bin:/usr/bin:/bin'].join(delimiter),
    HOME: home,
    TMPDIR: home,
  }
}
