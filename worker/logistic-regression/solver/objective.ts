import type {Blocks, Design, SharedDesign} from '../encoding/design.ts'
import type {Pacer} from '../pacer.ts'
import {Hessian} from './hessian.ts'
import type {GradientDescent} from './gradient-descent.ts'
import {Pass} from './pass.ts'

/**
 * The penalized loss of a softmax regression, that of scikit-learn divided by C:
 * sum over rows of -log p(class), times the weight of its class, + penalty / 2 ||W||^2, intercepts not penalized.
 *
 * Parameters lie in one vector: per output `columns` weights, then the intercept. Two classes have one output, the
 * log odds of the second; K > 2 classes have K.
 */
export interface Objective {
  design: Design
  /** Class index per row of the design. */
  classes: Int32Array
  outputs: number
  /** 1 / C. */
  penalty: number
  /** Per class, how much each of its rows counts; undefined if all count alike. */
  rowWeights?: Float64Array | undefined
  /** Trained by `ml-logistic-regression`, instead of minimized. */
  gradientDescent?: GradientDescent | undefined
  /** The rows of the design that count. */
  ranges: readonly Range[]
  /** Per thread that helps, what it needs to know of the design. */
  shared?: readonly SharedDesign[]
}

/** What {@link sumUp} needs of an objective. */
export type Summed = Pick<Objective, 'classes' | 'outputs' | 'rowWeights' | 'ranges'> & {design: Blocks}

/** Rows from `start` to before `end`. */
export interface Range {
  start: number
  end: number
}

/** The loss and its derivatives at some parameters. */
export interface Evaluation {
  loss: number
  gradient: Float64Array
  /** Dense, symmetric, row-major; if requested. Singular along equal shifts of all intercepts if outputs > 1. */
  hessian: Float64Array | undefined
}

/** With the penalty. */
export interface PenalizedEvaluation extends Evaluation {
  /** Contribution of each of the objective's ranges, if there is a Hessian and room for one per range. */
  parts: readonly Evaluation[]
}

export function outputsFor(classes: number): number {
  return classes === 2 ? 1 : classes
}

/** Length of the parameter vector. */
export function parametersOf({design, outputs}: Pick<Objective, 'design' | 'outputs'>): number {
  return outputs * (design.columns + 1)
}

export function rowsOf({ranges}: Pick<Objective, 'ranges'>): number {
  return ranges.reduce((sum, {start, end}) => sum + end - start, 0)
}

/** Multiplications of one pass that computes only the gradient. */
export function gradientCost(objective: Objective): number {
  return 2 * rowsOf(objective) * objective.outputs * activeColumns(objective.design)
}

/** Multiplications of one pass that computes the Hessian. */
export function hessianCost(objective: Objective): number {
  const {design, outputs} = objective
  return (rowsOf(objective) * outputs * (outputs + 1) * activeColumns(design) ** 2) / 4
}

/** Columns that are not 0 in a row. */
function activeColumns({dense, categories}: Design): number {
  return dense + categories + 1
}

/** One pass over the rows: what they contribute, without the penalty. The sums are taken in row order, so equal input gives equal bits. */
export async function sumUp(
  {design, classes, outputs, rowWeights, ranges}: Summed,
  parameters: Float64Array,
  withHessian: boolean,
  pacer: Pacer,
): Promise<Evaluation> {
  const pass = new Pass(design, outputs, parameters)
  const hessian = withHessian ? new Hessian(design, outputs) : undefined
  let loss = 0
  for (const {start: first, end} of ranges) {
    for (let start = first; start < end;) {
      const stretch = outputs === 1 && rowWeights === undefined ? design.stretch(start, end) : undefined
      const count = stretch?.count ?? design.encode(start, end)
      const own = classes.subarray(start, start + count)
      start += count
      if (stretch !== undefined) loss += pass.addRows(stretch, own, hessian)
      else {
        const scores = pass.score(count)
        const weights = rowWeights && weightsOf(own, rowWeights)
        if (outputs > 1) loss += lossOfMany(scores, outputs, own, pass.residuals(count), weights)
        else if (weights !== undefined) loss += weightedLossOfTwo(pass, scores, own, weights)
        pass.addGradient(count)
        hessian?.add(count, pass.scoresAt, weights)
      }
      if (pacer.due) await pacer.pause()
    }
  }
  return {loss, gradient: pass.gradient(), hessian: hessian?.assemble()}
}

/** Weights are penalized, intercepts are not. */
export function isPenalized({design}: Pick<Objective, 'design'>, parameter: number): boolean {
  return parameter % (design.columns + 1) !== design.columns
}

function weightsOf(own: Int32Array, rowWeights: Float64Array): Float64Array {
  return Float64Array.from(own, (code) => rowWeights[code] ?? 0)
}

/** As {@link Pass.lossOfTwo}, with a weight per row. */
function weightedLossOfTwo(pass: Pass, scores: Float64Array, own: Int32Array, weights: Float64Array): number {
  let loss = 0
  for (let i = 0; i < own.length; i++) {
    const margin = own[i] === 1 ? (scores[i] ?? 0) : -(scores[i] ?? 0)
    loss += (weights[i] ?? 0) * (Math.log1p(Math.exp(-Math.abs(margin))) + Math.max(0, -margin))
  }
  pass.lossOfTwo(own)
  const residuals = pass.residuals(own.length)
  for (let i = 0; i < own.length; i++) residuals[i] = (residuals[i] ?? 0) * (weights[i] ?? 0)
  return loss
}

/** Turns rows of scores into probabilities in place, and puts what they are beyond the class into `residuals`. @returns the loss */
function lossOfMany(
  scores: Float64Array,
  outputs: number,
  own: Int32Array,
  residuals: Float64Array,
  weights: Float64Array | undefined,
): number {
  let loss = 0
  for (let i = 0, at = 0; i < own.length; i++, at += outputs) {
    const hit = at + (own[i] ?? 0)
    const ownScore = scores[hit] ?? 0
    const {most, sum} = softmaxInPlace(scores, at, outputs)
    const weight = weights?.[i] ?? 1
    loss += weight * (most + Math.log(sum) - ownScore)
    for (let k = at; k < at + outputs; k++) residuals[k] = weight * (scores[k] ?? 0)
    residuals[hit] = (residuals[hit] ?? 0) - weight
  }
  return loss
}

/** The softmax of `outputs` scores from `at` on. */
export function softmaxInPlace(
  scores: Float64Array,
  at: number,
  outputs: number,
): {most: number; sum: number} {
  let most = -Infinity
  for (let k = 0; k < outputs; k++) most = Math.max(most, scores[at + k] ?? 0)
  let sum = 0
  for (let k = 0; k < outputs; k++) {
    const power = Math.exp((scores[at + k] ?? 0) - most)
    scores[at + k] = power
    sum += power
  }
  for (let k = 0; k < outputs; k++) scores[at + k] = (scores[at + k] ?? 0) / sum
  return {most, sum}
}
