import type {Settings} from '../settings/settings.ts'

/**
 * Google's list prices in US dollars, each with the page it was read from and the day. They leave out taxes, discounts
 * and commitments, and change without notice: whatever is calculated from them is an estimate. Prices per GB are taken
 * as per GiB, which is how Google measures (cloud.google.com/storage/pricing).
 */

/** Hours that Google bills a month with. */
export const HOURS_A_MONTH = 730

/** What one unit of something costs. */
export interface Price {
  readonly unit: 'vCPU-s' | 'GiB-s' | 'requests' | 'GiB-months' | 'GiB' | 'operations'
  /** Dollars per unit. */
  readonly usd: number
  /** Dollars a month that the free tier takes off, if nothing else in the billing account uses it. */
  readonly freeUsd: number
  readonly source: string
  /** Day the price was read, `YYYY-MM-DD`. */
  readonly read: string
}

const RUN = {source: 'https://cloud.google.com/run/pricing', read: '2026-09-07'}
const STORAGE = {source: 'https://cloud.google.com/storage/pricing', read: '2026-09-20'}
const PUBSUB = {source: 'https://cloud.google.com/pubsub/pricing', read: '2026-09-20'}
const REGISTRY = {source: 'https://cloud.google.com/artifact-registry/pricing', read: '2026-08-03'}
const LOGGING = {source: 'https://cloud.google.com/products/observability/pricing', read: '2026-09-12'}

/** Regions where Cloud Run has its lower prices (cloud.google.com/run/docs/locations); all others are of tier 2. */
const TIER_1: ReadonlySet<string> = new Set([
  'asia-east1',
  'asia-northeast1',
  'asia-northeast2',
  'europe-north1',
  'europe-southwest1',
  'europe-west1',
  'europe-west4',
  'europe-west8',
  'europe-west9',
  'me-west1',
  'us-central1',
  'us-east1',
  'us-east4',
  'us-east5',
  'us-south1',
  'us-west1',
])

/** Dollars per vCPU-second and GiB-second. `request`: while requests run; `idle`: of `minInstances`, between them. */
const COMPUTE = {
  tier1: {
    request: {cpu: 0.000_024, memory: 0.000_002_5},
    idle: {cpu: 0.000_002_5, memory: 0.000_002_5},
    instance: {cpu: 0.000_018, memory: 0.000_002},
  },
  tier2: {
    request: {cpu: 0.000_033_6, memory: 0.000_003_5},
    idle: {cpu: 0.000_003_5, memory: 0.000_003_5},
    instance: {cpu: 0.000_021_6, memory: 0.000_002_4},
  },
} as const

/** Free vCPU-seconds, GiB-seconds and requests a month; Google takes them off at the prices of tier 1. */
const FREE_COMPUTE = {
  request: {cpu: 180_000, memory: 360_000},
  instance: {cpu: 240_000, memory: 450_000},
  requests: 2_000_000,
} as const

/** Locations whose storage price was read one by one; any other region is taken to cost what Frankfurt does. */
const LOWEST_STORAGE: ReadonlySet<string> = new Set([
  'us-central1',
  'us-east1',
  'us-east5',
  'us-west1',
  'us-south1',
  'europe-north1',
  'europe-west1',
])
const MULTI_REGIONS: ReadonlySet<string> = new Set(['us', 'eu', 'asia'])

/** Dollars per GiB and month. A dual-region is billed in both of its regions. */
const AT_REST = {
  lowest: {STANDARD: 0.02, NEARLINE: 0.01, COLDLINE: 0.004, ARCHIVE: 0.0012},
  frankfurt: {STANDARD: 0.023, NEARLINE: 0.013, COLDLINE: 0.006, ARCHIVE: 0.0025},
  dual: {STANDARD: 0.044, NEARLINE: 0.022, COLDLINE: 0.0088, ARCHIVE: 0.0028},
  multi: {STANDARD: 0.026, NEARLINE: 0.015, COLDLINE: 0.008_75, ARCHIVE: 0.003},
} as const

/**
 * Dollars per 1,000 operations, `write` (class A) and `read` (class B), and per GiB read. The operations of NEARLINE,
 * COLDLINE and ARCHIVE are unconfirmed: the copy of the page that was read has them for STANDARD only.
 */
const ACCESS = {
  STANDARD: {write: 0.005, read: 0.0004, retrieval: 0},
  NEARLINE: {write: 0.01, read: 0.001, retrieval: 0.01},
  COLDLINE: {write: 0.02, read: 0.01, retrieval: 0.02},
  ARCHIVE: {write: 0.05, read: 0.05, retrieval: 0.05},
} as const

/** Cloud Storage has a free tier in these regions alone: 5 GiB-months, 5,000 writes, 50,000 reads. */
const FREE_STORAGE: ReadonlySet<string> = new Set(['us-central1', 'us-east1', 'us-west1'])

/** The prices that apply to a pipeline. */
export interface Prices {
  readonly tier: 'tier 1' | 'tier 2'
  /** Whose storage price is used, in words. */
  readonly storageOf: string
  readonly requestCpu: Price
  readonly requestMemory: Price
  readonly idleCpu: Price
  readonly idleMemory: Price
  readonly instanceCpu: Price
  readonly instanceMemory: Price
  readonly requests: Price
  readonly atRest: Price
  readonly writes: Price
  readonly reads: Price
  readonly retrieval: Price
  readonly messages: Price
  readonly images: Price
  readonly logs: Price
}

export function pricesFor(settings: Pick<Settings, 'region' | 'location' | 'storageClass'>): Prices {
  const {region} = settings
  const tier = TIER_1.has(region) ? 'tier1' : 'tier2'
  const compute = COMPUTE[tier]
  const first = COMPUTE.tier1
  const location = (settings.location ?? region).toLowerCase()
  const place = placeOf(location)
  const {storageClass} = settings
  const atRest = AT_REST[place][storageClass]
  const access = ACCESS[storageClass]
  const isFree = FREE_STORAGE.has(location) && storageClass === 'STANDARD'
  // A location of several regions is written to in each.
  const write = (access.write / 1000) * (place === 'dual' || place === 'multi' ? 2 : 1)
  const per = (unit: Price['unit'], usd: number, freeUsd: number, from: {source: string; read: string}) => ({
    unit,
    usd,
    freeUsd,
    ...from,
  })
  return {
    tier: tier === 'tier1' ? 'tier 1' : 'tier 2',
    storageOf:
      place === 'frankfurt' && location !== 'europe-west3'
        ? `${location}, at europe-west3's price`
        : location,
    requestCpu: per('vCPU-s', compute.request.cpu, FREE_COMPUTE.request.cpu * first.request.cpu, RUN),
    requestMemory: per(
      'GiB-s',
      compute.request.memory,
      FREE_COMPUTE.request.memory * first.request.memory,
      RUN,
    ),
    idleCpu: per('vCPU-s', compute.idle.cpu, 0, RUN),
    idleMemory: per('GiB-s', compute.idle.memory, 0, RUN),
    instanceCpu: per('vCPU-s', compute.instance.cpu, FREE_COMPUTE.instance.cpu * first.instance.cpu, RUN),
    instanceMemory: per(
      'GiB-s',
      compute.instance.memory,
      FREE_COMPUTE.instance.memory * first.instance.memory,
      RUN,
    ),
    requests: per('requests', 0.4 / 1e6, (FREE_COMPUTE.requests * 0.4) / 1e6, RUN),
    atRest: per('GiB-months', atRest, isFree ? 5 * atRest : 0, STORAGE),
    writes: per('operations', write, isFree ? 5000 * write : 0, STORAGE),
    reads: per('operations', access.read / 1000, isFree ? (50_000 * access.read) / 1000 : 0, STORAGE),
    retrieval: per('GiB', access.retrieval, 0, STORAGE),
    messages: per('GiB', 40 / 1024, (10 * 40) / 1024, PUBSUB),
    images: per('GiB-months', 0.1, 0.05, REGISTRY),
    logs: per('GiB', 0.5, 25, LOGGING),
  }
}

function placeOf(location: string): keyof typeof AT_REST {
  if (MULTI_REGIONS.has(location)) return 'multi'
  if (LOWEST_STORAGE.has(location)) return 'lowest'
  return /^[a-z]+\d+$/.test(location) ? 'dual' : 'frankfurt'
}
