import type {ChildProcess} from 'node:child_process'
import {readFileSync} from 'node:fs'
import type {Exit} from './instance.ts'
import {killGroup} from './kill-group.ts'

/** A reading takes about ten microseconds; between two, a process allocates a few hundred MiB at most. */
const LOOK_EVERY_MS = 100

/** The memory of a process. */
export interface MemoryWatch {
  /** Whether it was killed for exceeding its limit. */
  readonly exceeded: boolean
  /** Peak resident memory seen; `undefined` if the system does not report it. */
  readonly peakBytes: number | undefined
}

/**
 * Enforces a memory limit on a process, as on a container: above it, the process and its group are killed. Only Linux
 * reports the memory of a process; elsewhere V8's own limit (`heapFlags`) is all there is. Child processes
 * are not counted.
 * @param limitBytes 0: no limit
 */
export function watchMemory(child: ChildProcess, limitBytes: number): MemoryWatch {
  let exceeded = false
  let peakBytes: number | undefined
  const look = (): void => {
    const bytes = residentMemory(child.pid) ?? 0
    if (bytes > (peakBytes ?? 0)) peakBytes = bytes
    if (limitBytes === 0 || bytes <= limitBytes) return
    exceeded = true
    killGroup(child)
  }
  if (process.platform === 'linux')
    child.once('spawn', () => {
      // A process allocates memory in real time, which no injected clock can move.
      const timer = setInterval(look, LOOK_EVERY_MS).unref()
      child.once('exit', () => clearInterval(timer))
    })
  return {
    get exceeded() {
      return exceeded
    },
    get peakBytes() {
      return peakBytes
    },
  }
}

/**
 * Resident memory of a process that a container could not give back: all but mapped files, such as Node's own program
 * (RssAnon and RssShmem of man7.org/linux/man-pages/man5/proc_pid_status.5.html).
 */
function residentMemory(pid: number | undefined): number | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1')
    const [anonymous, shared] = ['RssAnon', 'RssShmem'].map(
      (name) => new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1],
    )
    return anonymous === undefined ? undefined : (Number(anonymous) + Number(shared ?? 0)) * 1024
  } catch {
    return undefined // it has ended
  }
}

const MIB = 2 ** 20
/** V8's largest old generation, with less than 15 GiB of memory and with more. */
const LARGEST_HEAP_BYTES = 2 * 2 ** 30
const LARGEST_HEAP_OF_MUCH_BYTES = 4 * 2 ** 30
const MUCH_BYTES = 15 * 2 ** 30

/**
 * V8's flags for the heap that Node would use in a container with this memory, half of it: without them it would use
 * half of this machine's (`ResourceConstraints::ConfigureDefaults` in V8's src/heap/heap.cc).
 * @param nodeOptions the user's NODE_OPTIONS, which win
 */
export function heapFlags(memoryBytes: number, nodeOptions = ''): string[] {
  if (memoryBytes === 0 || /--max[-_]old[-_]space[-_]size/.test(nodeOptions)) return []
  const most = memoryBytes < MUCH_BYTES ? LARGEST_HEAP_BYTES : LARGEST_HEAP_OF_MUCH_BYTES
  return [`--max-old-space-size=${Math.floor(Math.min(memoryBytes / 2, most) / MIB)}`]
}

/** What V8 prints to stderr when it reaches its heap limit. */
const HEAP_LIMIT_REACHED = 'JavaScript heap out of memory'

/** Watches stderr to detect that V8 aborted a process at its heap limit. */
export class HeapAbort {
  #isAnnounced = false

  /** Takes a line of stderr. */
  read(line: string): void {
    this.#isAnnounced ||= line.includes(HEAP_LIMIT_REACHED)
  }

  /** A shell or a container engine turns SIGABRT into exit code 134. */
  isReasonOf({code, signal}: Pick<Exit, 'code' | 'signal'>): boolean {
    return this.#isAnnounced && (signal === 'SIGABRT' || code === 134)
  }
}
