import {Design} from '../encoding/design.ts'
import {type Layout, type Preprocessing, fitPreprocessing} from '../encoding/preprocessing.ts'
import type {Transform} from '../encoding/transforms.ts'
import type {Pacer} from '../pacer.ts'
import {fit} from '../solver/fit.ts'
import type {Fit} from '../solver/minimum.ts'
import {type Objective, outputsFor} from '../solver/objective.ts'
import type {Label} from '../table/label.ts'
import {codesAt} from '../table/rows.ts'
import type {FoldedRows} from './folds.ts'

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
 * @param penalty 1 / C
 * @param start parameters of a model that is likely close
 */
export async function train(
  layout: Layout,
  label: Label,
  {rows, neverHeldOut, folds}: FoldedRows,
  transforms: readonly Transform[],
  penalty: number,
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
    penalty,
    // By fold, since the curvature of each is needed to refit without it.
    ranges: [neverHeldOut, ...folds].filter((range) => range.start < range.end),
  }
  return {preprocessing, objective, fit: await fit(objective, start, pacer)}
}
