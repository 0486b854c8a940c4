import {Cholesky} from './cholesky.ts'
import {type Fit, fit} from './fit.ts'
import {dot, moved, pinned} from './newton.ts'
import {type Objective, type Range, evaluate, isPenalized, sumUp} from './objective.ts'
import type {Pacer} from './pacer.ts'

/**
 * Error of the log odds (root of the weighted mean square) from which on a refit is as good as exact: of no row they
 * were then seen to be more than 3e-4 off.
 */
const NEGLIGIBLE = 1e-4
/** By how much the decrement must fall from step to step; else the curvature has changed too much. */
const LEAST_FALL = 4

/**
 * The parameters of a model that has not seen some of the rows, from the model that has seen all: the curvature and
 * gradient of the rest are those of all rows less those of the rows left out, so that Newton's step needs no pass
 * over the rest. Its error is of the order of its square; where that is not negligible, further steps follow with the
 * same curvature, and where these do not converge at once, a fit of its own.
 * @param fitted to all rows of the objective
 */
export async function refitWithout(
  objective: Objective,
  left: Range,
  fitted: Fit,
  pacer: Pacer,
): Promise<Float64Array> {
  const rest: Objective = {
    ...objective,
    ranges: objective.ranges.flatMap(({start, end}) => [
      {start, end: Math.max(start, Math.min(end, left.start))},
      {start: Math.min(end, Math.max(start, left.end)), end},
    ]),
  }
  const {curvature} = fitted
  const ownFit = async (): Promise<Float64Array> => (await fit(rest, fitted.parameters, pacer)).parameters
  if (curvature?.evaluation.hessian === undefined) return ownFit()
  const removed = await sumUp({...objective, ranges: [left]}, curvature.parameters, true, pacer)
  const gradientOfAll = curvature.evaluation.gradient
  const hessian = moved(curvature.evaluation.hessian, removed.hessian ?? new Float64Array(0), -1)
  const factor = await Cholesky.factor(pinned({...removed, hessian}, objective), gradientOfAll.length, pacer)
  const weight = weightOfRows(hessian, objective)
  let gradient = moved(gradientOfAll, removed.gradient, -1)
  let {parameters} = curvature
  let before = Infinity
  for (;;) {
    const step = factor.solve(gradient).map((value) => -value)
    const decrement = -dot(step, gradient)
    if (!(decrement * LEAST_FALL <= before)) return ownFit()
    parameters = moved(parameters, step, 1)
    const length = Math.sqrt(decrement / weight)
    // What a step leaves is its share of what the step before left; the first leaves about its square.
    const share = before === Infinity ? length : Math.sqrt(decrement / before)
    if (length * share <= NEGLIGIBLE) return parameters
    before = decrement
    gradient = (await evaluate(rest, parameters, false, pacer)).gradient
  }
}

/** Sum over the rows of the weights p (1 - p): the curvature along the intercepts. */
function weightOfRows(hessian: Float64Array, {design, outputs}: Objective): number {
  const size = outputs * (design.columns + 1)
  let sum = 0
  for (let at = 0; at < size; at++) if (!isPenalized({design}, at)) sum += hessian[at * size + at] ?? 0
  return sum
}
