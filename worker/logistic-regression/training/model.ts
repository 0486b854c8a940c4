import type {LogisticRegressionJson} from 'ml-logistic-regression'
import type {Design} from '../encoding/design.ts'
import type {Preprocessing} from '../encoding/preprocessing.ts'
import type {Pacer} from '../pacer.ts'
import type {Distribution} from '../table/distribution.ts'
import type {GradientDescent} from '../solver/gradient-descent.ts'
import {type Range, outputsFor, softmaxInPlace} from '../solver/objective.ts'
import {Pass} from '../solver/pass.ts'

/** Content of `model.json`: everything needed to predict rows of another file. */
export interface Artifact {
  format: 'cloud-runner/logistic-regression'
  version: 1
  label: string
  classes: string[]
  /** Probability of the second of two classes from which a row is predicted as it; without it, 0.5. */
  threshold?: number
  /** Of the rows it learned from; none in older models. */
  distributions?: Distribution[]
  preprocessing: Preprocessing
  /**
   * As `ml-logistic-regression` loads it. Its classifiers score "not this class", so the softmax weights are negated
   * there; the last weight is the intercept, for a column of ones at the end of the design matrix.
   */
  model: LogisticRegressionJson
}

/** Softmax weights, one row a class: the columns of the design matrix, then the intercept. */
export type ClassWeights = Float64Array[]

/**
 * The weights as a softmax over all classes. The log odds of two classes are halved between them: that gives the
 * same probabilities.
 */
export function classWeights(parameters: Float64Array, classes: number): ClassWeights {
  if (outputsFor(classes) === 1)
    return [parameters.map((value) => -value / 2), parameters.map((value) => value / 2)]
  const size = parameters.length / classes
  return Array.from({length: classes}, (_, k) => parameters.slice(k * size, (k + 1) * size))
}

/**
 * The weights in the form of `ml-logistic-regression`.
 * @param trainedBy of its own training, otherwise 0: what it would train with is unused
 */
export function toModel(
  weights: ClassWeights,
  trainedBy: GradientDescent = {numSteps: 0, learningRate: 0},
): LogisticRegressionJson {
  return {
    name: 'LogisticRegression',
    ...trainedBy,
    numberClasses: weights.length,
    classifiers: weights.map((row) => ({
      ...trainedBy,
      weights: [Array.from(row, (value) => -value)],
    })),
  }
}

/** Where predictions go, by row of the file. */
export interface Predictions {
  /** Index of the predicted class. */
  labels: Int16Array
  /** Row-major, rows x classes. */
  probabilities: Float64Array
}

/** @param isShared with another thread, which then needs no copy */
export function reservePredictions(rows: number, classes: number, isShared: boolean): Predictions {
  const Buffer = isShared ? SharedArrayBuffer : ArrayBuffer
  return {
    labels: new Int16Array(new Buffer(rows * 2)),
    probabilities: new Float64Array(new Buffer(rows * classes * 8)),
  }
}

/**
 * Predicts rows of a design. The labels are those that `ml-logistic-regression` gives, of the highest score and of
 * equal ones the first; the probabilities are ours alone, since its interface has none.
 */
export async function predict(
  design: Design,
  {start: first, end}: Range,
  parameters: Float64Array,
  classes: number,
  into: Predictions,
  pacer: Pacer,
): Promise<void> {
  const pass = new Pass(design, outputsFor(classes), parameters)
  for (let start = first; start < end; start += design.blockRows) {
    predictBlock(design, {start, end}, pass, classes, into)
    if (pacer.due) await pacer.pause()
  }
}

/** Predicts the first rows of a range, as many as a block has. */
export function predictBlock(
  design: Design,
  {start, end}: Range,
  pass: Pass,
  classes: number,
  into: Predictions,
): void {
  const outputs = outputsFor(classes)
  const count = design.encode(start, end)
  const scores = pass.score(count)
  const rows = design.rows.subarray(start, start + count)
  if (outputs === 1) writeTwo(rows, scores, pass.probabilitiesOfTwo(count), into)
  else writeMany(rows, scores, outputs, into)
}

function writeTwo(
  rows: Uint32Array,
  odds: Float64Array,
  [ofFirst, ofSecond]: readonly [Float64Array, Float64Array],
  {labels, probabilities}: Predictions,
): void {
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] ?? 0
    labels[row] = Number((odds[i] ?? 0) > 0)
    probabilities[2 * row] = ofFirst[i] ?? 0
    probabilities[2 * row + 1] = ofSecond[i] ?? 0
  }
}

function writeMany(
  rows: Uint32Array,
  scores: Float64Array,
  outputs: number,
  {labels, probabilities}: Predictions,
): void {
  for (let i = 0, at = 0; i < rows.length; i++, at += outputs) {
    const row = rows[i] ?? 0
    labels[row] = highest(scores, at, outputs)
    softmaxInPlace(scores, at, outputs)
    probabilities.set(scores.subarray(at, at + outputs), row * outputs)
  }
}

/** Index of the highest of `count` scores from `at` on; of equal ones the first. */
function highest(scores: Float64Array, at: number, count: number): number {
  let best = 0
  for (let k = 1; k < count; k++) if ((scores[at + k] ?? 0) > (scores[at + best] ?? 0)) best = k
  return best
}
