import type {PenalizedEvaluation} from './objective.ts'

/** The minimum of an {@link Objective}. */
export interface Fit {
  /** Per output the weights, then the intercept. */
  parameters: Float64Array
  loss: number
  iterations: number
  converged: boolean
  /**
   * The variance v^T Cov v of a combination v of the parameters; undefined if the method computes no Hessian. With equal
   * weights, the covariance is the inverse of the Hessian at the minimum.
   */
  precision: {variance(v: Float64Array): number} | undefined
  /** Where the Hessian was last computed, within one negligible step of the minimum. */
  curvature: {parameters: Float64Array; evaluation: PenalizedEvaluation} | undefined
}
