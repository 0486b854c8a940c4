import type {Context} from './ports/context.ts'
import type {RevisionState} from './ports/services.ts'
import {notSetUp} from './service/not-set-up.ts'

export interface ListedRevision extends RevisionState {
  /** Share of the traffic. */
  readonly percent: number
  readonly tags: readonly {readonly name: string; readonly uri: string | undefined}[]
  /** It never had all the traffic, so `rollback` skips it. */
  readonly isTried: boolean
}

/** The revisions of the worker, newest first. @throws AppError `not-set-up` */
export async function revisions(
  {limit}: {readonly limit: number},
  context: Context,
): Promise<{readonly revisions: readonly ListedRevision[]; readonly truncated: boolean}> {
  const {cloud, pipeline} = context
  const service = await cloud.services.get(pipeline.names.service)
  if (service === undefined) throw notSetUp(context)
  const all = await cloud.services.revisions(service.name)
  const listed = all.slice(0, limit).map((revision) => {
    const targets = service.traffic.filter((target) => target.revision === revision.name)
    return {
      ...revision,
      percent: targets.reduce((sum, {percent}) => sum + percent, 0),
      tags: targets.flatMap(({tag, uri}) => (tag === undefined ? [] : [{name: tag, uri}])),
      isTried: service.tried.includes(revision.name),
    }
  })
  return {revisions: listed, truncated: listed.length < all.length}
}
