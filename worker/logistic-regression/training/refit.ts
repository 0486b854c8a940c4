import type {Pacer} from '../pacer.ts'
import {Cholesky} from '../solver/cholesky.ts'
import {fit} from '../solver/fit.ts'
import {fitByLbfgs} from '../solver/lbfgs.ts'
import type {Fit} from '../solver/minimum.ts'
import {pinned} from '../solver/newton.ts'
import {type Objective, type Range, isPenalized, sumUp} from '../solver/objective.ts'
import {dot, moved} from '../solver/vectors.ts'
import {handOn, reserveMatrix} from '../kept-memory.ts'

/**
 * Error of the log odds (root of the weighted mean square) from which on a refit is as good as exact: of no row they
 * were then seen to be more than 3e-4 off.
 */
const NEGLIGIBLE = 1e-4
/** The same measure of a step beyond which its end may be further off than its beginning. */
const LONG_STEP = 0.3
const MOST_STEPS = 100

/**
 * The parameters of a model that has not seen some of the rows, from the model that has seen all: the curvature and
 * gradient of the rest are those of all rows less those of the rows left out, so that Newton's step needs no pass
 * over the rest. Its error is of the order of its square; where that is not negligible, L-BFGS continues from there in
 * passes that need no other Hessian.
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
    ranges: objective.ranges
      .flatMap(({start, end}) => [
        {start, end: Math.min(end, left.start)},
        {start: Math.max(start, left.end), end},
      ])
      .filter(({start, end}) => start < end),
  }
  const {curvature} = fitted
  const all = curvature?.evaluation.hessian
  if (curvature === undefined || all === undefined) return (await fit(rest, fitted, pacer)).parameters
  const {parameters, evaluation} = curvature
  const place = objective.ranges.findIndex(({start, end}) => start === left.start && end === left.end)
  const removed =
    evaluation.parts[place] ?? (await sumUp({...objective, ranges: [left]}, parameters, true, pacer))
  const hessian = moved(all, removed.hessian ?? new Float64Array(0), -1, reserveMatrix(all.length))
  const factor = await Cholesky.factor(pinned({...removed, hessian}, objective), parameters.length, pacer)
  const gradient = moved(evaluation.gradient, removed.gradient, -1)
  const step = factor.solve(gradient)
  const weight = weightOfRows(hessian, objective)
  handOn(hessian)
  const square = dot(step, gradient) / weight
  const after = moved(parameters, step, -1)
  if (square <= NEGLIGIBLE) {
    factor.handOn()
    return after
  }
  const loss = evaluation.loss - removed.loss
  const tolerance = (NEGLIGIBLE * NEGLIGIBLE * weight) / 2 / (1 + loss)
  // A long step may have gone too far.
  const isLong = square >= LONG_STEP ** 2
  const metric = {
    factor,
    tolerance,
    mostIterations: MOST_STEPS,
    ...(isLong ? {} : {gainBefore: (square * weight) / 2}),
  }
  const found = await fitByLbfgs(rest, isLong ? parameters : after, metric, pacer)
  factor.handOn()
  return found.parameters
}

/** Sum over the rows of the weights p (1 - p): the curvature along the intercepts. */
function weightOfRows(hessian: Float64Array, {design, outputs}: Objective): number {
  const size = outputs * (design.columns + 1)
  let sum = 0
  for (let at = 0; at < size; at++) if (!isPenalized({design}, at)) sum += hessian[at * size + at] ?? 0
  return sum
}
