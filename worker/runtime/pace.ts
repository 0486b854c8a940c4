/** Smaller files say nothing: starting and answering take longer than their work. */
const SMALLEST_BYTES = 1024 * 1024
/** Of so many files the slowest counts: the next one may be as slow. */
const SAMPLES = 8
/** A file that only hung must not send all others to a job for ever. */
const KEPT_MS = 3_600_000
/** Work grows a little faster than bytes, and a wrong guess for the service costs the whole deadline. */
const MARGIN = 1.5

/** What an instance has learned of how fast its process is. */
export interface Pace {
  /** A file of so many bytes took so long, or was given up after that. */
  learn(bytes: number, tookMs: number): void
  /** Milliseconds that a file will take, cautiously; `undefined` where nothing is known. */
  predictMs(bytes: number): number | undefined
}

/** @param now milliseconds, of any monotonic clock */
export function createPace(now: () => number = () => performance.now()): Pace {
  const samples: {readonly at: number; readonly msPerByte: number}[] = []
  return {
    learn(bytes, tookMs) {
      if (bytes < SMALLEST_BYTES) return
      samples.push({at: now(), msPerByte: tookMs / bytes})
      if (samples.length > SAMPLES) samples.shift()
    },
    predictMs(bytes) {
      const since = now() - KEPT_MS
      const known = samples.filter(({at}) => at >= since).map(({msPerByte}) => msPerByte)
      return known.length === 0 ? undefined : Math.max(...known) * bytes * MARGIN
    },
  }
}
