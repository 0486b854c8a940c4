import type {Context} from './ports/context.ts'
import {servingImage} from './service/job.ts'
import {sharesOf, stableRevision} from './service/traffic.ts'
import {AppError} from './errors.ts'
import {inOneLine} from './files/fault.ts'
import type {FileState, FileStatus} from './files/files.ts'
import {failureText, type FailingRevision, readRecentDeliveries} from './service/recent-deliveries.ts'
import type {Target} from './pipeline/settings.ts'
import type {ServiceState} from './ports/services.ts'
import {gapOf} from './service/connections.ts'
import {notSetUp} from './service/not-set-up.ts'
import {readFirstFiles, readNamedFiles} from './files/read-files.ts'
import {command, suggest, type Suggestion} from './suggestion.ts'

/** Each thousand takes one listing of the input bucket and about four of the output bucket: a minute on Google. */
export const MOST_FILES = 10_000

export interface StatusRequest {
  /** Empty: all files. */
  readonly objects: readonly string[]
  /** Most files to list, newest first. All are counted. */
  readonly limit: number
  /** Most files to read, the first by name. */
  readonly most?: number
}

export interface PipelineStatus {
  readonly name: string
  readonly target: Target
  readonly project: string
  readonly region: string
  readonly inputBucket: string
  readonly outputBucket: string
  readonly topic: string
  readonly subscription: string
  readonly service: string
  /** Reference with digest, of the revision that has the traffic, or most of it; absent before the first deploy. */
  readonly image: string | undefined
  /** The model that scores files, if one is set: `gs://bucket/object#generation`. */
  readonly model: string | undefined
  /** The revision that has the traffic, or most of it. */
  readonly revision: string | undefined
  /** Revisions with traffic, in percent, the largest part first. */
  readonly traffic: readonly {readonly revision: string; readonly percent: number}[]
  readonly uri: string | undefined
  readonly ready: boolean
  /** Why it is not ready. */
  readonly problem: Suggestion | undefined
  /** Revisions with traffic whose latest deliveries all failed; the pipeline is not ready then. */
  readonly failing: readonly FailingRevision[]
}

export interface Status {
  readonly pipeline: PipelineStatus
  readonly files: readonly FileStatus[]
  /** Counts of all files, listed or not; of the named objects, if any; if there are `more`, of the first by name. */
  readonly counts: Readonly<Record<FileState, number>>
  /** Whether there are more files than were read: more than {@link MOST_FILES}. */
  readonly more: boolean
  /** Whether there are more files than `files` holds. */
  readonly truncated: boolean
  /** HTTP status with which the service rejected the latest push, if files wait. */
  readonly refusedPushes?: number
}

/**
 * The pipeline and its files: input objects matched with results by generation.
 * @throws AppError `not-set-up`; `object-unknown` if a named object is not in the input bucket
 */
export async function status(
  {objects, limit, most = MOST_FILES}: StatusRequest,
  context: Context,
): Promise<Status> {
  const {cloud, signal} = context
  const service = await cloud.services.get(context.pipeline.names.service)
  const [image, missing, recent] = await Promise.all([
    service && servingImage(service, context),
    service === undefined ? [] : cloud.inspection.missingConnections(context.pipeline, {signal}),
    service &&
      readRecentDeliveries(
        sharesOf(service).map(({revision}) => revision),
        context,
      ),
  ])
  const pipeline = describe(context, service, image, missing, recent?.failing ?? [])
  const {files, more} = await readFiles(objects, most, context)
  const counts = {waiting: 0, running: 0, done: 0, failed: 0, dead: 0, ignored: 0}
  for (const {state} of files) counts[state]++
  const listed = objects.length > 0 ? files : files.slice(0, limit)
  const refusedPushes = files.some(({state}) => state === 'waiting') ? recent?.refused : undefined
  return {
    pipeline,
    files: listed,
    counts,
    more,
    truncated: listed.length < files.length,
    ...(refusedPushes === undefined ? {} : {refusedPushes}),
  }
}

async function readFiles(
  objects: readonly string[],
  most: number,
  context: Context,
): Promise<{files: FileStatus[]; more: boolean}> {
  try {
    if (objects.length === 0) return await readFirstFiles(most, context)
    return {files: await readNamedFiles(objects, context), more: false}
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'not-found') throw error
    throw notSetUp(context, error)
  }
}

function describe(
  {pipeline}: Context,
  service: ServiceState | undefined,
  image: string | undefined,
  missing: readonly string[],
  failing: readonly FailingRevision[],
): PipelineStatus {
  const {settings, names} = pipeline
  return {
    name: settings.name,
    target: settings.target,
    project: settings.project,
    region: settings.region,
    inputBucket: names.inputBucket,
    outputBucket: names.outputBucket,
    topic: names.topic,
    subscription: names.subscription,
    service: names.service,
    image,
    model: service?.model,
    revision: service && (stableRevision(service) ?? service.latestReadyRevision),
    traffic: service === undefined ? [] : sharesOf(service),
    uri: service?.uri,
    ready: service?.ready === true && missing.length === 0 && failing.length === 0,
    problem: problemOf(service, missing) ?? failing.map(failureText)[0],
    failing,
  }
}

function problemOf(service: ServiceState | undefined, missing: readonly string[]): Suggestion | undefined {
  if (service === undefined) return suggest`No worker is deployed yet: ${command('setup')}`
  if (missing.length === 0) return service.problem
  const before =
    service.problem === undefined ? '' : `${inOneLine(service.problem).replace(/\.?$/, '.')} And `
  return suggest`${before}${gapOf(missing)}: ${command('setup')}`
}
