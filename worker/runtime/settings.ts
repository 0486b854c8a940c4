import {type Afterwards, type Filter, WORKER_ENVIRONMENT} from '../contract.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** The worker's settings from its environment variables, validated. */
export interface WorkerSettings {
  readonly port: number
  /** Address to listen on; `undefined`: all interfaces. */
  readonly host: string | undefined
  /** A header that every request must carry, and its value. */
  readonly secret: {readonly header: string; readonly value: string} | undefined
  /** Port on which the watchdog's thread serves `/healthz`; `undefined`: none. */
  readonly healthPort: number | undefined
  readonly outputBucket: string
  /** If set, events from other buckets are not processed. */
  readonly inputBucket: string | undefined
  /** Names of the objects that are processed. */
  readonly filter: Filter
  /** What happens to an input once its result exists. */
  readonly afterwards: Afterwards
  /**
   * Milliseconds after which a delivery is abandoned, so that the response precedes Pub/Sub's own deadline. Undefined
   * in a job, whose end Cloud Run announces with SIGTERM.
   */
  readonly ownDeadlineMs: number | undefined
  /** Milliseconds after which the front end ends a delivery's request: DEADLINE_SECONDS. */
  readonly deadlineMs: number
  /** The job that long work is handed over to; undefined in the job itself. */
  readonly job: {readonly name: string; readonly thresholdBytes: number; readonly tasks: number} | undefined
}

/** Invalid environment variables: the worker cannot run. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError'
}

/** Cloud Run's default port (container runtime contract). */
const DEFAULT_PORT = 8080

/** Pub/Sub waits at most 600 s for a push; Cloud Run may hold a request for 60 s before an instance gets it. */
const DEFAULT_DEADLINE_SECONDS = 540
const LONGEST_DEADLINE_SECONDS = 600
/** Enough to respond, and for the watchdog to end a process that does not. */
const SHORTEST_MARGIN_MS = 500

const DEFAULT_JOB_THRESHOLD = '256Mi'
const MOST_JOB_TASKS = 100
const BYTES_OF_UNIT: Readonly<Record<string, number>> = {Ki: 1024, Mi: 1024 ** 2, Gi: 1024 ** 3}

/** Cloud Run's container contract does not reserve this header name. */
const SECRET_HEADER = 'x-front-end-secret'

/**
 * Reads PORT, HOST, FRONT_END_SECRET, HEALTH_PORT, OUTPUT_BUCKET, INPUT_BUCKET, DEADLINE_SECONDS, FILTER_PREFIX,
 * FILTER_SUFFIX, AFTERWARDS, JOB, JOB_THRESHOLD and JOB_TASKS.
 * @throws SettingsError that names the variable and what to set
 */
export function readSettings(environment: Environment): WorkerSettings {
  const outputBucket = environment[WORKER_ENVIRONMENT.outputBucket] ?? ''
  if (outputBucket === '') {
    throw new SettingsError('OUTPUT_BUCKET is not set: name the bucket that results are written to.')
  }
  const inputBucket = environment[WORKER_ENVIRONMENT.inputBucket] || undefined
  if (inputBucket === outputBucket) {
    throw new SettingsError(
      `INPUT_BUCKET and OUTPUT_BUCKET are both "${outputBucket}": each result would be processed again, endlessly. Set OUTPUT_BUCKET to another bucket.`,
    )
  }
  const deadlineMs =
    1000 *
    wholeNumber(environment, WORKER_ENVIRONMENT.deadlineSeconds, DEFAULT_DEADLINE_SECONDS, {
      least: 1,
      most: LONGEST_DEADLINE_SECONDS,
    })
  const isTask = environment['CLOUD_RUN_JOB'] !== undefined
  return {
    port: wholeNumber(environment, 'PORT', DEFAULT_PORT, {least: 0, most: 65_535}),
    host: environment[WORKER_ENVIRONMENT.host] || undefined,
    secret: readSecret(environment),
    healthPort: wholeNumber(environment, WORKER_ENVIRONMENT.healthPort, undefined, {least: 1, most: 65_535}),
    deadlineMs,
    outputBucket,
    inputBucket,
    filter: {
      prefix: environment[WORKER_ENVIRONMENT.filterPrefix],
      suffix: environment[WORKER_ENVIRONMENT.filterSuffix],
    },
    afterwards: readAfterwards(environment),
    ownDeadlineMs: isTask
      ? undefined
      : deadlineMs - Math.min(15_000, Math.max(SHORTEST_MARGIN_MS, 0.05 * deadlineMs)),
    job: isTask ? undefined : readJob(environment),
  }
}

function readSecret(environment: Environment): WorkerSettings['secret'] {
  const value = environment[WORKER_ENVIRONMENT.frontEndSecret] ?? ''
  return value === '' ? undefined : {header: SECRET_HEADER, value}
}

function readAfterwards(environment: Environment): Afterwards {
  const value = environment[WORKER_ENVIRONMENT.afterwards] || 'keep'
  if (value === 'keep' || value === 'archive' || value === 'delete') return value
  throw new SettingsError(`AFTERWARDS is "${value}": set it to keep, archive or delete.`)
}

function readJob(environment: Environment): WorkerSettings['job'] {
  const name = environment[WORKER_ENVIRONMENT.job] ?? ''
  if (name === '') return undefined
  if (!/^projects\/[^/]+\/locations\/[^/]+\/jobs\/[^/]+$/.test(name)) {
    throw new SettingsError(`JOB is "${name}": set it to projects/PROJECT/locations/REGION/jobs/JOB.`)
  }
  const threshold = environment[WORKER_ENVIRONMENT.jobThreshold] || DEFAULT_JOB_THRESHOLD
  const [, amount, unit = ''] = /^(\d+)(Ki|Mi|Gi)?$/.exec(threshold) ?? []
  if (amount === undefined) {
    throw new SettingsError(`JOB_THRESHOLD is "${threshold}": set it to a size such as 256Mi.`)
  }
  return {
    name,
    thresholdBytes: Number(amount) * (BYTES_OF_UNIT[unit] ?? 1),
    tasks: wholeNumber(environment, WORKER_ENVIRONMENT.jobTasks, 1, {least: 1, most: MOST_JOB_TASKS}),
  }
}

function wholeNumber<F extends number | undefined>(
  environment: Environment,
  name: string,
  fallback: F,
  range: {least: number; most: number},
): number | F {
  const text = environment[name]
  if (text === undefined || text === '') return fallback
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < range.least || value > range.most) {
    throw new SettingsError(
      `${name} is "${text}": set it to a whole number from ${range.least} to ${range.most}, or leave it out${fallback === undefined ? '' : ` for ${fallback}`}.`,
    )
  }
  return value
}
