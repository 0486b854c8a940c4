import {widen} from './block'
import {exp} from './exp'
import {addHessian, curvature} from './hessian'

/** Rows that a pass looks at at a time: with 20 numbers each they fit the processor's L1 cache. */
const ROWS_AT_ONCE: i32 = 64

/**
 * Per row its numbers times their weights, plus the weights of its levels. Rows are processed in groups of four, so
 * that their sums do not wait for each other.
 * @param weights of the `width` numbers of a row, then of the levels
 * @param to of the rows' scores, `outputs` apart
 */
export function scores(
  values: usize,
  width: i32,
  ones: usize,
  categories: i32,
  rows: i32,
  weights: usize,
  to: usize,
  outputs: i32,
): void {
  const rowBytes: usize = (<usize>width) << 3
  const ofLevels = weights + rowBytes
  for (let i = 0; i < rows; i += 4) {
    const row0 = values + <usize>i * rowBytes
    const row1 = row0 + rowBytes
    const row2 = row1 + rowBytes
    const row3 = row2 + rowBytes
    let s0 = f64x2.splat(0)
    let s1 = s0
    let s2 = s0
    let s3 = s0
    for (let at: usize = 0; at < rowBytes; at += 16) {
      const weight = v128.load(weights + at)
      s0 = f64x2.add(s0, f64x2.mul(v128.load(row0 + at), weight))
      s1 = f64x2.add(s1, f64x2.mul(v128.load(row1 + at), weight))
      s2 = f64x2.add(s2, f64x2.mul(v128.load(row2 + at), weight))
      s3 = f64x2.add(s3, f64x2.mul(v128.load(row3 + at), weight))
    }
    const step: usize = (<usize>outputs) << 3
    const into = to + <usize>i * step
    store<f64>(into, sumOf(s0))
    store<f64>(into + step, sumOf(s1))
    store<f64>(into + 2 * step, sumOf(s2))
    store<f64>(into + 3 * step, sumOf(s3))
  }
  if (categories === 0) return
  for (let i = 0; i < rows; i++) {
    const into = to + ((<usize>i * <usize>outputs) << 3)
    let sum = load<f64>(into)
    for (let c = 0; c < categories; c++) {
      const one = load<i32>(ones + ((<usize>i * <usize>categories + <usize>c) << 2))
      if (one >= 0) sum += load<f64>(ofLevels + ((<usize>one) << 3))
    }
    store<f64>(into, sum)
  }
}

function sumOf(pair: v128): f64 {
  return f64x2.extract_lane(pair, 0) + f64x2.extract_lane(pair, 1)
}

/** The probabilities of both classes by the log odds of the second one; the smaller keeps its digits. */
export function probabilities(odds: usize, rows: i32, ofFirst: usize, ofSecond: usize): void {
  const zero = f64x2.splat(0)
  const one = f64x2.splat(1)
  // A pair at the end may be one row: there is room for it.
  for (let at: usize = 0; at < (<usize>rows) << 3; at += 16) {
    const score = v128.load(odds + at)
    const small = exp(f64x2.neg(f64x2.abs(score)))
    const sum = f64x2.add(one, small)
    const less = f64x2.div(small, sum)
    const more = f64x2.div(one, sum)
    const isSecond = f64x2.ge(score, zero)
    v128.store(ofFirst + at, v128.bitselect(less, more, isSecond))
    v128.store(ofSecond + at, v128.bitselect(more, less, isSecond))
  }
}

/**
 * Turns log odds into probabilities of the second class in place, and puts what they are beyond the class into
 * `residuals`.
 * @param classes of each row, 0 or 1
 * @param sums gets the product of all 1 + e^-|odds|, then the sum of |odds| of the rows whose class is the less likely:
 * the loss is the logarithm of the first plus the second
 */
export function lossOfTwo(odds: usize, classes: usize, rows: i32, residuals: usize, sums: usize): void {
  product = f64x2.splat(1)
  margin = f64x2.splat(0)
  addLoss(odds, classes, rows, residuals)
  storeLoss(sums)
}

/** Of the rows of a block so far. */
let product: v128 = f64x2.splat(1)
let margin: v128 = f64x2.splat(0)

function storeLoss(sums: usize): void {
  store<f64>(sums, f64x2.extract_lane(product, 0) * f64x2.extract_lane(product, 1))
  store<f64>(sums + 8, sumOf(margin))
}

function addLoss(odds: usize, classes: usize, rows: i32, residuals: usize): void {
  const zero = f64x2.splat(0)
  const one = f64x2.splat(1)
  for (let i = 0; i < rows; i += 2) {
    const at: usize = (<usize>i) << 3
    // Of a pair that is one row, the other has log odds beyond all doubles, and the class that they give.
    const isOne = i + 1 === rows
    let score = v128.load(odds + at)
    let hit = i64x2.eq(
      i64x2.extend_low_i32x4_s(v128.load64_zero(classes + ((<usize>i) << 2))),
      i64x2.splat(1),
    )
    if (isOne) {
      score = f64x2.replace_lane(score, 1, 1000)
      hit = i64x2.replace_lane(hit, 1, -1)
    }
    const size = f64x2.abs(score)
    const small = exp(f64x2.neg(size))
    const sum = f64x2.add(one, small)
    const isSecond = f64x2.ge(score, zero)
    const p = f64x2.div(v128.bitselect(one, small, isSecond), sum)
    product = f64x2.mul(product, sum)
    const isMissed = v128.xor(isSecond, hit)
    if (isOne) {
      margin = f64x2.add(margin, v128.and(f64x2.replace_lane(size, 1, 0), isMissed))
      store<f64>(odds + at, f64x2.extract_lane(p, 0))
      store<f64>(residuals + at, f64x2.extract_lane(f64x2.sub(p, v128.and(one, hit)), 0))
    } else {
      margin = f64x2.add(margin, v128.and(size, isMissed))
      v128.store(odds + at, p)
      v128.store(residuals + at, f64x2.sub(p, v128.and(one, hit)))
    }
  }
}

/**
 * Adds to the gradient what each row's residual times its numbers and levels is.
 * @param residuals of the rows, `outputs` apart
 * @param to as the weights of {@link scores} lie
 */
export function addGradient(
  values: usize,
  width: i32,
  ones: usize,
  categories: i32,
  rows: i32,
  residuals: usize,
  outputs: i32,
  to: usize,
): void {
  const rowBytes: usize = (<usize>width) << 3
  const step: usize = (<usize>outputs) << 3
  let a: usize = 0
  // Sums of eight columns do not wait for each other.
  for (; a + 64 <= rowBytes; a += 64) {
    let g0 = v128.load(to + a)
    let g1 = v128.load(to + a + 16)
    let g2 = v128.load(to + a + 32)
    let g3 = v128.load(to + a + 48)
    let row = values + a
    let residual = residuals
    for (let i = 0; i < rows; i++) {
      const r = v128.load64_splat(residual)
      g0 = f64x2.add(g0, f64x2.mul(r, v128.load(row)))
      g1 = f64x2.add(g1, f64x2.mul(r, v128.load(row + 16)))
      g2 = f64x2.add(g2, f64x2.mul(r, v128.load(row + 32)))
      g3 = f64x2.add(g3, f64x2.mul(r, v128.load(row + 48)))
      row += rowBytes
      residual += step
    }
    v128.store(to + a, g0)
    v128.store(to + a + 16, g1)
    v128.store(to + a + 32, g2)
    v128.store(to + a + 48, g3)
  }
  for (; a < rowBytes; a += 32) {
    let g0 = v128.load(to + a)
    let g1 = v128.load(to + a + 16)
    let row = values + a
    let residual = residuals
    for (let i = 0; i < rows; i++) {
      const r = v128.load64_splat(residual)
      g0 = f64x2.add(g0, f64x2.mul(r, v128.load(row)))
      g1 = f64x2.add(g1, f64x2.mul(r, v128.load(row + 16)))
      row += rowBytes
      residual += step
    }
    v128.store(to + a, g0)
    v128.store(to + a + 16, g1)
  }
  if (categories === 0) return
  const ofLevels = to + rowBytes
  let at = ones
  for (let i = 0; i < rows; i++) {
    const residual = load<f64>(residuals + <usize>i * step)
    for (let c = 0; c < categories; c++, at += 4) {
      const one = load<i32>(at)
      if (one < 0) continue
      const into = ofLevels + ((<usize>one) << 3)
      store<f64>(into, load<f64>(into) + residual)
    }
  }
}

/**
 * A whole pass over rows of two classes: scores, loss, gradient and Hessian.
 * @param isFloat the values are floats, of which `widened` has room for 64 rows as doubles
 * @param classes of each row, 0 or 1
 * @param blockRows rows of a block: as many losses are multiplied
 * @param weights as {@link scores} takes them
 * @param odds room for 64 rows, with that for the residuals after it, and that for curvatures after both
 * @param gradient what {@link addGradient} adds to
 * @param sums gets two numbers a block, as {@link lossOfTwo} gives them
 * @param numbers of the Hessian, as {@link addHessian} takes it; 0 for none
 */
export function passOfTwo(
  values: usize,
  isFloat: i32,
  widened: usize,
  width: i32,
  ones: usize,
  categories: i32,
  levels: i32,
  classes: usize,
  rows: i32,
  blockRows: i32,
  weights: usize,
  odds: usize,
  gradient: usize,
  sums: usize,
  numbers: usize,
  mixed: usize,
  pairs: usize,
  weighted: usize,
): void {
  const residuals = odds + ((<usize>ROWS_AT_ONCE) << 3)
  const curvatures = residuals + ((<usize>ROWS_AT_ONCE) << 3)
  const rowBytes: usize = (<usize>width) << (isFloat ? 2 : 3)
  for (let block = 0; block < rows; block += blockRows) {
    const end = min(rows, block + blockRows)
    product = f64x2.splat(1)
    margin = f64x2.splat(0)
    for (let first = block; first < end; first += ROWS_AT_ONCE) {
      const count = min(ROWS_AT_ONCE, end - first)
      let from = values + <usize>first * rowBytes
      if (isFloat) {
        widen(from, count * width, widened)
        from = widened
      }
      const ofLevels = ones + ((<usize>first * <usize>categories) << 2)
      scores(from, width, ofLevels, categories, count, weights, odds, 1)
      addLoss(odds, classes + ((<usize>first) << 2), count, residuals)
      addGradient(from, width, ofLevels, categories, count, residuals, 1, gradient)
      if (numbers === 0) continue
      curvature(odds, 1, 0, 0, count, curvatures)
      addHessian(
        from,
        width,
        ofLevels,
        categories,
        levels,
        count,
        curvatures,
        weighted,
        numbers,
        mixed,
        pairs,
      )
    }
    storeLoss(sums)
    sums += 16
  }
}
