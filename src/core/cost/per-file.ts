import type {Settings} from '../settings/settings.ts'

/** What each file causes besides its own processing, by what the worker's runtime does; taken for any worker. */
export const PER_FILE = {
  /** A message about an object, with its attributes; billed when published and for each delivery. */
  messageBytes: 2000,
  /** Reads of the input's metadata and content, a look for an older result, and the notification. */
  reads: 5,
  /** Lines of the worker and Cloud Run's about one delivery. */
  logBytes: 6 * 1024,
} as const

/** Layers of all kept images: they share their base. */
export const IMAGES = {
  amount: 200 * 2 ** 20,
  because: '200 MiB of images, whose versions share a base; a container of your own may be larger',
}

/** Instances that only wait live this long at most (cloud.google.com/run/docs/about-instance-autoscaling). */
export const IDLE_SECONDS = 15 * 60

/** Google bills a task of a job for at least a minute (cloud.google.com/run/pricing). */
const SHORTEST_TASK_SECONDS = 60

/** Cloud Run bills in steps of 100 ms (cloud.google.com/run/pricing). */
export function billedSeconds(seconds: number): number {
  return Math.ceil(Math.round(seconds * 1000) / 100) / 10
}

export function billedTaskSeconds(seconds: number): number {
  return Math.max(SHORTEST_TASK_SECONDS, billedSeconds(seconds))
}

/** Why replaced results cost more than a listing shows. */
export function keptLonger({versioning, noncurrentDays, softDeleteDays}: Settings): string {
  if (versioning && noncurrentDays === 0) return 'without replaced or deleted results, which versioning keeps'
  const days = (versioning ? noncurrentDays : 0) + softDeleteDays
  if (days > 0) return `without replaced or deleted results, each billed for ${days} more days`
  return 'replaced and deleted results cost nothing'
}

/** What is not in the bill if a bucket existed before the pipeline. */
export function elsewhere({inputBucket, outputBucket}: Settings): string {
  return inputBucket === undefined && outputBucket === undefined
    ? ''
    : '; existing buckets are billed to their project, at the price of their own location and class'
}
