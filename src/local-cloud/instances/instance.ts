import type {Image} from '../artifact-registry/images.ts'

export type OutputStream = 'stdout' | 'stderr'

/** What to run: one container of a service's instance, or of a job's task. */
export interface InstanceSpec {
  readonly image: Image
  /** Replaces the image's entrypoint; without `args` the image's arguments are dropped, as in Kubernetes. */
  readonly command: readonly string[]
  /** Replaces the image's arguments. */
  readonly args: readonly string[]
  /** Replaces the image's working folder. */
  readonly workingDir: string | undefined
  /** Added to the image's environment, which it overrides; the port is added. */
  readonly env: Readonly<Record<string, string>>
  /** Limits, if the kind of instance can enforce them; 0 bytes: no limit. */
  readonly limits: {readonly cpus: number; readonly memoryBytes: number}
  /** Whether it must listen on a port (a service does, a job's task does not). */
  readonly listens: boolean
  readonly reach: Reach
  /** Takes each line of output as it is written, without its line end. */
  readonly output: (stream: OutputStream, line: string) => void
}

/** What the front end and its probes need to reach the ports of an instance. */
export interface Reach {
  /** Sent with every request, so that the instance can refuse others. */
  readonly headers: Readonly<Record<string, string>>
  /** Ports of this machine that replace those that the revision names, since many instances share it. */
  readonly ports: ReadonlyMap<number, number>
}

/** How an instance ended. */
export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** Ended above its memory limit, or aborted by V8 at the limit of its heap. */
  readonly outOfMemory: boolean
  readonly memory: {
    /** 0: no limit. */
    readonly limitBytes: number
    /** Peak resident memory, if it is measured: for processes on Linux. */
    readonly peakBytes: number | undefined
  }
}

/** A running container. */
export interface Instance {
  /** Unguessable, hexadecimal, as the metadata server's `instance/id`. */
  readonly id: string
  readonly pid: number
  /** On 127.0.0.1; 0 if it does not listen. */
  readonly port: number
  readonly reach: Reach
  /** Resolves once it is known to listen, sooner than polling would find out; a hint that may never come. */
  readonly listening: Promise<void>
  /** Resolves when it has ended and all its output was read; never rejects. */
  readonly exited: Promise<Exit>
  /** Whether a debugger may pause it: no deadline applies then. The default is false. */
  readonly isDebugged?: boolean
  /** SIGTERM, then SIGKILL if it has not ended after `graceMs`. Resolves when it has ended. */
  stop(graceMs: number): Promise<Exit>
}

/** A way to run containers: as processes, or with docker. */
export interface Runtime {
  /** Fetches and unpacks the image if needed. @throws InstanceError if it cannot run here */
  prepare(image: Image): Promise<void>
  /** Starts a prepared image. @throws InstanceError */
  start(spec: InstanceSpec): Promise<Instance>
}

/** A container that cannot be run, for a reason that its author can fix. */
export class InstanceError extends Error {
  override readonly name = 'InstanceError'
}
