import type {Cholesky} from './cholesky.ts'
import {fitByLbfgs} from './lbfgs.ts'
import {fitByNewton} from './newton.ts'
import {type Objective, gradientCost, hessianCost, parametersOf} from './objective.ts'
import type {Pacer} from './pacer.ts'

/** Beyond, the Hessian takes more than 32 MB and its factorization more than a second a step. */
const MOST_PARAMETERS_OF_NEWTON = 2000
/** Multiplications of a pass up to which Newton's method is taken at any rate: half a second. */
const FEW_MULTIPLICATIONS = 5e8
/** Passes without a Hessian that a pass with it may cost: L-BFGS needs about as many more. */
const MOST_GRADIENT_PASSES = 64

/** The minimum of an {@link Objective}. */
export interface Fit {
  /** Per output the weights, then the intercept. */
  parameters: Float64Array
  loss: number
  iterations: number
  converged: boolean
  /** The Hessian at the minimum, factored; undefined where the method makes none. */
  precision: Cholesky | undefined
}

/**
 * Minimizes the loss: by Newton's method, or by L-BFGS where a Hessian would be too large or too slow.
 * @param start parameters to begin at; the result does not depend on them beyond rounding
 */
export async function fit(objective: Objective, start: Float64Array | undefined, pacer: Pacer): Promise<Fit> {
  const from = start ?? startingPoint(objective)
  const found = await (isForNewton(objective) ? fitByNewton : fitByLbfgs)(objective, from, pacer)
  centerIntercepts(found.parameters, objective)
  return found
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
  for (const code of classes) counts[code] = (counts[code] ?? 0) + 1
  if (outputs === 1) {
    parameters[size - 1] = Math.log((counts[1] ?? 1) / (counts[0] ?? 1))
  } else {
    for (let k = 0; k < outputs; k++) parameters[k * size + size - 1] = Math.log(Math.max(1, counts[k] ?? 1))
  }
  return parameters
}

/** Any equal shift of all intercepts gives the same probabilities; the one whose sum is 0 is taken. */
function centerIntercepts(parameters: Float64Array, {design, outputs}: Objective): void {
  if (outputs === 1) return
  const size = design.columns + 1
  let sum = 0
  for (let k = 0; k < outputs; k++) sum += parameters[k * size + size - 1] ?? 0
  for (let k = 0; k < outputs; k++)
    parameters[k * size + size - 1] = (parameters[k * size + size - 1] ?? 0) - sum / outputs
}
