import type {Pacer} from '../pacer.ts'
import type {Cholesky} from './cholesky.ts'
import type {Fit} from './minimum.ts'
import {type Evaluation, type Objective, type PenalizedEvaluation, rowsOf} from './objective.ts'
import {evaluate} from './evaluate.ts'
import {dot, moved} from './vectors.ts'

const MEMORY = 20
const MOST_ITERATIONS = 1000
const MOST_HALVINGS = 30
/** Largest entry of the gradient of the mean loss; scikit-learn stops at 1e-4 by default. */
const GRADIENT_TOLERANCE = 1e-8
const SUFFICIENT_DECREASE = 1e-4
/** How much less than by the last step what is left to gain may shrink by the next one. */
const SLOWDOWN = 10

interface Correction {
  step: Float64Array
  change: Float64Array
  curvature: number
}

/** A Hessian taken near the minimum, by which L-BFGS gets there in a few passes without a Hessian. */
export interface Metric {
  factor: Cholesky
  /** Share of the loss that may be left to gain, as the metric estimates it. */
  tolerance: number
  mostIterations: number
  /** What was left to gain where the step to the start was taken, by the same metric. */
  gainBefore?: number
}

/**
 * Limited-memory BFGS (Nocedal and Wright, Numerical Optimization, algorithm 7.5) with a backtracking line search:
 * for so many columns that a Hessian is too large or too slow, or if an approximate one is available.
 * @param start is not changed
 */
export async function fitByLbfgs(
  objective: Objective,
  start: Float64Array,
  metric: Metric | undefined,
  pacer: Pacer,
): Promise<Fit> {
  const mostIterations = metric?.mostIterations ?? MOST_ITERATIONS
  const corrections: Correction[] = []
  let parameters = start
  let current = await evaluate(objective, parameters, false, pacer)
  let gainBefore = metric?.gainBefore ?? 0
  for (let iteration = 1; ; iteration++) {
    const gain = metric === undefined ? NaN : gainBy(metric, current.gradient)
    const most = metric === undefined ? NaN : metric.tolerance * (1 + current.loss)
    const converged = metric === undefined ? isFlat(objective, current) : gain <= most
    const end = (): Fit => ({
      parameters,
      loss: current.loss,
      iterations: iteration,
      converged,
      precision: undefined,
      curvature: undefined,
    })
    if (converged || iteration === mostIterations) return end()
    const direction = descentDirection(current.gradient, corrections, metric)
    // The step is as good as the last one, so that no pass over the rows needs to confirm it.
    if (SLOWDOWN * gain * (gain / gainBefore) <= most)
      return {
        ...end(),
        parameters: moved(parameters, direction, 1),
        iterations: iteration + 1,
        converged: true,
      }
    gainBefore = gain
    const isUnscaled = corrections.length === 0 && metric === undefined
    const next = await descend(objective, parameters, direction, current, isUnscaled, pacer)
    if (next === undefined) {
      if (corrections.length === 0) return end()
      // The remembered curvature misleads: restart along the gradient.
      corrections.length = 0
      continue
    }
    const step = moved(next.parameters, parameters, -1)
    const change = moved(next.evaluation.gradient, current.gradient, -1)
    const curvature = dot(step, change)
    if (curvature > 1e-12 * dot(change, change)) corrections.push({step, change, curvature})
    if (corrections.length > MEMORY) corrections.shift()
    parameters = next.parameters
    current = next.evaluation
  }
}

/** How much less the loss is at the minimum, as the metric estimates it. */
function gainBy({factor}: Metric, gradient: Float64Array): number {
  return dot(gradient, factor.solve(gradient)) / 2
}

function isFlat(objective: Objective, {gradient}: Evaluation): boolean {
  const tolerance = GRADIENT_TOLERANCE * rowsOf(objective)
  return gradient.every((value) => Math.abs(value) <= tolerance)
}

/** The two-loop recursion. */
function descentDirection(
  gradient: Float64Array,
  corrections: readonly Correction[],
  metric: Metric | undefined,
): Float64Array {
  let direction: Float64Array = gradient.map((value) => -value)
  const shares: number[] = []
  for (const {step, change, curvature} of corrections.toReversed()) {
    const share = dot(step, direction) / curvature
    shares.push(share)
    moved(direction, change, -share, direction)
  }
  const last = corrections.at(-1)
  if (metric !== undefined) {
    direction = metric.factor.solve(direction)
  } else if (last !== undefined) {
    const scale = last.curvature / dot(last.change, last.change)
    direction = direction.map((value) => value * scale)
  }
  for (const {step, change, curvature} of corrections) {
    const share = shares.pop() ?? 0
    moved(direction, step, share - dot(change, direction) / curvature, direction)
  }
  return direction
}

async function descend(
  objective: Objective,
  from: Float64Array,
  direction: Float64Array,
  current: Evaluation,
  isUnscaled: boolean,
  pacer: Pacer,
): Promise<{parameters: Float64Array; evaluation: PenalizedEvaluation} | undefined> {
  const slope = dot(direction, current.gradient)
  let length = isUnscaled ? 1 / Math.sqrt(-slope) : 1
  for (let halving = 0; halving < MOST_HALVINGS; halving++, length /= 2) {
    const parameters = moved(from, direction, length)
    const evaluation = await evaluate(objective, parameters, false, pacer)
    if (evaluation.loss <= current.loss + SUFFICIENT_DECREASE * length * slope)
      return {parameters, evaluation}
  }
  return undefined
}
