import type {Label} from './label.ts'
import {outputsFor} from './objective.ts'
import type {Pacer} from './pacer.ts'
import type {NumberColumn} from './table.ts'
import {MOST_VALUES_RANKED, type Transform, applier, fitNormalScores, quantile} from './transforms.ts'

/** Columns with fewer different values are codes or counts of few: their shape says nothing. */
const FEWEST_VALUES = 20
/**
 * Standard deviation over what the quartiles would make it for a normal distribution: 1 there, 1.2 for an
 * exponential, 2 for a log-normal one. Up to the first bound a column stays as it is, beyond the second its tails are
 * far.
 */
const USUAL_TAILS = 1.5
const FAR_TAILS = 2.5
/** Standard errors that a difference of losses must have to be more than chance. */
const CLEARLY = 2
/** Rows that columns are judged on, and below which so many parts are made of them that few rows are lost to each. */
const MOST_ROWS_JUDGED = 6000
const FEW_ROWS = 2000
const MOST_STEPS = 25
/** What a step leaves is of the order of its square. */
const STEP_TOLERANCE = 1e-3

const IDENTITY: Transform = {kind: 'identity'}

/**
 * Chooses for each column of numbers whether it is mapped to a bell shape, on training rows alone. Columns without
 * tails are not. Those with some are where the map clearly lowers the loss. Those with far ones are, unless the number
 * itself clearly tells something, and more than its map does: left wrongly, a single row out there would get a
 * probability of 0 or 1. The loss is that of a regression on the one column, each part of the rows judged by what was
 * learned from the others. At most 20,000 rows are looked at, and 6,000 judged, evenly taken.
 * @param rows indexes of the training rows
 */
export async function chooseTransforms(
  columns: readonly NumberColumn[],
  label: Label,
  rows: Uint32Array,
  pacer: Pacer,
): Promise<Transform[]> {
  const sample = evenly(rows, MOST_VALUES_RANKED)
  const transforms: Transform[] = []
  for (const {values} of columns) {
    transforms.push(chooseTransform(values, label, sample))
    if (pacer.due) await pacer.pause()
  }
  return transforms
}

function chooseTransform(values: Float64Array, label: Label, rows: Uint32Array): Transform {
  const present = rows.filter((row) => !Number.isNaN(values[row] ?? NaN))
  const ranked = valuesAt(values, present).toSorted()
  const tails = weightOfTails(ranked)
  if (tails <= USUAL_TAILS || !hasManyValues(ranked)) return IDENTITY
  const map = fitNormalScores(ranked)
  const judged = evenly(present, MOST_ROWS_JUDGED)
  const classes = Int32Array.from(judged, (row) => label.codes[row] ?? 0)
  const judge = new Judge(classes, label.classes.length)
  const median = quantile(ranked, 0.5)
  const numbers = valuesAt(values, judged)
  const number = judge.losses(numbers.map((value) => value / 2 - median / 2))
  const mapped = judge.losses(numbers.map(applier(map)))
  if (tails <= FAR_TAILS) return standardErrors(number, mapped) > CLEARLY ? map : IDENTITY
  const nothing = judge.losses(new Float64Array(judged.length))
  return standardErrors(nothing, number) > CLEARLY && standardErrors(mapped, number) > 0 ? IDENTITY : map
}

/** The standard deviation over the one that a normal distribution of these quartiles has; 0 for a constant. */
function weightOfTails(ranked: Float64Array): number {
  const median = quantile(ranked, 0.5)
  // Halves, since the distance of two doubles may be none.
  const quartiles = (quantile(ranked, 0.75) / 2 - quantile(ranked, 0.25) / 2) / 1.349
  const reach = Math.max(
    Math.abs((ranked[0] ?? 0) / 2 - median / 2),
    Math.abs((ranked.at(-1) ?? 0) / 2 - median / 2),
  )
  if (!(reach > 0)) return 0
  let squares = 0
  for (const value of ranked) squares += ((value / 2 - median / 2) / reach) ** 2
  return Math.sqrt(squares / ranked.length) / (quartiles / reach)
}

function hasManyValues(ranked: Float64Array): boolean {
  let different = 1
  for (let i = 1; i < ranked.length; i++) {
    if (ranked[i] !== ranked[i - 1] && ++different === FEWEST_VALUES) return true
  }
  return false
}

/** By how much `after` is lower than `before` on average, in standard errors of the difference. */
function standardErrors(before: Float64Array, after: Float64Array): number {
  let sum = 0
  before.forEach((value, i) => (sum += value - (after[i] ?? 0)))
  const mean = sum / before.length
  let squares = 0
  before.forEach((value, i) => (squares += (value - (after[i] ?? 0) - mean) ** 2))
  const standardError = Math.sqrt(squares) / before.length
  return standardError > 0 ? mean / standardError : 0
}

/** Tells how well a single column predicts, by cross-validation. */
class Judge {
  readonly #classes: Int32Array
  readonly #count: number
  readonly #parts: number
  readonly #partOf: Uint8Array

  /** @param count number of classes */
  constructor(classes: Int32Array, count: number) {
    this.#classes = classes
    this.#count = count
    this.#parts = classes.length < FEW_ROWS ? 5 : 2
    // The rows of each class go to the parts in turn.
    const next = new Uint8Array(count)
    this.#partOf = Uint8Array.from(classes, (code) => (next[code] = ((next[code] ?? 0) + 1) % this.#parts))
  }

  /** Per row the loss under what was learned from the other parts; with many classes the sum of each against the rest. */
  losses(values: Float64Array): Float64Array {
    const losses = new Float64Array(values.length)
    for (let k = 0; k < outputsFor(this.#count); k++) {
      const own = this.#count === 2 ? 1 : k
      const hits = Uint8Array.from(this.#classes, (code) => Number(code === own))
      for (let part = 0; part < this.#parts; part++) {
        const {slope, intercept} = regress(values, hits, this.#partOf, part)
        for (let i = 0; i < values.length; i++) {
          if (this.#partOf[i] !== part) continue
          const score = intercept + slope * (values[i] ?? 0)
          const loss = Math.log1p(Math.exp(-Math.abs(score))) + Math.max(0, hits[i] === 1 ? -score : score)
          losses[i] = (losses[i] ?? 0) + loss
        }
      }
    }
    return losses
  }
}

/** Newton's method for one standardized column, penalized as the model itself, on the rows outside of one part. */
function regress(
  values: Float64Array,
  hits: Uint8Array,
  partOf: Uint8Array,
  part: number,
): {slope: number; intercept: number} {
  const outside = new Float64Array(values.length)
  const own = new Uint8Array(values.length)
  let count = 0
  let members = 0
  let largest = 0
  for (let i = 0; i < values.length; i++) {
    if (partOf[i] === part) continue
    const value = values[i] ?? 0
    outside[count] = value
    own[count++] = hits[i] ?? 0
    members += hits[i] ?? 0
    largest = Math.max(largest, Math.abs(value))
  }
  if (largest === 0) return {slope: 0, intercept: Math.log((members + 0.5) / (count - members + 0.5))}
  let sum = 0
  let squares = 0
  for (let i = 0; i < count; i++) {
    const value = (outside[i] ?? 0) / largest
    outside[i] = value
    sum += value
    squares += value * value
  }
  const mean = sum / count
  const scale = Math.sqrt(Math.max(0, squares / count - mean * mean)) || 1
  for (let i = 0; i < count; i++) outside[i] = ((outside[i] ?? 0) - mean) / scale
  let weight = 0
  let intercept = Math.log((members + 0.5) / (count - members + 0.5))
  for (let step = 0; step < MOST_STEPS; step++) {
    let [g0, g1, h00, h01, h11] = [0, weight, 0, 0, 1]
    for (let i = 0; i < count; i++) {
      const x = outside[i] ?? 0
      const p = 1 / (1 + Math.exp(-(intercept + weight * x)))
      const residual = p - (own[i] ?? 0)
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
  const slope = weight / scale / largest
  return {slope, intercept: intercept - (weight * mean) / scale}
}

function clamp(step: number): number {
  return Math.max(-3, Math.min(3, step))
}

function valuesAt(values: Float64Array, rows: Uint32Array): Float64Array {
  const some = new Float64Array(rows.length)
  for (let i = 0; i < rows.length; i++) some[i] = values[rows[i] ?? 0] ?? NaN
  return some
}

/** At most `most` of the rows, evenly spaced. */
function evenly(rows: Uint32Array, most: number): Uint32Array {
  if (rows.length <= most) return rows
  return Uint32Array.from({length: most}, (_, i) => rows[Math.floor((i * rows.length) / most)] ?? 0)
}
