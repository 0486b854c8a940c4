import {exp, log1p} from './exp'

const MOST_STEPS: i32 = 25
/** What a step leaves is of the order of its square. */
const STEP_TOLERANCE: f64 = 1e-3
/** A step beyond the next few units would come from curvature that has vanished. */
const LONGEST_STEP: f64 = 3
const LEAST_CURVATURE: f64 = 1e-9

/** Of the line that {@link regress} has found. */
let intercept: f64 = 0
let weight: f64 = 0

/** Drops the rows whose number is missing (NaN), in place. @returns how many are left */
export function dropMissing(values: usize, classes: usize, count: i32): i32 {
  let kept = 0
  for (let i = 0; i < count; i++) {
    const value = load<f64>(values + ((<usize>i) << 3))
    store<f64>(values + ((<usize>kept) << 3), value)
    store<i32>(classes + ((<usize>kept) << 2), load<i32>(classes + ((<usize>i) << 2)))
    kept += i32(value === value)
  }
  return kept
}

/**
 * Deals rows to parts, those of each class in turn, and puts the rows of a part next to each other.
 * @param counts gets per class how many rows it has
 * @param ends gets per part where it ends
 */
export function dealInTurn(
  values: usize,
  classes: usize,
  count: i32,
  parts: i32,
  classCount: i32,
  counts: usize,
  ends: usize,
  toValues: usize,
  toClasses: usize,
): void {
  memory.fill(counts, 0, (<usize>classCount) << 2)
  memory.fill(ends, 0, (<usize>parts) << 2)
  for (let i = 0; i < count; i++) {
    const end = ends + ((<usize>nextPart(classes, i, parts, counts)) << 2)
    store<i32>(end, load<i32>(end) + 1)
  }
  let before = 0
  for (let part = 0; part < parts; part++) {
    const end = ends + ((<usize>part) << 2)
    const own = load<i32>(end)
    store<i32>(end, before)
    before += own
  }
  memory.fill(counts, 0, (<usize>classCount) << 2)
  for (let i = 0; i < count; i++) {
    const end = ends + ((<usize>nextPart(classes, i, parts, counts)) << 2)
    const place = load<i32>(end)
    store<i32>(end, place + 1)
    store<f64>(toValues + ((<usize>place) << 3), load<f64>(values + ((<usize>i) << 3)))
    store<i32>(toClasses + ((<usize>place) << 2), load<i32>(classes + ((<usize>i) << 2)))
  }
}

function nextPart(classes: usize, i: i32, parts: i32, counts: usize): i32 {
  const own = counts + ((<usize>load<i32>(classes + ((<usize>i) << 2))) << 2)
  const before = load<i32>(own) + 1
  store<i32>(own, before)
  return before % parts
}

/** value * factor - shift of each, with mean 0 and standard deviation 1; safe at any magnitude. A constant becomes 0. */
export function toUnits(values: usize, count: i32, factor: f64, shift: f64, to: usize): void {
  let largest: f64 = 0
  for (let i = 0; i < count; i++) {
    const at: usize = (<usize>i) << 3
    const value = load<f64>(values + at) * factor - shift
    largest = max(largest, abs(value))
    store<f64>(to + at, value)
  }
  if (largest === 0) return
  let sum: f64 = 0
  let squares: f64 = 0
  for (let i = 0; i < count; i++) {
    const at = to + ((<usize>i) << 3)
    const value = load<f64>(at) / largest
    store<f64>(at, value)
    sum += value
    squares += value * value
  }
  const mean = sum / <f64>count
  const deviation = sqrt(max(0, squares / <f64>count - mean * mean))
  const scale: f64 = deviation > 0 ? deviation : 1
  for (let i = 0; i < count; i++) {
    const at = to + ((<usize>i) << 3)
    store<f64>(at, (load<f64>(at) - mean) / scale)
  }
}

/**
 * Adds to each row's loss that of a logistic regression on its one number, which has learned from the other parts.
 * @param own the class against all others
 * @param ends of the parts
 * @param start where the first regression starts: its intercept
 */
export function addLossesOfLines(
  values: usize,
  classes: usize,
  own: i32,
  count: i32,
  ends: usize,
  parts: i32,
  start: f64,
  losses: usize,
): void {
  intercept = start
  weight = 0
  let from = 0
  for (let part = 0; part < parts; part++) {
    const to = load<i32>(ends + ((<usize>part) << 2))
    // Starts where the last one ended, which is close; the result does not depend on it.
    regress(values, classes, own, count, from, to)
    addLosses(values, classes, own, from, to, losses)
    from = to
  }
}

/** Newton's method, penalized as the model itself, on the rows before `left` and from `right` on. */
function regress(values: usize, classes: usize, own: i32, count: i32, left: i32, right: i32): void {
  const one = f64x2.splat(1)
  const zero = f64x2.splat(0)
  for (let step = 0; step < MOST_STEPS; step++) {
    let g0 = zero
    let g1 = zero
    let h0 = zero
    let h1 = zero
    let h2 = zero
    for (let range = 0; range < 2; range++) {
      const to = range === 0 ? left : count
      for (let i = range === 0 ? 0 : right; i < to; i += 2) {
        const mask = rowsOfPair(i, to)
        const x = v128.and(v128.load(values + ((<usize>i) << 3)), mask)
        const score = scoreOf(x)
        const small = exp(f64x2.neg(f64x2.abs(score)))
        const more = f64x2.div(one, f64x2.add(one, small))
        const less = f64x2.mul(small, more)
        const p = v128.bitselect(more, less, f64x2.ge(score, zero))
        const residual = v128.and(f64x2.sub(p, v128.and(one, hitsOf(classes, i, own))), mask)
        const curvature = v128.and(f64x2.add(f64x2.mul(more, less), f64x2.splat(LEAST_CURVATURE)), mask)
        const product = f64x2.mul(curvature, x)
        g0 = f64x2.add(g0, residual)
        g1 = f64x2.add(g1, f64x2.mul(residual, x))
        h0 = f64x2.add(h0, curvature)
        h1 = f64x2.add(h1, product)
        h2 = f64x2.add(h2, f64x2.mul(product, x))
      }
    }
    const gradient0 = sumOf(g0)
    const gradient1 = sumOf(g1) + weight
    const h00 = sumOf(h0)
    const h01 = sumOf(h1)
    const h11 = sumOf(h2) + 1
    const determinant = h00 * h11 - h01 * h01
    const move0 = bounded((h11 * gradient0 - h01 * gradient1) / determinant)
    const move1 = bounded((h00 * gradient1 - h01 * gradient0) / determinant)
    intercept -= move0
    weight -= move1
    if (abs(move0) + abs(move1) < STEP_TOLERANCE) break
  }
}

function addLosses(values: usize, classes: usize, own: i32, from: i32, to: i32, losses: usize): void {
  for (let i = from; i < to; i += 2) {
    const x = v128.and(v128.load(values + ((<usize>i) << 3)), rowsOfPair(i, to))
    const score = scoreOf(x)
    const size = f64x2.abs(score)
    const isMissed = v128.xor(f64x2.ge(score, f64x2.splat(0)), hitsOf(classes, i, own))
    const loss = f64x2.add(log1p(exp(f64x2.neg(size))), v128.and(size, isMissed))
    const at = losses + ((<usize>i) << 3)
    const sum = f64x2.add(v128.load(at), loss)
    if (i + 1 < to) v128.store(at, sum)
    else store<f64>(at, f64x2.extract_lane(sum, 0))
  }
}

/** All bits of the rows of a pair: the last one may have no second row. */
function rowsOfPair(i: i32, to: i32): v128 {
  return i64x2.replace_lane(i64x2.splat(-1), 1, i + 1 < to ? -1 : 0)
}

function scoreOf(x: v128): v128 {
  return f64x2.add(f64x2.splat(intercept), f64x2.mul(f64x2.splat(weight), x))
}

/** All bits of the rows that have the class. */
function hitsOf(classes: usize, i: i32, own: i32): v128 {
  const pair = i64x2.extend_low_i32x4_s(v128.load64_zero(classes + ((<usize>i) << 2)))
  return i64x2.eq(pair, i64x2.splat(<i64>own))
}

/** Adds up by how much values fell, and the squares of that: two doubles at `sums`. */
export function differences(before: usize, after: usize, count: i32, sums: usize): void {
  let sum: f64 = 0
  let squares: f64 = 0
  for (let at: usize = 0; at < (<usize>count) << 3; at += 8) {
    const gain = load<f64>(before + at) - load<f64>(after + at)
    sum += gain
    squares += gain * gain
  }
  store<f64>(sums, sum)
  store<f64>(sums, squares, 8)
}

function bounded(step: f64): f64 {
  return max(-LONGEST_STEP, min(LONGEST_STEP, step))
}

function sumOf(pair: v128): f64 {
  return f64x2.extract_lane(pair, 0) + f64x2.extract_lane(pair, 1)
}
