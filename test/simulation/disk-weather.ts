/** How the disk behaves. */
export interface DiskWeather {
  /** Milliseconds that an operation takes. */
  delayMs: () => number
  /** No room for files; a database that grows in steps may still have some, or has none when files do. */
  isFull: boolean
  isDatabaseFull: boolean
  /** Whether the next sync of a database's log fails. */
  failsNextSync: boolean
  /** Called when such a sync has succeeded. */
  afterSync: () => void
}

/** One that works, and is always fast. */
export const CALM: DiskWeather = {
  delayMs: () => 0,
  isFull: false,
  isDatabaseFull: false,
  failsNextSync: false,
  afterSync: () => undefined,
}
