import type {Pacer} from '../pacer.ts'
import {Cholesky} from './cholesky.ts'
import {fitByLbfgs} from './lbfgs.ts'
import {fitByRows, isForRows} from './dual.ts'
import {fitByLibrary} from './library.ts'
import type {Fit} from './minimum.ts'
import {EXACT, fitByNewton, pinned} from './newton.ts'
import {
  type Objective,
  type PenalizedEvaluation,
  type Range,
  gradientCost,
  hessianCost,
  isPenalized,
  parametersOf,
  rowsOf,
} from './objective.ts'
import {evaluate} from './evaluate.ts'

/** Above this, the Hessian takes more than 32 MB and its factorization more than a second a step. */
const MOST_PARAMETERS_OF_NEWTON = 2000
/** Multiplications of a pass up to which Newton's method is always used: half a second. */
const FEW_MULTIPLICATIONS = 5e8
/** Passes without a Hessian that a pass with it may cost: L-BFGS needs about as many more. */
const MOST_GRADIENT_PASSES = 64

/** A warm start uses one of this many rows: first a sparse sample, then a denser one. */
const SAMPLES = [64, 8] as const
/** Rows that a sample takes in a row. */
const SAMPLED_ROWS = 32
/** Rows of a sample per parameter, and of each class, from which its optimum is near that of all rows. */
const FEWEST_ROWS_PER_PARAMETER = 20
const FEWEST_ROWS_PER_CLASS = 10
/** Rows of a sample per parameter from which its curvature is within some percent of that of all rows. */
const FEWEST_ROWS_OF_A_METRIC = 200
/** Cost of a pass with a Hessian, in passes without, from which saving some pays. */
const DEAR_HESSIAN = 8
const MOST_METRICS = 4
const MOST_STEPS_PER_METRIC = 15
/** Share of the loss that a warm start may leave to gain: what is closer is the sample's own. */
const WARM_TOLERANCE = 1e-5
/**
 * The same for the last Newton step of many rows, of which a metric's passes are dear: log odds that are 3e-6 off
 * before it are 1e-11 off after it.
 */
const NEAR = 1e-11

/** Where a fit begins. */
export interface Start {
  parameters: Float64Array
  /** There, with a Hessian, which saves a pass. */
  evaluation?: PenalizedEvaluation | undefined
}

/**
 * Minimizes the loss: by Newton's method, over the rows if they are fewer than the columns, or by L-BFGS if a Hessian
 * would be too large or too slow.
 * @param start by default it finds one itself; the result does not depend on them beyond rounding
 */
export async function fit(objective: Objective, start: Start | undefined, pacer: Pacer): Promise<Fit> {
  if (objective.gradientDescent !== undefined)
    return fitByLibrary(objective, objective.gradientDescent, pacer)
  if (isForRows(objective)) return fitByRows(objective, start?.parameters, pacer)
  const found = isForNewton(objective)
    ? await fitNear(objective, await approach(objective, start, pacer), pacer)
    : await fitByLbfgs(objective, start?.parameters ?? startingPoint(objective), undefined, pacer)
  centerIntercepts(found.parameters, objective)
  return found
}

async function fitNear(objective: Objective, near: Approach, pacer: Pacer): Promise<Fit> {
  const found = await fitByNewton(objective, near.parameters, near.tolerance, pacer, near.evaluation)
  return {...found, iterations: near.iterations + found.iterations}
}

/** Parameters near the optimum, and the passes over all rows that led there. */
interface Approach extends Start {
  iterations: number
  /** Of the last step. */
  tolerance: number
}

/** Approaches the optimum with few Hessians and the passes in between. */
async function approach(objective: Objective, start: Start | undefined, pacer: Pacer): Promise<Approach> {
  const warm = start === undefined ? await warmStart(objective, pacer) : {...start, metric: undefined}
  let {parameters, metric} = warm
  let evaluation = start?.evaluation
  let iterations = 0
  let tolerance = EXACT
  const mostMetrics = hessianCost(objective) > DEAR_HESSIAN * gradientCost(objective) ? MOST_METRICS : 0
  for (let round = 0; metric !== undefined || round < mostMetrics; round++) {
    metric ??= pinned(evaluation ?? (await evaluate(objective, parameters, true, pacer)), objective)
    const factor = await Cholesky.factor(metric, parameters.length, pacer)
    const found = await fitByLbfgs(
      objective,
      parameters,
      {factor, tolerance: NEAR / 2, mostIterations: MOST_STEPS_PER_METRIC},
      pacer,
    )
    parameters = found.parameters
    evaluation = undefined
    iterations += found.iterations
    if (found.converged) {
      tolerance = NEAR
      break
    }
    metric = undefined
  }
  return {parameters, evaluation, iterations, tolerance}
}

/**
 * The optimum of an eighth of the rows. From there two or three passes with a Hessian over all of them are enough; or a
 * few without, where the sample's own Hessian, times eight, is near enough that of all rows.
 */
async function warmStart(
  objective: Objective,
  pacer: Pacer,
): Promise<{parameters: Float64Array; metric: Float64Array | undefined}> {
  let parameters = startingPoint(objective)
  let metric: Float64Array | undefined
  for (const share of SAMPLES) {
    const sample: Objective = {...objective, ranges: sampled(objective.ranges, share)}
    if (!isTelling(sample)) continue
    const found = await fitByNewton(sample, parameters, WARM_TOLERANCE, pacer)
    const isNear = rowsOf(sample) >= FEWEST_ROWS_OF_A_METRIC * parametersOf(sample)
    metric =
      isNear && found.curvature !== undefined
        ? enlarged(found.curvature.evaluation, share, objective)
        : undefined
    parameters = found.parameters
  }
  return {parameters, metric}
}

/** The Hessian of `share` times as many rows, with the penalty unchanged. */
function enlarged(evaluation: PenalizedEvaluation, share: number, objective: Objective): Float64Array {
  const matrix = pinned(evaluation, objective).map((value) => share * value)
  const size = parametersOf(objective)
  for (let at = 0; at < size; at++)
    if (isPenalized(objective, at))
      matrix[at * size + at] = (matrix[at * size + at] ?? 0) - (share - 1) * objective.penalty
  return matrix
}

function sampled(ranges: readonly Range[], share: number): Range[] {
  const stride = share * SAMPLED_ROWS
  return ranges.flatMap(({start, end}) =>
    Array.from({length: Math.ceil((end - start) / stride)}, (_, i) => ({
      start: start + i * stride,
      end: Math.min(end, start + i * stride + SAMPLED_ROWS),
    })),
  )
}

function isTelling(sample: Objective): boolean {
  const counts = new Float64Array(Math.max(2, sample.outputs))
  for (const {start, end} of sample.ranges) {
    for (const code of sample.classes.subarray(start, end)) counts[code] = (counts[code] ?? 0) + 1
  }
  return (
    rowsOf(sample) >= FEWEST_ROWS_PER_PARAMETER * parametersOf(sample) &&
    counts.every((count) => count >= FEWEST_ROWS_PER_CLASS)
  )
}

function isForNewton(objective: Objective): boolean {
  const cost = hessianCost(objective)
  return (
    parametersOf(objective) <= MOST_PARAMETERS_OF_NEWTON &&
    (cost <= FEW_MULTIPLICATIONS || cost <= MOST_GRADIENT_PASSES * gradientCost(objective))
  )
}

/** No weights, and intercepts that give the classes' shares. */
function startingPoint({design, classes, outputs}: Objective): Float64Array {
  const size = design.columns + 1
  const parameters = new Float64Array(outputs * size)
  const counts = new Float64Array(Math.max(2, outputs))
  for (let i = 0; i < classes.length; i++) counts[classes[i] ?? 0] = (counts[classes[i] ?? 0] ?? 0) + 1
  if (outputs === 1) {
    parameters[size - 1] = Math.log((counts[1] ?? 1) / (counts[0] ?? 1))
  } else {
    for (let k = 0; k < outputs; k++) parameters[k * size + size - 1] = Math.log(Math.max(1, counts[k] ?? 1))
  }
  return parameters
}

/** Any equal shift of all intercepts yields the same probabilities; the one whose sum is 0 is used. */
function centerIntercepts(parameters: Float64Array, {design, outputs}: Objective): void {
  if (outputs === 1) return
  const size = design.columns + 1
  let sum = 0
  for (let k = 0; k < outputs; k++) sum += parameters[k * size + size - 1] ?? 0
  for (let k = 0; k < outputs; k++)
    parameters[k * size + size - 1] = (parameters[k * size + size - 1] ?? 0) - sum / outputs
}
