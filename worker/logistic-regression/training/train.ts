import {Design} from '../encoding/design.ts'
import {type Layout, type Preprocessing, fitPreprocessing} from '../encoding/preprocessing.ts'
import type {Transform} from '../encoding/transforms.ts'
import type {Pacer} from '../pacer.ts'
import {shareDesign} from '../solver/evaluate.ts'
import {type Start, fit} from '../solver/fit.ts'
import type {Fit} from '../solver/minimum.ts'
import {type Objective, outputsFor} from '../solver/objective.ts'
import type {Label} from '../table/label.ts'
import {codesAt} from '../table/rows.ts'
import type {FoldedRows} from './folds.ts'

/** All rows of a file, encoded as the labelled ones among them suggest. */
export interface EncodedRows {
  preprocessing: Preprocessing
  objective: Omit<Objective, 'penalty'>
}

/** Preprocessing and parameters, learned from the same rows. */
export interface TrainedModel {
  preprocessing: Preprocessing
  /** The rows it was learned from, encoded. */
  objective: Objective
  fit: Fit
}

/** What to minimize, and how. */
export type Method = Pick<Objective, 'penalty' | 'rowWeights' | 'gradientDescent'>

/**
 * Encodes all rows to learn from and to predict.
 * @param transforms per column of numbers
 * @param isLast nothing reads the columns afterwards, so that their memory is freed on the way
 */
export async function encodeRows(
  layout: Layout,
  label: Label,
  {rows, labelled, neverHeldOut, folds, unlabelled}: FoldedRows,
  transforms: readonly Transform[],
  isLast: boolean,
  pacer: Pacer,
): Promise<EncodedRows> {
  const learned = rows.subarray(0, unlabelled.start)
  const preprocessing = await fitPreprocessing(layout, learned, pacer, transforms, labelled)
  const {helpers} = pacer
  // What half of the folds would choose predicts labelled rows only.
  const design = new Design(layout, preprocessing, isLast ? rows : learned, helpers > 0)
  await design.keep(learned.length, isLast, pacer)
  const outputs = outputsFor(label.classes.length)
  const classes = codesAt(label.codes, learned)
  const shared = helpers > 0 ? sharedCopy(classes) : classes
  await pacer.pause()
  return {
    preprocessing,
    objective: {
      design,
      classes: shared,
      outputs,
      shared: shareDesign(design, outputs, learned.length, helpers),
      // By fold, since the curvature of each is needed to refit without it.
      ranges: [neverHeldOut, ...folds].filter((range) => range.start < range.end),
    },
  }
}

/**
 * Learns a model from labelled rows.
 * @param how the penalty, 1 / C, and what a row of each class counts, and the solver
 * @param start a model that is likely close
 */
export async function train(
  {preprocessing, objective: rows}: EncodedRows,
  {penalty, rowWeights, gradientDescent}: Method,
  start: Start | undefined,
  pacer: Pacer,
): Promise<TrainedModel> {
  const objective: Objective = {...rows, penalty, rowWeights, gradientDescent}
  return {preprocessing, objective, fit: await fit(objective, start, pacer)}
}

function sharedCopy(numbers: Int32Array): Int32Array {
  const copy = new Int32Array(new SharedArrayBuffer(numbers.byteLength))
  copy.set(numbers)
  return copy
}
