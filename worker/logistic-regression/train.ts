import {Design} from './design.ts'
import {type Fit, fit} from './fit.ts'
import type {Label} from './label.ts'
import {outputsFor} from './objective.ts'
import type {Pacer} from './pacer.ts'
import {type Layout, type Preprocessing, fitPreprocessing} from './preprocessing.ts'
import {chooseTransforms} from './tails.ts'

/** Preprocessing and parameters, learned from the same rows. */
export interface TrainedModel {
  preprocessing: Preprocessing
  fit: Fit
}

/**
 * Learns a model from some of the labelled rows: transforms, preprocessing and parameters.
 * @param start parameters of a model of the same layout to begin at
 */
export async function train(
  layout: Layout,
  label: Label,
  rows: Uint32Array,
  start: Float64Array | undefined,
  pacer: Pacer,
): Promise<TrainedModel> {
  const transforms = await chooseTransforms(layout.choice.numbers, label, rows, pacer)
  const preprocessing = await fitPreprocessing(layout, rows, pacer, transforms)
  const design = new Design(layout, preprocessing, rows)
  const classes = Int32Array.from(rows, (row) => label.codes[row] ?? 0)
  return {
    preprocessing,
    fit: await fit({design, classes, outputs: outputsFor(label.classes.length)}, start, pacer),
  }
}
