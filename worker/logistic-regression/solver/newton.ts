import type {Pacer} from '../pacer.ts'
import {Cholesky} from './cholesky.ts'
import type {Fit} from './minimum.ts'
import {type Evaluation, type Objective, type PenalizedEvaluation} from './objective.ts'
import {evaluate, handOnEvaluation} from './evaluate.ts'
import {dot, moved} from './vectors.ts'

const MOST_ITERATIONS = 100
const MOST_HALVINGS = 40
/**
 * Share of the loss that the last step may have to gain. What it leaves is of the order of its square: log odds that
 * are 1e-6 off before it are 1e-12 off after it.
 */
export const EXACT = 1e-12
const SUFFICIENT_DECREASE = 1e-4

/**
 * Newton's method with a line search: quadratic convergence, so the last step is far below 1e-6.
 * @param start is not changed
 * @param tolerance the share of the loss that is left to gain when it ends
 * @param known the start's evaluation, with a Hessian, if there is one
 */
export async function fitByNewton(
  objective: Objective,
  start: Float64Array,
  tolerance: number,
  pacer: Pacer,
  known?: PenalizedEvaluation,
): Promise<Fit> {
  let parameters = start
  let current = known ?? (await evaluate(objective, parameters, true, pacer))
  for (let iteration = 1; ; iteration++) {
    const factor = await Cholesky.factor(pinned(current, objective), parameters.length, pacer)
    const step = factor.solve(current.gradient).map((value) => -value)
    const slope = dot(step, current.gradient)
    if (-slope / 2 <= tolerance * (1 + current.loss)) {
      // The step costs nothing more and removes the error that the tolerance leaves.
      return {
        parameters: moved(parameters, step, 1),
        loss: current.loss,
        iterations: iteration,
        converged: true,
        precision: factor,
        curvature: {parameters, evaluation: current},
      }
    }
    const next = await descend(objective, parameters, step, current.loss, slope, pacer)
    if (next === undefined || iteration === MOST_ITERATIONS) {
      // No decrease that doubles can show: at the optimum as far as rounding lets one see.
      const converged = next === undefined && -slope <= 1e-8 * (1 + current.loss)
      return {
        parameters,
        loss: current.loss,
        iterations: iteration,
        converged,
        precision: factor,
        curvature: {parameters, evaluation: current},
      }
    }
    factor.handOn()
    if (current !== known) handOnEvaluation(current)
    parameters = next.parameters
    current = next.evaluation
  }
}

async function descend(
  objective: Objective,
  from: Float64Array,
  step: Float64Array,
  loss: number,
  slope: number,
  pacer: Pacer,
): Promise<{parameters: Float64Array; evaluation: PenalizedEvaluation} | undefined> {
  for (let halving = 0, length = 1; halving < MOST_HALVINGS; halving++, length /= 2) {
    const parameters = moved(from, step, length)
    // The whole step nearly always succeeds, and then its Hessian is needed.
    const withHessian = halving === 0
    const evaluation = await evaluate(objective, parameters, withHessian, pacer)
    if (evaluation.loss <= loss + SUFFICIENT_DECREASE * length * slope) {
      return {
        parameters,
        evaluation: withHessian ? evaluation : await evaluate(objective, parameters, true, pacer),
      }
    }
  }
  return undefined
}

/**
 * The Hessian, with the one direction pinned that leaves all probabilities unchanged: an equal shift of every
 * intercept if there is one per class. The gradient has no part in it, so the step does not change.
 * @returns a copy if there is something to pin
 */
export function pinned(
  {hessian}: Evaluation,
  {outputs, design}: Pick<Objective, 'outputs' | 'design'>,
): Float64Array {
  if (hessian === undefined) throw new Error('The Hessian was not requested')
  if (outputs === 1) return hessian
  const matrix = hessian.slice()
  const size = design.columns + 1
  const all = outputs * size
  for (let k = 0; k < outputs; k++) {
    for (let l = 0; l < outputs; l++) {
      const at = (k * size + size - 1) * all + l * size + size - 1
      matrix[at] = (matrix[at] ?? 0) + 1
    }
  }
  return matrix
}
