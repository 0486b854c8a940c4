import type {Context} from './ports/context.ts'
import {servingImage} from './service/job.ts'
import {sharesOf, stableRevision} from './service/traffic.ts'
import {AppError} from './errors.ts'
import {inOneLine} from './files/fault.ts'
import {countStates, type FileStatus} from './files/files.ts'
import {exactly, namesUnder, patternOf} from './files/names.ts'
import {queryFiles, type FilePage, type FileQuery} from './files/query.ts'
import {failureText, type FailingRevision, readRecentDeliveries} from './service/recent-deliveries.ts'
import type {Target} from './settings/settings.ts'
import type {ServiceState} from './ports/services.ts'
import {gapOf} from './service/connections.ts'
import {notSetUp} from './service/not-set-up.ts'
import {nothingMatches} from './files/not-found.ts'
import {readNamedFiles} from './files/read-files.ts'
import {readSelection} from './files/select.ts'
import {command, suggest, type Suggestion} from './suggestion.ts'

export interface StatusRequest extends Omit<FileQuery, 'names'> {
  /** Names, folders and globs; empty: all. Names alone are listed in this order, whatever else is requested. */
  readonly objects: readonly string[]
  /** Only names that start with this text. */
  readonly prefix?: string | undefined
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

export interface Status extends FilePage {
  readonly pipeline: PipelineStatus
  /** HTTP status with which the service rejected the latest push, if files wait. */
  readonly refusedPushes?: number
}

/**
 * The pipeline and its files: input objects matched with results by generation.
 * @throws AppError `not-set-up`; `object-unknown` if a named object is not in the input bucket, or a pattern matches none
 */
export async function status(request: StatusRequest, context: Context): Promise<Status> {
  const [{pipeline, refused}, page] = await Promise.all([readPipeline(context), readFiles(request, context)])
  const refusedPushes = page.counts.waiting > 0 ? refused : undefined
  return {pipeline, ...page, ...(refusedPushes === undefined ? {} : {refusedPushes})}
}

/**
 * The pipeline without its files, and the HTTP status with which the service rejected the latest push, if it did: five
 * cheap reads.
 */
export async function readPipeline(
  context: Context,
): Promise<{readonly pipeline: PipelineStatus; readonly refused: 401 | 403 | undefined}> {
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
  return {
    pipeline: describe(context, service, image, missing, recent?.failing ?? []),
    refused: recent?.refused,
  }
}

async function readFiles({objects, prefix, ...query}: StatusRequest, context: Context): Promise<FilePage> {
  try {
    const isPlain = prefix === undefined && (query.states ?? []).length === 0
    const selection = await readSelection(objects, context)
    if (objects.length > 0 && isPlain && selection.patterns.length === 0)
      return pageOf(await readNamedFiles(objects, context))
    const chosen = [
      ...[...selection.names].map((name) => exactly(name)),
      ...selection.patterns.map((text) => patternOf(text)),
    ]
    const names = prefix === undefined ? chosen : [namesUnder(prefix, chosen)]
    const page = await queryFiles({...query, names}, context)
    if (objects.length > 0 && Object.values(page.counts).every((files) => files === 0))
      throw nothingMatches(objects, context)
    return page
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'not-found') throw error
    throw notSetUp(context, error)
  }
}

function pageOf(files: readonly FileStatus[]): FilePage {
  return {files, counts: countStates(files), total: files.length, more: 0}
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
