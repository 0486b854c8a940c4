const STEP = 0x6d2b79f5

/** Number `index`, counted from 0, of Tommy Ettinger's Mulberry32 generator: uniform in [0, 1). */
export function uniformAt(seed: number, index: number): number {
  const state = (seed + Math.imul(index + 1, STEP)) | 0
  let mixed = Math.imul(state ^ (state >>> 15), state | 1)
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
}
