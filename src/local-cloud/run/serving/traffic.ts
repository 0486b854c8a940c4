import type {TrafficTarget, TrafficTargetStatus} from '../resources.ts'
import {shortName} from '../resources.ts'

const LATEST = 'TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST'
const REVISION = 'TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION'

/** The traffic of a service whose user sets none. */
export const ALL_TO_LATEST: readonly TrafficTarget[] = [{type: LATEST, percent: 100}]

/**
 * What the targets resolve to now.
 * @param latestReady short name of the latest ready revision
 * @param tagUri the address of a tag
 */
export function trafficStatuses(
  targets: readonly TrafficTarget[],
  latestReady: string,
  tagUri: (tag: string) => string | undefined,
): TrafficTargetStatus[] {
  return targets.map(({type, revision = '', percent = 0, tag = ''}) => {
    const uri = tag === '' ? undefined : tagUri(tag)
    return {
      type: revision === '' ? LATEST : (type ?? REVISION),
      revision: revision === '' ? latestReady : shortName(revision),
      ...(percent > 0 ? {percent} : {}),
      ...(tag === '' ? {} : {tag}),
      ...(uri === undefined ? {} : {uri}),
    }
  })
}

/** The revisions that targets name, by short name. */
export function namedRevisions(targets: readonly TrafficTarget[]): string[] {
  return targets.flatMap(({revision = ''}) => (revision === '' ? [] : [shortName(revision)]))
}

/**
 * The revision for one request, by short name.
 * @param draw uniform in [0, 1)
 */
export function pickRevision(
  statuses: readonly TrafficTargetStatus[],
  tag: string,
  draw: number,
): string | undefined {
  if (tag !== '') return statuses.find((status) => status.tag === tag)?.revision
  let percent = draw * 100
  for (const status of statuses) {
    percent -= status.percent ?? 0
    if (percent < 0) return status.revision
  }
  return undefined
}
