import type {Cholesky} from './cholesky.ts'
import type {PenalizedEvaluation} from './objective.ts'

/** The minimum of an {@link Objective}. */
export interface Fit {
  /** Per output the weights, then the intercept. */
  parameters: Float64Array
  loss: number
  iterations: number
  converged: boolean
  /** The Hessian at the minimum, factored; undefined if the method computes none. */
  precision: Cholesky | undefined
  /** Where the Hessian was last computed, within one negligible step of the minimum. */
  curvature: {parameters: Float64Array; evaluation: PenalizedEvaluation} | undefined
}
