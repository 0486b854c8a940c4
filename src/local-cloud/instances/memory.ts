import type {ChildProcess} from 'node:child_process'
import {readFileSync} from 'node:fs'
import type {Exit} from './instance.ts'
import {killGroup} from './kill-group.ts'

/** Reading it takes some ten microseconds; in between a process takes no more than some hundred MiB. */
const LOOK_EVERY_MS = 100

/** The memory of a process. */
export interface MemoryWatch {
  /** Whether it was killed above its limit. */
  readonly exceeded: boolean
  /** The most that was seen resident; `undefined` where the system does not say. */
  readonly peakBytes: number | undefined
}

/**
 * Holds a process to its memory limit, as a container is: above it the process and its group are killed. Only Linux
 * says how much memory a process has; elsewhere V8's own limit (`heapFlags`) is all there is. What its child processes
 * take is not counted.
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
      // A process takes memory in real time, which no injected clock can move.
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
/** V8 leaves its old generation at most this much, of less than 15 GiB of memory and of more. */
const LARGEST_HEAP_BYTES = 2 * 2 ** 30
const LARGEST_HEAP_OF_MUCH_BYTES = 4 * 2 ** 30
const MUCH_BYTES = 15 * 2 ** 30

/**
 * V8's flags for the heap that Node would take in a container with this memory, half of it: by itself it would take
 * half of this machine's (`ResourceConstraints::ConfigureDefaults` in V8's src/heap/heap.cc).
 * @param nodeOptions the user's NODE_OPTIONS, which win
 */
export function heapFlags(memoryBytes: number, nodeOptions = ''): string[] {
  if (memoryBytes === 0 || /--max[-_]old[-_]space[-_]size/.test(nodeOptions)) return []
  const most = memoryBytes < MUCH_BYTES ? LARGEST_HEAP_BYTES : LARGEST_HEAP_OF_MUCH_BYTES
  return [`--max-old-space-size=${Math.floor(Math.min(memoryBytes / 2, most) / MIB)}`]
}

/** V8's last words on stderr at the limit of its heap. */
const HEAP_LIMIT_REACHED = 'JavaScript heap out of memory'

/** Reads along on stderr, to know whether V8 aborted a process at the limit of its heap. */
export class HeapAbort {
  #isAnnounced = false

  /** Takes a line of stderr. */
  read(line: string): void {
    this.#isAnnounced ||= line.includes(HEAP_LIMIT_REACHED)
  }

  /** A shell, or a container engine, makes exit code 134 of SIGABRT. */
  isReasonOf({code, signal}: Pick<Exit, 'code' | 'signal'>): boolean {
    return this.#isAnnounced && (signal === 'SIGABRT' || code === 134)
  }
}
