import type {LogisticRegressionJson} from 'ml-logistic-regression'
import type {Design} from '../encoding/design.ts'
import {denseRows} from '../solver/library.ts'
import {Pass} from '../solver/pass.ts'
import {outputsFor} from '../solver/objective.ts'

/** Scores that are nearer to each other, relative to the larger one, count as equal: products are summed in another order. */
const ROUNDING = 1e-9
/** Scores beyond this are all the same to the package: their exponentials are no doubles. */
const FARTHEST = 700

/**
 * Has `ml-logistic-regression` load a model and predict the first row of its training, before anyone receives it.
 * @throws Error if it predicts another class
 */
export async function proveLoadable(
  model: LogisticRegressionJson,
  design: Design,
  parameters: Float64Array,
): Promise<void> {
  const classes = model.numberClasses
  // When it is first needed, since ml-matrix takes as long to load as a small file to process.
  const [{default: LogisticRegression}, {Matrix}] = await Promise.all([
    import('ml-logistic-regression'),
    import('ml-matrix'),
  ])
  const [predicted = -1] = LogisticRegression.load(model).predict(new Matrix(denseRows(design, 0, 1)))
  const outputs = outputsFor(classes)
  const pass = new Pass(design, outputs, parameters)
  const own = pass.score(design.encode(0, 1))
  const scores =
    outputs === 1 ? [-(own[0] ?? 0) / 2, (own[0] ?? 0) / 2] : Array.from(own.subarray(0, outputs))
  const highest = Math.max(...scores)
  const near = ROUNDING * (1 + Math.abs(highest))
  if (Math.abs(highest) < FARTHEST && !((scores[predicted] ?? -Infinity) >= highest - near))
    throw new Error(
      `ml-logistic-regression predicts class ${predicted} by the model, which scores ${scores.join(', ')}.`,
    )
}
