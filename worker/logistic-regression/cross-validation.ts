import type {FoldedRows} from './folds.ts'
import type {Label} from './label.ts'
import {type Predictions, predict} from './model.ts'
import type {Pacer} from './pacer.ts'
import type {Layout} from './preprocessing.ts'
import {refitWithout} from './refit.ts'
import {chooseTransforms} from './tails.ts'
import {type TrainedModel, train} from './train.ts'

/**
 * Predicts each labelled row by a model that has not seen it.
 *
 * What looks at labels is done without the fold that is judged: the parameters, and the choice of transforms, which
 * half of the folds makes for the other half. Medians, quantiles, means and deviations look at none, and are those
 * of all labelled rows: so that all folds share one design matrix, and a fold's parameters are a step from the
 * model's own ({@link refitWithout}).
 * @param trained on all labelled rows, in the order of their folds
 * @param into receives the predictions of the rows that were held out
 */
export async function crossValidate(
  layout: Layout,
  label: Label,
  folded: FoldedRows,
  trained: TrainedModel,
  into: Predictions,
  pacer: Pacer,
): Promise<void> {
  const {rows, folds} = folded
  const half = Math.ceil(folds.length / 2)
  for (const some of [folds.slice(0, half), folds.slice(half)]) {
    const [first, last] = [some.at(0), some.at(-1)]
    if (first === undefined || last === undefined) continue
    const others = rows.filter((_, i) => i < first.start || i >= last.end)
    const model = await modelOfChoice(layout, label, folded, others, trained, pacer)
    for (const fold of some) {
      const parameters = await refitWithout(model.objective, fold, model.fit, pacer)
      await predict(model.objective.design, fold, parameters, label.classes.length, into, pacer)
    }
  }
}

/** The model with those transforms that some of the rows choose: nearly always the one that is there. */
async function modelOfChoice(
  layout: Layout,
  label: Label,
  folded: FoldedRows,
  choosing: Uint32Array,
  trained: TrainedModel,
  pacer: Pacer,
): Promise<TrainedModel> {
  const transforms = await chooseTransforms(layout.choice.numbers, label, choosing, pacer)
  const {numbers} = trained.preprocessing
  const isSame = transforms.every(({kind}, i) => kind === numbers[i]?.transform.kind)
  return isSame ? trained : train(layout, label, folded, transforms, trained.fit.parameters, pacer)
}
