import type {ModelOptions} from '../../model-options.ts'
import type {Layout} from '../encoding/preprocessing.ts'
import type {Pacer} from '../pacer.ts'
import type {Label} from '../table/label.ts'
import {crossValidate, encodeFolds} from './cross-validation.ts'
import type {FoldedRows} from './folds.ts'
import type {Predictions} from './model.ts'
import type {TransformChoice} from './tails.ts'
import {gradientDescent} from '../solver/gradient-descent.ts'
import type {Start} from '../solver/fit.ts'
import {evaluatedWith} from '../solver/evaluate.ts'
import {withVariance} from '../solver/variance.ts'
import {type Method, type TrainedModel, train} from './train.ts'

/** Values of C that `auto` tries, from the strongest penalty to the weakest. */
const PATH = [0.001, 0.01, 0.1, 1, 10, 100, 1000]

/**
 * Trains a model and predicts the held-out rows, with the given C (by default 1) or the one of {@link PATH} whose loss on held-out rows
 * is the lowest. The memory of the columns is freed.
 * @param into receives the predictions of the held-out rows
 */
export async function trainAndValidate(
  layout: Layout,
  label: Label,
  folded: FoldedRows,
  transforms: TransformChoice,
  options: ModelOptions,
  into: Predictions,
  pacer: Pacer,
): Promise<TrainedModel> {
  const rows = await encodeFolds(layout, label, folded, transforms, pacer)
  const {C = 1} = options
  const balanced = options.classWeight === 'balanced'
  const rowWeights = balanced ? balancedWeights(label.codes, label.classes.length) : undefined
  const at = async (one: number, start: Start | undefined): Promise<TrainedModel> => {
    const how: Method =
      options.solver === 'ml-logistic-regression'
        ? {penalty: 0, gradientDescent: gradientDescent(options)}
        : {penalty: 1 / one, rowWeights}
    const trained = await train(rows.all, how, start, pacer)
    await crossValidate(folded.folds, rows, trained, label.classes.length, into, pacer)
    return trained
  }
  // Only the variances of the model itself are reported.
  const reported = async ({objective, fit, ...model}: TrainedModel): Promise<TrainedModel> => ({
    ...model,
    objective,
    fit: await withVariance(fit, objective, pacer),
  })
  if (C !== 'auto') return reported(await at(C, undefined))
  let best = {C: 1, loss: Infinity}
  let last: TrainedModel | undefined
  for (const one of folded.folds.length === 0 ? [] : PATH) {
    last = await at(one, last && startFrom(last, 1 / one))
    const loss = lossOf(folded, label, into, rowWeights)
    if (loss < best.loss) best = {C: one, loss}
  }
  return reported(await at(best.C, undefined))
}

/** Where a model was last evaluated, as its loss is there with another penalty. */
function startFrom({fit, objective}: TrainedModel, penalty: number): Start {
  const {parameters, curvature} = fit
  if (curvature === undefined) return {parameters}
  const {parameters: near, evaluation} = curvature
  return {parameters: near, evaluation: evaluatedWith(penalty, evaluation, near, objective)}
}

/** What a row of each class counts, so that all classes count alike and the rows as many as they are: as scikit-learn does. */
function balancedWeights(codes: Int32Array, classes: number): Float64Array {
  const counts = new Float64Array(classes)
  let rows = 0
  for (const code of codes) {
    if (code < 0) continue
    counts[code] = (counts[code] ?? 0) + 1
    rows++
  }
  return counts.map((count) => rows / (classes * count))
}

/** Mean log loss of the held-out rows. @param rowWeights what a row of each class counts, as in training */
function lossOf(
  {rows, neverHeldOut, unlabelled}: FoldedRows,
  {codes, classes}: Label,
  {probabilities}: Predictions,
  rowWeights: Float64Array | undefined,
): number {
  let [sum, weights] = [0, 0]
  for (let i = neverHeldOut.end; i < unlabelled.start; i++) {
    const row = rows[i] ?? 0
    const code = codes[row] ?? 0
    const weight = rowWeights?.[code] ?? 1
    const own = probabilities[row * classes.length + code] ?? 0
    sum -= weight * Math.log(Math.max(own, Number.EPSILON))
    weights += weight
  }
  return sum / weights
}
