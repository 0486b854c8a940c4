import {type ChildProcess, spawn} from 'node:child_process'
import {randomBytes} from 'node:crypto'
import {mkdir, rm, stat} from 'node:fs/promises'
import {Socket} from 'node:net'
import {basename, delimiter, dirname, extname, join} from 'node:path'
import type {Readable} from 'node:stream'
import {fileURLToPath} from 'node:url'
import {type Image, imageEnvironment, type Images} from '../artifact-registry/images.ts'
import type {Clock} from '../wire/clock.ts'
import {commandOf, folderOf, programEnvironment, withLifeline} from './command.ts'
import {debugged, debuggingOf} from './debugger.ts'
import {freePort} from './free-port.ts'
import {type Exit, type Instance, InstanceError, type InstanceSpec, type Runtime} from './instance.ts'
import {killGroup} from './kill-group.ts'
import {Lines, LONGEST_LINE_BYTES} from './lines.ts'
import {HeapAbort, heapFlags, watchMemory} from './memory.ts'
import {createUnpacker} from './unpack.ts'

/** Names the runtime that an image without a base needs. */
export const RUNTIME_ANNOTATION = 'dev.cloud-runner.runtime'
const RUNTIME = 'node24'
/** Any program of this machine. */
const PROGRAM = 'process'

/** How long to wait for output after the process has ended, from children that hold its end of the pipe. */
const LATE_OUTPUT_MS = 500

/** Of POSIX. */
const SHELL = '/bin/sh'

// Beside this file as source (`.ts`, run by Node's type stripping) or built (`.js`).
const LIFELINE = new URL(`./lifeline${extname(fileURLToPath(import.meta.url))}`, import.meta.url)

/**
 * Runs images as processes on this machine: `node` under this process's own Node instead of the image's, or any program
 * of this machine.
 *
 * The image's files are in a folder, not at `/`: absolute paths in the command are translated, those that the code
 * itself opens are not. The CPU limit is not enforced; the memory limit is, see `memory.ts`.
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
      if (runtime !== RUNTIME && runtime !== PROGRAM)
        throw new InstanceError(
          `The image requests the runtime "${runtime}", which the local cloud does not have. Images to run as a process have the annotation "${RUNTIME_ANNOTATION}": "${RUNTIME}" or "${PROGRAM}"; those without it run as containers.`,
        )
      await unpacker.unpack(image)
    },
    async start(spec) {
      const {image, limits} = spec
      const root = await unpacker.unpack(image)
      const id = randomBytes(32).toString('hex')
      const home = join(folder, 'tmp', id.slice(0, 16))
      const copy = join(root, spec.workingDir ?? (image.config.workingDir || '/'))
      const debugging = await debuggingOf(image)
      const isNode = image.annotations[RUNTIME_ANNOTATION] === RUNTIME
      const command = debugged(isNode ? requireNode(commandOf(spec)) : commandOf(spec), debugging)
      const port = spec.listens ? await freePort() : 0
      const environment: Record<string, string> = {
        ...baseEnvironment(image, home),
        ...(isNode ? {} : programEnvironment(image)),
        ...spec.env,
        ...(spec.listens ? {PORT: String(port)} : {}),
      }
      await mkdir(home, {recursive: true, mode: 0o700})
      await mkdir(copy, {recursive: true, mode: 0o700})
      const program = await translate(root, command[0])
      const args = await Promise.all(command.slice(1).map((word) => translate(root, word)))
      const child = spawn(
        isNode ? process.execPath : SHELL,
        isNode
          ? [
              ...heapFlags(limits.memoryBytes, environment['NODE_OPTIONS']),
              '--import',
              `${LIFELINE.href}?memory=${limits.memoryBytes}`,
              ...args,
            ]
          : withLifeline([program, ...args]),
        {
          cwd: isNode ? copy : await folderOf(image, copy, debugging !== undefined),
          env: environment,
          stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
          // Its own process group, so that Ctrl-C in the local cloud's terminal does not reach the instance.
          detached: true,
          windowsHide: true,
        },
      )
      if (debugging?.kind === 'debugpy') spec.output('stderr', `debugpy listens on ${debugging.address}`)
      return follow({child, id, port, home, spec, clock, isDebugged: debugging !== undefined})
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
  isDebugged,
}: {
  child: ChildProcess
  id: string
  port: number
  home: string
  spec: Pick<InstanceSpec, 'output' | 'limits' | 'reach'>
  clock: Clock
  isDebugged: boolean
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
      // A program's group ends with it.
      lifeline?.destroy()
      const timer = setTimeout(() => {
        child.stdout?.destroy()
        child.stderr?.destroy()
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
        isDebugged,
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

/** @throws InstanceError if the command is not `node` */
function requireNode(command: [string, ...string[]]): [string, ...string[]] {
  const [program] = command
  if (basename(program) === 'node') return command
  throw new InstanceError(
    `The container runs "${program}"; the local cloud runs images of the runtime ${RUNTIME} as a process, and those must run "node".`,
  )
}

/** Translates an absolute path in the image to one on this machine. */
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
  const {NODE_OPTIONS} = process.env
  return {
    TZ: 'UTC',
    ...(NODE_OPTIONS === undefined ? {} : {NODE_OPTIONS}),
    ...own,
    PATH: [dirname(process.execPath), own['PATH'] ?? '/usr/local/bin:/usr/bin:/bin'].join(delimiter),
    HOME: home,
    TMPDIR: home,
  }
}
