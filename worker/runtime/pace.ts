/** Smaller files say nothing: starting and answering take longer than their work. */
const SMALLEST_BYTES = 1024 * 1024
/** Of so many files the slowest counts: the next one may be as slow. */
const SAMPLES = 8
/** What once was slow must not send files to a job for ever. */
const KEPT_MS = 3_600_000
/** Work grows a little faster than bytes, and a wrong guess for the service costs the whole deadline. */
const MARGIN = 1.5

/** What an instance has learned of how fast its process is. */
export interface Pace {
  /** A file of so many bytes was done after so long. */
  learn(bytes: number, tookMs: number): void
  /**
   * A file of so many bytes was given up after so long. It may only have hung: so it says nothing of smaller files, and
   * nothing at all once a file of its size was done.
   */
  learnGivenUp(bytes: number, tookMs: number): void
  /** Milliseconds that a file will take, cautiously; `undefined` where nothing is known. */
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
  const givenUp: Sample[] = []
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
    learnGivenUp: (bytes, tookMs) => add(givenUp, bytes, tookMs),
    predictMs(bytes) {
      const known = recent(done)
      const largest = known.reduce((most, sample) => Math.max(most, sample.bytes), 0)
      const warnings = recent(givenUp).filter((sample) => sample.bytes <= bytes && sample.bytes > largest)
      const paces = [...known, ...warnings].map(({msPerByte}) => msPerByte)
      return paces.length === 0 ? undefined : Math.max(...paces) * bytes * MARGIN
    },
  }
}
