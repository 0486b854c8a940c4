/**
 * Maps numbers by a map that is linear between its knots and constant outside; NaN stays NaN.
 * @param from the knots' rising numbers, at least two
 * @param scores what they become
 */
export function normalScores(
  numbers: usize,
  count: i32,
  from: usize,
  scores: usize,
  knots: i32,
  to: usize,
): void {
  const last = knots - 1
  const least = load<f64>(from)
  const most = load<f64>(from + ((<usize>last) << 3))
  for (let i = 0; i < count; i++) {
    const value = load<f64>(numbers + ((<usize>i) << 3))
    let score: f64
    if (value > least && value < most) {
      // The last knot that is not beyond the value.
      let knot = from
      for (let left = last; left > 1;) {
        const half = left >> 1
        const middle = knot + ((<usize>half) << 3)
        knot = select(middle, knot, load<f64>(middle) <= value)
        left -= half
      }
      const x0 = load<f64>(knot)
      const z0 = load<f64>(knot - from + scores)
      const z1 = load<f64>(knot - from + scores, 8)
      // Halves, since the distance of two doubles may exceed a double; half of the smallest ones is 0.
      const width = load<f64>(knot, 8) / 2 - x0 / 2
      // Rounded, the way to the next knot may end just beyond it.
      score = width > 0 ? min(z1, z0 + (z1 - z0) * ((value / 2 - x0 / 2) / width)) : z0
    } else if (value >= most) score = load<f64>(scores + ((<usize>last) << 3))
    else score = value === value ? load<f64>(scores) : value
    store<f64>(to + ((<usize>i) << 3), score)
  }
}

/** (number * factor - middle) / width of each number; `missing` for NaN. */
export function standardize(
  numbers: usize,
  count: i32,
  missing: f64,
  factor: f64,
  middle: f64,
  width: f64,
  to: usize,
): void {
  const missings = f64x2.splat(missing)
  const factors = f64x2.splat(factor)
  const middles = f64x2.splat(middle)
  const widths = f64x2.splat(width)
  // A pair at the end may be one number: there is room for it.
  for (let at: usize = 0; at < (<usize>count) << 3; at += 16) {
    const pair = v128.load(numbers + at)
    const standardized = f64x2.div(f64x2.sub(f64x2.mul(pair, factors), middles), widths)
    v128.store(to + at, v128.bitselect(standardized, missings, f64x2.eq(pair, pair)))
  }
}

/** `absent` for each NaN among numbers, `present` for the others. */
export function indicate(numbers: usize, count: i32, present: f64, absent: f64, to: usize): void {
  const presents = f64x2.splat(present)
  const absents = f64x2.splat(absent)
  for (let at: usize = 0; at < (<usize>count) << 3; at += 16) {
    const pair = v128.load(numbers + at)
    v128.store(to + at, v128.bitselect(presents, absents, f64x2.eq(pair, pair)))
  }
}

/**
 * Looks up codes.
 * @param places of the code -1, then of 0 and so on
 * @param to gets the places, `step` integers apart
 */
export function lookUp(codes: usize, count: i32, places: usize, to: usize, step: i32): void {
  for (let i = 0; i < count; i++) {
    const code = load<i32>(codes + ((<usize>i) << 2))
    store<i32>(to, load<i32>(places + ((<usize>(code + 1)) << 2)))
    to += (<usize>step) << 2
  }
}

/**
 * Puts rows of doubles where they belong.
 * @param width of a row: a multiple of four
 * @param places of the rows, counted in rows; -1 for those that belong nowhere
 */
export function scatterDoubles(rows: usize, width: i32, count: i32, places: usize, to: usize): void {
  const rowBytes: usize = (<usize>width) << 3
  for (let i = 0; i < count; i++) {
    const place = load<i32>(places + ((<usize>i) << 2))
    if (place < 0) continue
    const from = rows + <usize>i * rowBytes
    const into = to + <usize>place * rowBytes
    for (let at: usize = 0; at < rowBytes; at += 16) v128.store(into + at, v128.load(from + at))
  }
}

/** The same, of rows that become floats. */
export function scatterFloats(rows: usize, width: i32, count: i32, places: usize, to: usize): void {
  const rowBytes: usize = (<usize>width) << 2
  for (let i = 0; i < count; i++) {
    const place = load<i32>(places + ((<usize>i) << 2))
    if (place < 0) continue
    const from = rows + 2 * <usize>i * rowBytes
    const into = to + <usize>place * rowBytes
    for (let at: usize = 0; at < rowBytes; at += 16) {
      const left = f32x4.demote_f64x2_zero(v128.load(from + 2 * at))
      const right = f32x4.demote_f64x2_zero(v128.load(from + 2 * at, 16))
      v128.store(into + at, v128.shuffle<i64>(left, right, 0, 2))
    }
  }
}

/** The same, of rows of integers, of any width. */
export function scatterIntegers(rows: usize, width: i32, count: i32, places: usize, to: usize): void {
  const rowBytes: usize = (<usize>width) << 2
  for (let i = 0; i < count; i++) {
    const place = load<i32>(places + ((<usize>i) << 2))
    if (place < 0) continue
    const from = rows + <usize>i * rowBytes
    const into = to + <usize>place * rowBytes
    for (let at: usize = 0; at < rowBytes; at += 4) store<i32>(into + at, load<i32>(from + at))
  }
}

/**
 * Gathers the numbers of some rows, less those that are NaN.
 * @param rows of the numbers, from `base` on
 * @param to has room for all
 * @returns how many they are
 */
export function gatherPresent(numbers: usize, rows: usize, base: i32, count: i32, to: usize): i32 {
  const first = to
  for (let i = 0; i < count; i++) {
    const row = load<i32>(rows + ((<usize>i) << 2)) - base
    const value = load<f64>(numbers + ((<usize>row) << 3))
    store<f64>(to, value)
    to += (<usize>i32(value === value)) << 3
  }
  return <i32>((to - first) >> 3)
}
