import type {LogisticRegressionJson} from 'ml-logistic-regression'
import type {ModelOptions} from '../../model-options.ts'
import type {Layout, Preprocessing} from '../encoding/preprocessing.ts'
import type {Pacer} from '../pacer.ts'
import {handOnEvaluation} from '../solver/evaluate.ts'
import type {Fit} from '../solver/minimum.ts'
import type {Label} from '../table/label.ts'
import type {FoldedRows} from './folds.ts'
import {proveLoadable} from './loadable.ts'
import {type Predictions, classWeights, predict, toModel} from './model.ts'
import {trainAndValidate} from './penalty.ts'
import type {TransformChoice} from './tails.ts'

/** What remains of a training. */
export interface Learned {
  preprocessing: Preprocessing
  fit: Fit
  /** 1 / C. */
  penalty: number
  model: LogisticRegressionJson
}

/**
 * Trains a model and predicts all rows: held-out ones by models that did not learn from them. Neither the columns nor
 * the design matrix are kept: a large file is written in memory that they took.
 * @param into receives the predictions
 */
export async function learn(
  layout: Layout,
  label: Label,
  folded: FoldedRows,
  transforms: TransformChoice,
  options: ModelOptions,
  into: Predictions,
  pacer: Pacer,
): Promise<Learned> {
  const classes = label.classes.length
  const {preprocessing, objective, fit} = await trainAndValidate(
    layout,
    label,
    folded,
    transforms,
    options,
    into,
    pacer,
  )
  const {design, penalty, gradientDescent} = objective
  for (const range of [folded.neverHeldOut, folded.unlabelled])
    await predict(design, range, fit.parameters, classes, into, pacer)
  const model = toModel(classWeights(fit.parameters, classes), gradientDescent)
  await proveLoadable(model, design, fit.parameters)
  design.free()
  if (fit.curvature !== undefined) handOnEvaluation(fit.curvature.evaluation)
  return {preprocessing, fit: {...fit, curvature: undefined}, penalty, model}
}
