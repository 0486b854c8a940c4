import type {Layout} from '../encoding/preprocessing.ts'
import type {Transform} from '../encoding/transforms.ts'
import type {Pacer} from '../pacer.ts'
import type {Label} from '../table/label.ts'
import type {FoldedRows} from './folds.ts'
import {type Predictions, predict} from './model.ts'
import {refitWithout} from './refit.ts'
import type {TransformChoice} from './tails.ts'
import {type TrainedModel, train} from './train.ts'

/**
 * Predicts each labelled row with a model that has not seen it.
 *
 * Anything that uses labels excludes the held-out fold: the parameters, and the choice of transforms, which half of
 * the folds makes for the other half. Medians, quantiles, means and deviations use no labels, and come from all
 * labelled rows: so that all folds share one design matrix, and a fold's parameters are a step from the model's own
 * ({@link refitWithout}).
 * @param trained on all labelled rows, in the order of their folds
 * @param into receives the predictions of the rows that were held out
 */
export async function crossValidate(
  layout: Layout,
  label: Label,
  folded: FoldedRows,
  {halves}: TransformChoice,
  trained: TrainedModel,
  into: Predictions,
  pacer: Pacer,
): Promise<void> {
  for (const {folds, transforms} of halves) {
    const model = isOfKinds(trained, transforms)
      ? trained
      : await train(
          layout,
          label,
          folded,
          transforms,
          trained.objective.penalty,
          trained.fit.parameters,
          pacer,
        )
    for (const number of folds) {
      const fold = folded.folds[number]
      if (fold === undefined) continue
      const parameters = await refitWithout(model.objective, fold, model.fit, pacer)
      await predict(model.objective.design, fold, parameters, label.classes.length, into, pacer)
    }
  }
}

/** Whether a model has these transforms: nearly always. The maps themselves are the same for all. */
function isOfKinds({preprocessing}: TrainedModel, transforms: readonly Transform[]): boolean {
  return transforms.every(({kind}, i) => kind === preprocessing.numbers[i]?.transform.kind)
}
