/** What `ml-logistic-regression` does with an objective: so many steps of gradient descent, of one length. */
export interface GradientDescent {
  numSteps: number
  /** Of a step, per unit of the gradient's sum over the rows. */
  learningRate: number
}

/** Those of the package. */
const DEFAULTS: GradientDescent = {numSteps: 50_000, learningRate: 5e-4}

/** The training's settings: the package's own where none are given. */
export function gradientDescent({numSteps, learningRate}: Partial<GradientDescent>): GradientDescent {
  return {
    numSteps: numSteps ?? DEFAULTS.numSteps,
    learningRate: learningRate ?? DEFAULTS.learningRate,
  }
}
