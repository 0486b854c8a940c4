/** Smaller files are not measured: their overhead takes longer than their work. */
const SMALLEST_BYTES = 1024 * 1024
/** The slowest of this many files counts: the next one may be as slow. */
const SAMPLES = 8
/** One slow file must not send files to a job forever. */
const KEPT_MS = 3_600_000
/** Work grows slightly faster than bytes, and wrongly staying in the service costs the whole deadline. */
const MARGIN = 1.5

/** How fast an instance's process is, learned from its files. */
export interface Pace {
  /** Records a finished file. */
  learn(bytes: number, tookMs: number): void
  /**
   * Records a file that was abandoned at its deadline. It may have hung, so it does not count for smaller files, nor
   * once a file of its size has finished.
   */
  learnAbandoned(bytes: number, tookMs: number): void
  /** Milliseconds that a file will take, a cautious estimate; `undefined` if nothing is known. */
  predictMs(bytes: number): number | undefined
}

interface Sample {
  readonly at: number
  readonly bytes: number
  readonly msPerByte: number
}

/** @param now milliseconds, of any monotonic clock */
export function createPace(now: () => number = () => performance.now()): Pace {
  const done: Sample[] = []
  const abandoned: Sample[] = []
  const add = (samples: Sample[], bytes: number, tookMs: number): void => {
    if (bytes < SMALLEST_BYTES) return
    samples.push({at: now(), bytes, msPerByte: tookMs / bytes})
    if (samples.length > SAMPLES) samples.shift()
  }
  const recent = (samples: readonly Sample[]): Sample[] => {
    const since = now() - KEPT_MS
    return samples.filter(({at}) => at >= since)
  }
  return {
    learn: (bytes, tookMs) => add(done, bytes, tookMs),
    learnAbandoned: (bytes, tookMs) => add(abandoned, bytes, tookMs),
    predictMs(bytes) {
      const known = recent(done)
      const largest = known.reduce((most, sample) => Math.max(most, sample.bytes), 0)
      const warnings = recent(abandoned).filter((sample) => sample.bytes <= bytes && sample.bytes > largest)
      const paces = [...known, ...warnings].map(({msPerByte}) => msPerByte)
      return paces.length === 0 ? undefined : Math.max(...paces) * bytes * MARGIN
    },
  }
}
