/** Google's regions as of November 2026, as continent and place to the numbers there are. */
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

/** Whether Google has a region of this name, in capitals or not: https://cloud.google.com/run/docs/locations */
export function isRegion(name: string): boolean {
  const {place = '', number} = /^(?<place>[A-Z-]+)(?<number>\d+)$/.exec(name.toUpperCase())?.groups ?? {}
  return REGIONS[place]?.includes(Number(number)) === true
}
