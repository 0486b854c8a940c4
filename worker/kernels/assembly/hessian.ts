/** Rows that are weighted at a time: with 20 numbers each they fit the processor's L1 cache, weighted and not. */
const ROWS_AT_ONCE: i32 = 64

/** The curvature of each row's loss along outputs `k` and `l`, by its probabilities. */
export function curvature(probabilities: usize, outputs: i32, k: i32, l: i32, rows: i32, to: usize): void {
  const step: usize = (<usize>outputs) << 3
  let own = probabilities + ((<usize>k) << 3)
  let other = probabilities + ((<usize>l) << 3)
  for (let at = to; at < to + ((<usize>rows) << 3); at += 8) {
    const p = load<f64>(own)
    store<f64>(at, k === l ? p * (1 - p) : -p * load<f64>(other))
    own += step
    other += step
  }
}

/**
 * Adds X^T W X of some rows, in three parts.
 * @param width a multiple of four
 * @param weights of the rows
 * @param weighted room for {@link ROWS_AT_ONCE} rows
 * @param numbers `width` x `width`: numbers with numbers, above the diagonal
 * @param mixed `levels` x `width`: levels with numbers
 * @param pairs `levels` x `levels`: levels of a later category with those of an earlier one
 */
export function addHessian(
  values: usize,
  width: i32,
  ones: usize,
  categories: i32,
  levels: i32,
  rows: i32,
  weights: usize,
  weighted: usize,
  numbers: usize,
  mixed: usize,
  pairs: usize,
): void {
  const rowBytes: usize = (<usize>width) << 3
  for (let first = 0; first < rows; first += ROWS_AT_ONCE) {
    const count = min(ROWS_AT_ONCE, rows - first)
    const from = values + <usize>first * rowBytes
    const ofRows = weights + ((<usize>first) << 3)
    weigh(from, rowBytes, count, ofRows, weighted)
    for (let a: usize = 0; a < rowBytes; a += 32)
      for (let b = a; b < rowBytes; b += 32)
        addTile(weighted + a, from + b, rowBytes, count, numbers + (a >> 3) * rowBytes + b)
    if (categories === 0) continue
    const ofLevels = ones + ((<usize>first * <usize>categories) << 2)
    addLevels(weighted, rowBytes, ofLevels, categories, levels, count, ofRows, mixed, pairs)
  }
}

function weigh(from: usize, rowBytes: usize, rows: i32, weights: usize, to: usize): void {
  let at: usize = 0
  for (let i = 0; i < rows; i++) {
    const weight = v128.load64_splat(weights + ((<usize>i) << 3))
    for (const end = at + rowBytes; at < end; at += 16)
      v128.store(to + at, f64x2.mul(weight, v128.load(from + at)))
  }
}

/** Four times four products, which stay in registers over all rows. */
function addTile(weighted: usize, values: usize, rowBytes: usize, rows: i32, to: usize): void {
  let left0 = f64x2.splat(0)
  let left1 = left0
  let left2 = left0
  let left3 = left0
  let right0 = left0
  let right1 = left0
  let right2 = left0
  let right3 = left0
  for (let i = 0; i < rows; i++) {
    const left = v128.load(values)
    const right = v128.load(values, 16)
    const w0 = v128.load64_splat(weighted)
    left0 = f64x2.add(left0, f64x2.mul(w0, left))
    right0 = f64x2.add(right0, f64x2.mul(w0, right))
    const w1 = v128.load64_splat(weighted, 8)
    left1 = f64x2.add(left1, f64x2.mul(w1, left))
    right1 = f64x2.add(right1, f64x2.mul(w1, right))
    const w2 = v128.load64_splat(weighted, 16)
    left2 = f64x2.add(left2, f64x2.mul(w2, left))
    right2 = f64x2.add(right2, f64x2.mul(w2, right))
    const w3 = v128.load64_splat(weighted, 24)
    left3 = f64x2.add(left3, f64x2.mul(w3, left))
    right3 = f64x2.add(right3, f64x2.mul(w3, right))
    values += rowBytes
    weighted += rowBytes
  }
  addTo(to, left0, right0)
  addTo(to + rowBytes, left1, right1)
  addTo(to + 2 * rowBytes, left2, right2)
  addTo(to + 3 * rowBytes, left3, right3)
}

function addTo(at: usize, left: v128, right: v128): void {
  v128.store(at, f64x2.add(v128.load(at), left))
  v128.store(at + 16, f64x2.add(v128.load(at + 16), right))
}

function addLevels(
  weighted: usize,
  rowBytes: usize,
  ones: usize,
  categories: i32,
  levels: i32,
  rows: i32,
  weights: usize,
  mixed: usize,
  pairs: usize,
): void {
  for (let i = 0; i < rows; i++) {
    const row = weighted + <usize>i * rowBytes
    const weight = load<f64>(weights + ((<usize>i) << 3))
    for (let c = 0; c < categories; c++) {
      const one = load<i32>(ones + ((<usize>c) << 2))
      if (one < 0) continue
      const into = mixed + <usize>one * rowBytes
      for (let at: usize = 0; at < rowBytes; at += 16)
        v128.store(into + at, f64x2.add(v128.load(into + at), v128.load(row + at)))
      for (let d = 0; d <= c; d++) {
        const other = load<i32>(ones + ((<usize>d) << 2))
        if (other < 0) continue
        const pair = pairs + ((<usize>one * <usize>levels + <usize>other) << 3)
        store<f64>(pair, load<f64>(pair) + weight)
      }
    }
    ones += (<usize>categories) << 2
  }
}

/**
 * Puts the three parts of {@link addHessian} in the order of the parameters (numbers, levels, intercept) into a matrix,
 * symmetric and row-major.
 * @param dense how many numbers a row has before the intercept's 1
 * @param size parameters of an output
 * @param all of the matrix's rows and columns
 * @param k of the outputs that the parts belong to
 * @param l the other one
 */
export function assembleHessian(
  numbers: usize,
  mixed: usize,
  pairs: usize,
  width: i32,
  dense: i32,
  levels: i32,
  size: i32,
  all: i32,
  k: i32,
  l: i32,
  to: usize,
): void {
  for (let a = 0; a < size; a++) {
    for (let b = a; b < size; b++) {
      const isLevelA = a >= dense && a < size - 1
      const isLevelB = b >= dense && b < size - 1
      const numberA = a === size - 1 ? dense : a
      const numberB = b === size - 1 ? dense : b
      const value = isLevelA
        ? isLevelB
          ? entry(pairs, levels, b - dense, a - dense)
          : entry(mixed, width, a - dense, numberB)
        : isLevelB
          ? entry(mixed, width, b - dense, numberA)
          : entry(numbers, width, numberA, numberB)
      put(to, all, k * size + a, l * size + b, value)
      put(to, all, k * size + b, l * size + a, value)
      put(to, all, l * size + a, k * size + b, value)
      put(to, all, l * size + b, k * size + a, value)
    }
  }
}

function entry(matrix: usize, columns: i32, i: i32, j: i32): f64 {
  return load<f64>(matrix + ((<usize>(i * columns + j)) << 3))
}

function put(matrix: usize, columns: i32, i: i32, j: i32, value: f64): void {
  store<f64>(matrix + ((<usize>(i * columns + j)) << 3), value)
}
