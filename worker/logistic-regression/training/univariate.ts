import {outputsFor} from '../solver/objective.ts'

/** Where rows are few, more parts are made of them, so that fewer are lost to each: from 2 for 750 to 5 for 333. */
const ROWS_TIMES_PARTS = 1500
const FEWEST_PARTS = 2
const MOST_PARTS = 5
const MOST_STEPS = 25
/** What a step leaves is of the order of its square. */
const STEP_TOLERANCE = 1e-3

/** A regression on one standardized column: intercept and weight. */
interface Line {
  intercept: number
  weight: number
}

/** Measures how well a single column predicts, by cross-validation. */
export class Judge {
  readonly #classes: Int32Array
  readonly #count: number
  readonly #parts: number
  readonly #partOf: Uint8Array
  readonly #hits: Uint8Array

  /** @param count number of classes */
  constructor(classes: Int32Array, count: number) {
    this.#classes = classes
    this.#count = count
    const parts = Math.round(ROWS_TIMES_PARTS / Math.max(1, classes.length))
    this.#parts = Math.max(FEWEST_PARTS, Math.min(MOST_PARTS, parts))
    this.#hits = new Uint8Array(classes.length)
    this.#partOf = new Uint8Array(classes.length)
    // The rows of each class go to the parts in turn.
    const next = new Uint8Array(count)
    for (let i = 0; i < classes.length; i++) {
      const code = classes[i] ?? 0
      this.#partOf[i] = next[code] = ((next[code] ?? 0) + 1) % this.#parts
    }
  }

  /** Per row the loss under what was learned from the other parts; with many classes the sum of each against the rest. */
  losses(values: Float64Array): Float64Array {
    const losses = new Float64Array(values.length)
    const standardized = standardize(values)
    const hits = this.#hits
    for (let k = 0; k < outputsFor(this.#count); k++) {
      const own = this.#count === 2 ? 1 : k
      for (let i = 0; i < hits.length; i++) hits[i] = Number(this.#classes[i] === own)
      let line = flatLine(hits)
      for (let part = 0; part < this.#parts; part++) {
        // Starts where the last one ended, which is close; the result does not depend on it.
        line = regress(standardized, hits, this.#partOf, part, line)
        const {weight, intercept} = line
        for (let i = 0; i < values.length; i++) {
          if (this.#partOf[i] !== part) continue
          const score = intercept + weight * (standardized[i] ?? 0)
          const loss = Math.log1p(Math.exp(-Math.abs(score))) + Math.max(0, hits[i] === 1 ? -score : score)
          losses[i] = (losses[i] ?? 0) + loss
        }
      }
    }
    return losses
  }
}

/** With mean 0 and standard deviation 1; safe at any magnitude. A constant becomes 0. */
function standardize(values: Float64Array): Float64Array {
  let largest = 0
  for (let i = 0; i < values.length; i++) largest = Math.max(largest, Math.abs(values[i] ?? 0))
  const standardized = new Float64Array(values.length)
  if (largest === 0) return standardized
  let sum = 0
  let squares = 0
  for (let i = 0; i < values.length; i++) {
    const value = (values[i] ?? 0) / largest
    standardized[i] = value
    sum += value
    squares += value * value
  }
  const mean = sum / values.length
  const scale = Math.sqrt(Math.max(0, squares / values.length - mean * mean)) || 1
  for (let i = 0; i < values.length; i++) standardized[i] = ((standardized[i] ?? 0) - mean) / scale
  return standardized
}

/** The line that gives every row the share of the hits. */
function flatLine(hits: Uint8Array): Line {
  let members = 0
  for (let i = 0; i < hits.length; i++) members += hits[i] ?? 0
  return {intercept: Math.log((members + 0.5) / (hits.length - members + 0.5)), weight: 0}
}

/** Newton's method for one standardized column, penalized as the model itself, on the rows outside of one part. */
function regress(
  values: Float64Array,
  hits: Uint8Array,
  partOf: Uint8Array,
  part: number,
  start: Line,
): Line {
  let {intercept, weight} = start
  for (let step = 0; step < MOST_STEPS; step++) {
    let [g0, g1, h00, h01, h11] = [0, weight, 0, 0, 1]
    for (let i = 0; i < values.length; i++) {
      if (partOf[i] === part) continue
      const x = values[i] ?? 0
      const p = 1 / (1 + Math.exp(-(intercept + weight * x)))
      const residual = p - (hits[i] ?? 0)
      const curvature = p * (1 - p) + 1e-9
      g0 += residual
      g1 += residual * x
      h00 += curvature
      h01 += curvature * x
      h11 += curvature * x * x
    }
    const determinant = h00 * h11 - h01 * h01
    // A step beyond the next few units would come from curvature that has vanished.
    const move0 = clamp((h11 * g0 - h01 * g1) / determinant)
    const move1 = clamp((h00 * g1 - h01 * g0) / determinant)
    intercept -= move0
    weight -= move1
    if (Math.abs(move0) + Math.abs(move1) < STEP_TOLERANCE) break
  }
  return {intercept, weight}
}

function clamp(step: number): number {
  return Math.max(-3, Math.min(3, step))
}
