import {type Context} from './ports/context.ts'
import {alignJob} from './service/job.ts'
import {readStillRunning, type StillRunning} from './deploy/still-running.ts'
import {isRouted, routeTo, sharesOf} from './service/traffic.ts'
import {AppError} from './errors.ts'
import {findDigest} from './image-reference.ts'
import {type RevisionState, type ServiceState} from './ports/services.ts'
import {withLock} from './lock.ts'
import {notSetUp} from './service/not-set-up.ts'
import {command, suggest} from './suggestion.ts'

export interface RollbackResult {
  /** The revision that now has all the traffic. */
  readonly revision: string
  readonly image: string
  /** The one that had it, or most of it; the same if this ended a canary. */
  readonly previousRevision: string | undefined
  readonly unchanged: boolean
  readonly service: ServiceState
  /** Files that an image without traffic is still processing. */
  readonly stillRunning: readonly StillRunning[]
}

/**
 * Gives all traffic to an existing revision: a named one; else, during a canary, the one with most of it; else the one
 * that served before. Nothing is built.
 * @throws AppError `not-set-up`; `locked`; `revision-unknown` if the revision does not exist, none came before, it is
 * not ready, or its image is gone
 */
export async function rollback(
  {revision: named}: {readonly revision: string | undefined},
  context: Context,
): Promise<RollbackResult> {
  const {cloud, pipeline, signal, step} = context
  const short = pipeline.names.service
  if ((await cloud.services.get(short)) === undefined) throw notSetUp(context)
  return withLock('rollback', context, async () => {
    const service = await cloud.services.get(short)
    if (service === undefined) throw notSetUp(context)
    const revisions = await cloud.services.revisions(short)
    const target = named === undefined ? before(service, revisions) : find(named, revisions)
    const {name, image} = target
    const routing = routeTo(name, service)
    const result = {revision: name, image, previousRevision: sharesOf(service)[0]?.revision}
    const [only, ...others] = sharesOf(service)
    if ((only?.revision === name && others.length === 0) || isRouted(service, routing)) {
      return {...result, unchanged: true, service, stillRunning: []}
    }
    if ((await findDigest(image, context)) === undefined) throw imageGone(target)
    step(`Send all traffic to ${name}`)
    const after = await cloud.services.route(short, routing, {signal})
    await alignJob(after, context)
    const stillRunning = await readStillRunning(after, context)
    return {...result, unchanged: false, service: after, stillRunning}
  })
}

/** The revision to go back to if none is named. */
function before(service: ServiceState, revisions: readonly RevisionState[]): RevisionState {
  const [most, ...others] = sharesOf(service)
  const current = revisions.find(({name}) => name === most?.revision)
  if (current !== undefined && others.length > 0) return current
  const older = revisions
    .slice(current === undefined ? 0 : revisions.indexOf(current) + 1)
    .find(({name, ready}) => ready && !service.tried.includes(name))
  if (older !== undefined) return older
  throw new AppError(`No revision before ${most?.revision ?? 'this one'} ever had all the traffic.`, {
    code: 'revision-unknown',
    suggestions: [suggest`List revisions: ${command('revisions')}`],
  })
}

function find(named: string, revisions: readonly RevisionState[]): RevisionState {
  const revision = revisions.find(({name}) => name === named)
  if (revision?.ready) return revision
  const message =
    revision === undefined
      ? `Revision ${named} does not exist.`
      : `Revision ${named} is not ready: ${revision.problem ?? 'it is still starting.'}`
  throw new AppError(message, {
    code: 'revision-unknown',
    suggestions: [suggest`List revisions: ${command('revisions')}`],
  })
}

function imageGone({name, image}: RevisionState): AppError {
  return new AppError(`Revision ${name} can no longer start: its image ${image} is gone.`, {
    code: 'revision-unknown',
    suggestions: [suggest`Check out its sources and deploy them: ${command('deploy')}`],
  })
}
