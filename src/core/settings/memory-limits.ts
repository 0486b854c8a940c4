/**
 * Memory that Cloud Run allows with each value of `cpu`, for a service and a job alike:
 * https://cloud.google.com/run/docs/configuring/jobs/cpu and .../jobs/memory-limits. Services alone may have less than
 * 512Mi.
 */
export const MEMORY_LIMITS: Readonly<Record<string, readonly [least: string, most: string]>> = {
  1: ['512Mi', '4Gi'],
  2: ['512Mi', '8Gi'],
  4: ['2Gi', '16Gi'],
  6: ['4Gi', '24Gi'],
  8: ['4Gi', '32Gi'],
}
