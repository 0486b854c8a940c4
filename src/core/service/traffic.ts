import type {ServiceState, TrafficTarget} from '../ports/services.ts'

/** The traffic that a new revision gets: all of it, a part, or none. */
export type Rollout =
  | {readonly kind: 'all'}
  | {readonly kind: 'canary'; readonly percent: number}
  | {readonly kind: 'none'}

/** The input of `Services.route`. */
export interface Routing {
  readonly traffic: readonly TrafficTarget[]
  readonly tried: readonly string[]
}

/** The revision with the largest part of the traffic. */
export function stableRevision({traffic}: Pick<ServiceState, 'traffic'>): string | undefined {
  return sharesOf({traffic})[0]?.revision
}

/** Revisions with traffic and the percentage of each, the largest first. */
export function sharesOf({traffic}: Pick<ServiceState, 'traffic'>): {revision: string; percent: number}[] {
  const shares = new Map<string, number>()
  for (const {revision, percent} of traffic) {
    if (percent > 0) shares.set(revision, (shares.get(revision) ?? 0) + percent)
  }
  return [...shares]
    .map(([revision, percent]) => ({revision, percent}))
    .toSorted((one, other) => other.percent - one.percent)
}

/** All traffic to the newest ready revision, now and after later deployments. */
export function routeToLatest(service: ServiceState, tag?: string): Routing {
  const {latestReadyRevision} = service
  return {
    traffic: [{revision: undefined, percent: 100}, ...tagsOf(service, tag)],
    tried: service.tried.filter((revision) => revision !== latestReadyRevision),
  }
}

/** All traffic to one revision, until the next deployment. */
export function routeTo(revision: string, service: ServiceState): Routing {
  return {traffic: [{revision, percent: 100}, ...tagsOf(service)], tried: service.tried}
}

/** The current traffic; new revisions get none of it and count as only tried. */
export function routeBeside(made: readonly string[], service: ServiceState): Routing {
  return {traffic: [...sharesOf(service), ...tagsOf(service)], tried: [...service.tried, ...made]}
}

/**
 * The traffic once a new revision is ready.
 * @param before the service before the revision was created, whose traffic it shares
 * @param service with the new revision as its newest ready one
 */
export function routeByRollout(
  rollout: Rollout,
  before: ServiceState,
  service: ServiceState,
  tag: string | undefined,
): Routing {
  const newest = service.latestReadyRevision
  const stable = stableRevision(before)
  if (rollout.kind === 'all' || newest === undefined || stable === undefined || stable === newest) {
    return routeToLatest(service, tag)
  }
  const tried = [...service.tried.filter((revision) => revision !== newest), newest]
  const tags = tagsOf(service, tag)
  if (rollout.kind === 'none') return {traffic: [...sharesOf(before), ...tags], tried}
  const {percent} = rollout
  return {
    traffic: [{revision: stable, percent: 100 - percent}, {revision: newest, percent}, ...tags],
    tried,
  }
}

/** Whether the service already matches `routing`. */
export function isRouted(service: ServiceState, {traffic, tried}: Routing): boolean {
  const key = (revision: string | undefined, percent: number, tag = '') =>
    `${revision ?? 'latest'} ${percent} ${tag}`
  const now = service.traffic.map(({revision, percent, latest, tag}) =>
    key(latest ? undefined : revision, percent, tag),
  )
  const wanted = traffic.map(({revision, percent, tag}) => key(revision, percent, tag))
  return (
    now.toSorted().join() === wanted.toSorted().join() &&
    tried.toSorted().join() === service.tried.toSorted().join()
  )
}

/** The existing tags, and the new one on the newest revision. */
function tagsOf({traffic, latestReadyRevision}: ServiceState, added?: string): TrafficTarget[] {
  const kept = traffic.flatMap(({revision, tag}) =>
    tag === undefined || tag === added ? [] : [{revision, percent: 0, tag}],
  )
  return added === undefined || latestReadyRevision === undefined
    ? kept
    : [...kept, {revision: latestReadyRevision, percent: 0, tag: added}]
}
