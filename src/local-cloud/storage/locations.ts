import {invalid} from './errors.ts'

/** Predefined multi-regions and dual-regions: https://cloud.google.com/storage/docs/locations */
const MULTI_REGIONS = new Set(['US', 'EU', 'ASIA'])
const DUAL_REGIONS = new Set(['ASIA1', 'EUR4', 'EUR5', 'EUR7', 'EUR8', 'NAM4'])
/** Where a dual-region of one's own choice can be: there `customPlacementConfig` names the two regions. */
const CUSTOM_DUAL_REGIONS = new Set(['US', 'EU', 'ASIA', 'CA', 'AU', 'IN', 'DE'])
/** Regions of Cloud Storage as of November 2026, as continent and place to the numbers there are. */
const REGIONS: Readonly<Record<string, readonly number[]>> = {
  'AFRICA-SOUTH': [1],
  'ASIA-EAST': [1, 2],
  'ASIA-NORTHEAST': [1, 2, 3],
  'ASIA-SOUTH': [1, 2],
  'ASIA-SOUTHEAST': [1, 2, 3],
  'AUSTRALIA-SOUTHEAST': [1, 2],
  'EUROPE-CENTRAL': [2],
  'EUROPE-NORTH': [1, 2],
  'EUROPE-SOUTHWEST': [1],
  'EUROPE-WEST': [1, 2, 3, 4, 6, 8, 9, 10, 12],
  'ME-CENTRAL': [1, 2],
  'ME-WEST': [1],
  'NORTHAMERICA-NORTHEAST': [1, 2],
  'NORTHAMERICA-SOUTH': [1],
  'SOUTHAMERICA-EAST': [1],
  'SOUTHAMERICA-WEST': [1],
  'US-CENTRAL': [1],
  'US-EAST': [1, 4, 5],
  'US-SOUTH': [1],
  'US-WEST': [1, 2, 3, 4],
}

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
  const {place = '', number} = /^(?<place>[A-Z-]+)(?<number>\d+)$/.exec(location)?.groups ?? {}
  if (REGIONS[place]?.includes(Number(number)) === true) return 'region'
  throw invalid(`The specified location constraint is not valid: '${location}'.`)
}
