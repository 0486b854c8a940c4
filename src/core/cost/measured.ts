import {CANARY_PREFIX} from '../../../worker/contract.ts'
import {notSetUp} from '../service/not-set-up.ts'
import type {Context} from '../ports/context.ts'
import type {LogLine} from '../ports/logs.ts'
import {billFor, type Amount, type Bill} from './bill.ts'
import {
  billedSeconds,
  billedTaskSeconds,
  elsewhere,
  IDLE_SECONDS,
  IMAGES,
  keptLonger,
  PER_FILE,
} from './per-file.ts'

const DAY_MS = 86_400_000
/** Most requests to read: Cloud Logging answers 60 reads of 1,000 lines a minute (cloud.google.com/logging/quotas). */
const MOST_REQUESTS = 50_000

/** What a pipeline did in a period, by its logs, executions and buckets. */
export interface Measured {
  /** RFC 3339. */
  readonly since: string
  /** Deliveries that reached an instance. */
  readonly requests: number
  /** Of the deliveries, on average; `undefined` without any. */
  readonly secondsPerRequest: number | undefined
  readonly executions: number
  /** Objects of both buckets, with sidecars and noncurrent versions. */
  readonly objects: number
  readonly storedBytes: number
}

export interface MeasuredCost {
  readonly measured: Measured
  readonly bill: Bill
}

/**
 * What a pipeline has cost since a time, or would have cost on Google if it runs locally: its measured usage at
 * Google's list prices.
 * @param now the cloud's time, in milliseconds since the epoch
 * @throws AppError `not-set-up`
 */
export async function measureCost(sinceMs: number, context: Context, now: number): Promise<MeasuredCost> {
  const {cloud, pipeline, step} = context
  const {names, settings} = pipeline
  const since = new Date(now - sinceMs).toISOString()
  const days = sinceMs / DAY_MS

  step('Read the request log')
  const revisions = await cloud.services.revisions(names.service)
  if (revisions.length === 0) throw notSetUp(context)
  const {served, factor} = await readRequests(since, now, context)
  const requests = served.length * factor
  const busy = served.reduce((sum, {latencyMs = 0}) => sum + latencyMs, 0) / 1000

  step('List executions')
  const executions = await cloud.jobs.since(names.job, since)

  step('List both buckets')
  const inputs = await readBucket(names.inputBucket, since, now, context, settings.filter['prefix'])
  const outputs = await readBucket(names.outputBucket, since, now, context)

  const active = instanceSeconds(served, settings.cpuAlwaysAllocated ? IDLE_SECONDS : 0) * factor
  const oldest = Math.min(...revisions.map(({createdAt}) => Date.parse(createdAt)))
  const existedSeconds = (now - Math.max(oldest, now - sinceMs)) / 1000
  const kept = existedSeconds * settings.minInstances
  const scaled = factor === 1 ? '' : `, scaled from the newest ${served.length} to the whole period`
  const serviceSeconds: Amount = settings.cpuAlwaysAllocated
    ? {
        amount: Math.max(active, kept),
        because: `from an instance's first request to 15 min after its last${scaled}; at least minInstances`,
      }
    : {amount: active, because: `the request log: time in which an instance served requests${scaled}`}
  const bill = billFor(
    {
      days,
      serviceSeconds,
      idleSeconds: {
        amount: settings.cpuAlwaysAllocated ? 0 : Math.max(0, kept - active),
        because: `minInstances ${settings.minInstances} since the oldest revision, minus the time they served`,
      },
      jobSeconds: {
        amount: executions.reduce(
          (sum, {durationMs, tasks}) => sum + tasks * billedTaskSeconds(durationMs / 1000),
          0,
        ),
        because: `${executions.length} executions, each task at least a minute`,
      },
      requests: {amount: requests, because: `the request log${scaled}`},
      storedBytes: {
        amount:
          (settings.inputBucket === undefined ? inputs.averageBytes : 0) +
          (settings.outputBucket === undefined ? outputs.averageBytes : 0),
        because: `what is in both buckets now, since it was written; ${settings.versioning ? 'with noncurrent versions, without soft-deleted ones' : keptLonger(settings)}${elsewhere(settings)}`,
      },
      writes: {
        amount: inputs.written + outputs.written,
        because: 'one for each object in the buckets that was written in this time',
      },
      reads: {amount: requests * PER_FILE.reads, because: `${PER_FILE.reads} per delivery`},
      readBytes: {amount: inputs.writtenBytes, because: 'each file was read once'},
      messageBytes: {
        amount: (inputs.written + requests) * PER_FILE.messageBytes,
        because: `${PER_FILE.messageBytes} bytes for each file published and each delivery`,
      },
      imageBytes: IMAGES,
      logBytes: {amount: requests * PER_FILE.logBytes, because: '6 KiB per delivery'},
    },
    settings,
  )
  return {
    measured: {
      since,
      requests,
      secondsPerRequest: served.length === 0 ? undefined : busy / served.length,
      executions: executions.length,
      objects: inputs.objects + outputs.objects,
      storedBytes: inputs.bytes + outputs.bytes,
    },
    bill,
  }
}

/**
 * Requests that reached an instance, newest first: those that Cloud Run rejected cost nothing.
 * @returns also by how much to multiply them if there are more than can be read
 */
async function readRequests(
  since: string,
  now: number,
  {cloud, pipeline, signal}: Context,
): Promise<{served: LogLine[]; factor: number}> {
  const query = {service: pipeline.names.service, about: 'requests' as const, since}
  const served: LogLine[] = []
  let read = 0
  let oldest = now
  for await (const line of cloud.logs.list(query, {limit: MOST_REQUESTS, signal})) {
    read += 1
    oldest = Date.parse(line.time)
    if (line.instance !== undefined && line.latencyMs !== undefined) served.push(line)
  }
  const factor = read < MOST_REQUESTS ? 1 : (now - Date.parse(since)) / Math.max(1, now - oldest)
  return {served, factor}
}

/**
 * Billed seconds of all instances: requests that overlap in one share its time.
 * @param idleSeconds billed after a request in which no other arrives
 */
export function instanceSeconds(
  requests: readonly Pick<LogLine, 'time' | 'latencyMs' | 'instance'>[],
  idleSeconds: number,
): number {
  let total = 0
  for (const ofInstance of Map.groupBy(requests, ({instance}) => instance).values()) {
    let open: {from: number; to: number} | undefined
    const spans = ofInstance.map(({time, latencyMs = 0}) => ({
      from: Date.parse(time),
      to: Date.parse(time) + latencyMs + idleSeconds * 1000,
    }))
    for (const span of spans.toSorted((one, other) => one.from - other.from)) {
      if (open === undefined || span.from >= open.to) {
        total += open === undefined ? 0 : billedSeconds((open.to - open.from) / 1000)
        open = span
      } else open.to = Math.max(open.to, span.to)
    }
    total += open === undefined ? 0 : billedSeconds((open.to - open.from) / 1000)
  }
  return total
}

interface BucketUsage {
  readonly objects: number
  readonly bytes: number
  /** Over the period. */
  readonly averageBytes: number
  /** Objects written in the period, and their bytes. */
  readonly written: number
  readonly writtenBytes: number
}

async function readBucket(
  bucket: string,
  since: string,
  now: number,
  {cloud}: Context,
  prefix?: string,
): Promise<BucketUsage> {
  const from = Date.parse(since)
  const usage = {objects: 0, bytes: 0, averageBytes: 0, written: 0, writtenBytes: 0}
  const all = cloud.objects.list(bucket, {versions: true, ...(prefix === undefined ? {} : {prefix})})
  for await (const {name, sizeBytes, timeCreated} of all) {
    if (name.startsWith(CANARY_PREFIX)) continue
    const created = Date.parse(timeCreated)
    usage.objects += 1
    usage.bytes += sizeBytes
    usage.averageBytes += (sizeBytes * (now - Math.max(created, from))) / (now - from)
    if (created < from) continue
    usage.written += 1
    usage.writtenBytes += sizeBytes
  }
  return usage
}
