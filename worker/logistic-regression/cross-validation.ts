import {Design} from './design.ts'
import {dealFolds} from './folds.ts'
import type {Label} from './label.ts'
import {type Predictions, predict} from './model.ts'
import type {Pacer} from './pacer.ts'
import type {Layout} from './preprocessing.ts'
import {train} from './train.ts'

export interface CrossValidation {
  /** 0 where no class has two rows. */
  folds: number
  /** Labelled rows that were held out once. */
  heldOut: Uint32Array
  /** Labelled rows that were never held out. */
  neverHeldOut: Uint32Array
}

/**
 * Predicts each labelled row by a model that has not seen it, preprocessing included.
 * @param labelled indexes of the labelled rows
 * @param start parameters of the model of all rows: each fold's optimum is near them
 * @param into receives the predictions of the rows that were held out
 */
export async function crossValidate(
  layout: Layout,
  label: Label,
  labelled: Uint32Array,
  start: Float64Array,
  into: Predictions,
  pacer: Pacer,
): Promise<CrossValidation> {
  const folds = dealFolds(label.codes, label.classes.length)
  for (let fold = 0; fold < folds.count; fold++) {
    const {preprocessing, fit} = await train(
      layout,
      label,
      labelled.filter((row) => folds.of[row] !== fold),
      start,
      pacer,
    )
    const heldOut = new Design(
      layout,
      preprocessing,
      labelled.filter((row) => folds.of[row] === fold),
    )
    await predict(heldOut, fit.parameters, label.classes.length, into, pacer)
  }
  return {
    folds: folds.count,
    heldOut: labelled.filter((row) => folds.of[row] !== -1),
    neverHeldOut: labelled.filter((row) => folds.of[row] === -1),
  }
}
