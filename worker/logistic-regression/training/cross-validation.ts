import type {Layout} from '../encoding/preprocessing.ts'
import type {Transform} from '../encoding/transforms.ts'
import type {Pacer} from '../pacer.ts'
import type {Label} from '../table/label.ts'
import type {FoldedRows} from './folds.ts'
import {type Predictions, predict} from './model.ts'
import {refitWithout} from './refit.ts'
import type {TransformChoice} from './tails.ts'
import {type EncodedRows, type TrainedModel, encodeRows, train} from './train.ts'

/** The rows as the model sees them, and as the folds that are held out do. */
export interface EncodedFolds {
  all: EncodedRows
  halves: {folds: readonly number[]; rows: EncodedRows}[]
}

/** Encodes all rows with the transforms chosen. The memory of the columns is freed. */
export async function encodeFolds(
  layout: Layout,
  label: Label,
  folded: FoldedRows,
  {all: transforms, halves}: TransformChoice,
  pacer: Pacer,
): Promise<EncodedFolds> {
  const others: (EncodedRows | undefined)[] = []
  for (const half of halves) {
    others.push(
      areOfKinds(half.transforms, transforms)
        ? undefined
        : await encodeRows(layout, label, folded, half.transforms, false, pacer),
    )
  }
  const all = await encodeRows(layout, label, folded, transforms, true, pacer)
  return {all, halves: halves.map(({folds}, i) => ({folds, rows: others[i] ?? all}))}
}

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
  folds: readonly FoldedRows['folds'][number][],
  {all, halves}: EncodedFolds,
  trained: TrainedModel,
  classes: number,
  into: Predictions,
  pacer: Pacer,
): Promise<void> {
  for (const {folds: own, rows} of halves) {
    const model =
      rows === all
        ? trained
        : await train(rows, trained.objective, {parameters: trained.fit.parameters}, pacer)
    for (const number of own) {
      const fold = folds[number]
      if (fold === undefined) continue
      const parameters = await refitWithout(model.objective, fold, model.fit, pacer)
      await predict(model.objective.design, fold, parameters, classes, into, pacer)
    }
  }
}

/** Whether transforms are the same: nearly always. The maps themselves are the same for all. */
function areOfKinds(some: readonly Transform[], others: readonly Transform[]): boolean {
  return some.every(({kind}, i) => kind === others[i]?.kind)
}
