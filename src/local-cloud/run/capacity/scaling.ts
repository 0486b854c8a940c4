import type {Revision, ServiceScaling} from '../resources.ts'

/** How many instances a revision has. */
export interface Scale {
  readonly minInstances: number
  readonly maxInstances: number
}

const DEFAULT_MAX_INSTANCES = 100

/**
 * The instances of a revision by its own scaling and by its share of its service's, which is its share of the traffic
 * (google.cloud.run.v2.ServiceScaling). Of two minimums the larger holds, of two maximums the smaller.
 * @param percent of the service's traffic; 0 for a revision with only a tag, to which the service's scaling does not apply
 */
export function scaleOf(
  {scaling: own = {}}: Pick<Revision, 'scaling'>,
  service: ServiceScaling = {},
  percent: number,
): Scale {
  const part = (count: number): number => Math.ceil((count * percent) / 100)
  const ownMaximum = own.maxInstanceCount || DEFAULT_MAX_INSTANCES
  if (percent === 0) return {minInstances: own.minInstanceCount ?? 0, maxInstances: ownMaximum}
  if (service.scalingMode === 'MANUAL') {
    const exactly = part(service.manualInstanceCount ?? 0)
    return {minInstances: exactly, maxInstances: exactly}
  }
  const maxInstances = service.maxInstanceCount
    ? Math.min(ownMaximum, part(service.maxInstanceCount))
    : ownMaximum
  const minimum = Math.max(own.minInstanceCount ?? 0, part(service.minInstanceCount ?? 0))
  return {minInstances: Math.min(minimum, maxInstances), maxInstances}
}
