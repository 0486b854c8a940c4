import {join} from 'node:path'
import type {Config} from '../../core/config.ts'
import {fieldsOf, type JsonObject} from '../../core/json.ts'
import {
  runningLocalCloud,
  type LocalCloudAddress,
  type LocalCloudStatus,
} from '../../tools/local-cloud-address.ts'
import {askLocalCloud} from '../../tools/local-cloud-control.ts'
import {startLocalCloud, stopLocalCloud, type StartedLocalCloud} from '../../tools/local-cloud-process.ts'

/** How to start a local cloud that does not run. */
export interface StartOptions {
  readonly signal: AbortSignal
  /** Shows that the local cloud is being started. */
  readonly starting: (work: () => Promise<LocalCloudAddress>) => Promise<LocalCloudAddress>
}

/** The local cloud of the user's folder. */
export interface LocalCloudControl {
  /** Absolute path of its state. */
  readonly folder: string
  status(): Promise<LocalCloudStatus | undefined>
  start(options: {
    readonly port?: number | undefined
    readonly bind?: string | undefined
    readonly signal: AbortSignal
  }): Promise<StartedLocalCloud>
  /**
   * Calls a route below `/_local-cloud/` of the running local cloud.
   * @throws AppError `unreachable` if none is running
   */
  ask(method: string, path: string, body?: object): Promise<JsonObject>
  /** The local cloud's record of requests with higher ids, oldest first. @throws AppError `unreachable` */
  requests(after: number): Promise<readonly JsonObject[]>
  /** @returns `undefined` if none was running */
  stop(): Promise<{readonly pid: number; readonly killed: boolean} | undefined>
}

/** How far `local time advance` moved its clock, in milliseconds. @param now milliseconds since the epoch */
export function clockAheadMs({time}: Pick<LocalCloudStatus, 'time'>, now: number): number {
  const ahead = Date.parse(time) - now
  // The time that its answer took, and no more precise than that.
  return ahead < 1000 ? 0 : ahead
}

/** Between two looks at a clock that `local time advance` may move. */
const CLOCK_MS = 1000

/**
 * The local cloud's time, in milliseconds since the epoch. If it was moved, the next second knows.
 * @param aheadMs how far its clock is ahead now
 */
export function followClock({status}: Pick<LocalCloudControl, 'status'>, aheadMs: number): () => number {
  let ahead = aheadMs
  let readAt = Date.now()
  const read = async () => {
    const running = await status()
    if (running !== undefined) ahead = clockAheadMs(running, Date.now())
  }
  return () => {
    if (Date.now() - readAt > CLOCK_MS) {
      readAt = Date.now()
      void read()
    }
    return Date.now() + ahead
  }
}

/** The local cloud of the user's folder, running or not. */
export function localCloudOf({stateFolder}: Config): LocalCloudControl {
  const folder = join(stateFolder, 'local')
  return {
    folder,
    status: () => runningLocalCloud(folder),
    ask: (method, path, body) => askLocalCloud(folder, {method, path, body}),
    async requests(after) {
      const {requests} = await askLocalCloud(folder, {method: 'GET', path: `requests?after=${after}`})
      return Array.isArray(requests) ? requests.map(fieldsOf) : []
    },
    start: (options) => startLocalCloud({folder, ...options}),
    stop: () => stopLocalCloud(folder),
  }
}
