import type {Image} from '../artifact-registry/images.ts'

export type OutputStream = 'stdout' | 'stderr'

/** What to run: one container of a service's instance, or of a job's task. */
export interface InstanceSpec {
  readonly image: Image
  /** In place of the image's entrypoint; without `args` the image's arguments are left out, as Kubernetes does. */
  readonly command: readonly string[]
  /** In place of the image's arguments. */
  readonly args: readonly string[]
  /** In place of the image's working folder. */
  readonly workingDir: string | undefined
  /** Besides the image's own environment, over which it wins; the port is added. */
  readonly env: Readonly<Record<string, string>>
  /** What it may use at most, where the kind of instance can hold it to that; 0 bytes: no limit. */
  readonly limits: {readonly cpus: number; readonly memoryBytes: number}
  /** Whether it is to listen on a port (a service; a job's task does not). */
  readonly listens: boolean
  readonly reach: Reach
  /** Takes each line of output as it is written, without its line end. */
  readonly output: (stream: OutputStream, line: string) => void
}

/** What the front end and its probes need to reach what listens in an instance. */
export interface Reach {
  /** Carried by every request, so that the instance can refuse others. */
  readonly headers: Readonly<Record<string, string>>
  /** Ports of this machine in place of those that the revision names: many instances share it. */
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
    /** The most it had resident at a time, where that is measured: processes on Linux. */
    readonly peakBytes: number | undefined
  }
}

/** A running container. */
export interface Instance {
  /** Unguessable, hexadecimal, as the metadata server's `instance/id`. */
  readonly id: string
  readonly pid: number
  /** On 127.0.0.1; 0 where it does not listen. */
  readonly port: number
  readonly reach: Reach
  /** Resolves once it is known to listen, sooner than polling would tell; a hint that may never come. */
  readonly listening: Promise<void>
  /** Resolves when it has ended and all its output was taken; never rejects. */
  readonly exited: Promise<Exit>
  /** SIGTERM, and SIGKILL where it has not ended after `graceMs`. Resolves when it has ended. */
  stop(graceMs: number): Promise<Exit>
}

/** A way to run containers: processes of this machine, docker. */
export interface Runtime {
  /** Fetches and unpacks the image where that is not done yet. @throws InstanceError where it cannot run it */
  prepare(image: Image): Promise<void>
  /** Starts a prepared image. @throws InstanceError */
  start(spec: InstanceSpec): Promise<Instance>
}

/** A container that cannot be run, for a reason that its author can mend. */
export class InstanceError extends Error {
  override readonly name = 'InstanceError'
}
