import {isRegion} from '../regions.ts'
import {invalid} from './errors.ts'

/** Predefined multi-regions and dual-regions: https://cloud.google.com/storage/docs/locations */
const MULTI_REGIONS = new Set(['US', 'EU', 'ASIA'])
const DUAL_REGIONS = new Set(['ASIA1', 'EUR4', 'EUR5', 'EUR7', 'EUR8', 'NAM4'])
/** Where a dual-region of one's own choice can be: there `customPlacementConfig` names the two regions. */
const CUSTOM_DUAL_REGIONS = new Set(['US', 'EU', 'ASIA', 'CA', 'AU', 'IN', 'DE'])

/**
 * What kind of location a bucket is in.
 * @param location in capitals
 * @param chosen whether the bucket names its regions itself
 * @throws StorageError 400 for a place where Cloud Storage has no buckets
 */
export function locationTypeOf(location: string, chosen: boolean): string {
  if (chosen && CUSTOM_DUAL_REGIONS.has(location)) return 'dual-region'
  if (MULTI_REGIONS.has(location)) return 'multi-region'
  if (DUAL_REGIONS.has(location)) return 'dual-region'
  if (isRegion(location)) return 'region'
  throw invalid(`The specified location constraint is not valid: '${location}'.`)
}
