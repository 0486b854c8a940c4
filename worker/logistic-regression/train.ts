import {Design} from './design.ts'
import {type Fit, fit} from './fit.ts'
import type {FoldedRows} from './folds.ts'
import type {Label} from './label.ts'
import {type Objective, outputsFor} from './objective.ts'
import type {Pacer} from './pacer.ts'
import {type Layout, type Preprocessing, fitPreprocessing} from './preprocessing.ts'
import {codesAt} from './rows.ts'
import type {Transform} from './transforms.ts'

/** Preprocessing and parameters, learned from the same rows. */
export interface TrainedModel {
  preprocessing: Preprocessing
  /** The rows it was learned from, encoded. */
  objective: Objective
  fit: Fit
}

/**
 * Learns a model from labelled rows.
 * @param transforms per column of numbers
 * @param start parameters of a model that is likely to be near
 */
export async function train(
  layout: Layout,
  label: Label,
  {rows, neverHeldOut, folds}: FoldedRows,
  transforms: readonly Transform[],
  start: Float64Array | undefined,
  pacer: Pacer,
): Promise<TrainedModel> {
  const preprocessing = await fitPreprocessing(layout, rows, pacer, transforms)
  const design = new Design(layout, preprocessing, rows)
  await design.keep(pacer)
  const objective: Objective = {
    design,
    classes: codesAt(label.codes, rows),
    outputs: outputsFor(label.classes.length),
    // By fold, since the curvature of each is needed to refit without it.
    ranges: [neverHeldOut, ...folds].filter((range) => range.start < range.end),
  }
  return {preprocessing, objective, fit: await fit(objective, start, pacer)}
}
