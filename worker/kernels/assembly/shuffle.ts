const STEP: i32 = 0x6d2b79f5

/**
 * Puts integers in a random order (Fisher and Yates), by Tommy Ettinger's Mulberry32 generator.
 * @param drawn how many numbers of the generator were used before
 */
export function shuffle(items: usize, count: i32, seed: i32, drawn: i32): void {
  let state = seed + drawn * STEP
  for (let i = count - 1; i > 0; i--) {
    state += STEP
    let mixed = (state ^ (state >>> 15)) * (state | 1)
    mixed ^= mixed + (mixed ^ (mixed >>> 7)) * (mixed | 61)
    const uniform = <f64>(<u32>(mixed ^ (mixed >>> 14))) / 4294967296
    const one = items + ((<usize>i) << 2)
    const other = items + ((<usize>floor(uniform * <f64>(i + 1))) << 2)
    const swapped = load<i32>(one)
    store<i32>(one, load<i32>(other))
    store<i32>(other, swapped)
  }
}
