import LogisticRegression, {type LogisticRegressionJson} from 'ml-logistic-regression'
import {WrapperMatrix1D} from 'ml-matrix'
import type {Design} from './design.ts'
import {linearPredictors, outputsFor, softmaxInPlace} from './objective.ts'
import type {Pacer} from './pacer.ts'
import type {Preprocessing} from './preprocessing.ts'

/** Content of `model.json`: all that is needed to predict rows of another file. */
export interface Artifact {
  format: 'cloud-runner/logistic-regression'
  version: 1
  label: string
  classes: string[]
  preprocessing: Preprocessing
  /**
   * As `ml-logistic-regression` loads it. Its classifiers score "not this class", so the softmax weights stand
   * there negated; the last weight is the intercept, for a column of ones at the end of the design matrix.
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

/** The weights in the form of `ml-logistic-regression`. The number of steps and the rate are its training's: unused. */
export function toModel(weights: ClassWeights): LogisticRegressionJson {
  return {
    name: 'LogisticRegression',
    numSteps: 0,
    learningRate: 0,
    numberClasses: weights.length,
    classifiers: weights.map((row) => ({
      numSteps: 0,
      learningRate: 0,
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

/**
 * Predicts the rows of a design: the label by `ml-logistic-regression`, the probabilities by ourselves, since its
 * interface has none.
 */
export async function predict(
  design: Design,
  parameters: Float64Array,
  classes: number,
  into: Predictions,
  pacer: Pacer,
): Promise<void> {
  const outputs = outputsFor(classes)
  const model = LogisticRegression.load(toModel(classWeights(parameters, classes)))
  const scores = new Float64Array(design.blockRows * outputs)
  for (let start = 0; start < design.rows.length; start += design.blockRows) {
    const count = design.encode(start)
    linearPredictors(design, parameters, outputs, count, scores)
    const labels = model.predict(denseBlock(design, count))
    for (let i = 0; i < count; i++) {
      const row = design.rows[start + i] ?? 0
      into.labels[row] = labels[i] ?? 0
      writeProbabilities(scores, i, outputs, into.probabilities, row * classes)
    }
    if (pacer.due) await pacer.pause()
  }
}

function writeProbabilities(
  scores: Float64Array,
  i: number,
  outputs: number,
  into: Float64Array,
  at: number,
): void {
  if (outputs === 1) {
    const score = scores[i] ?? 0
    const small = Math.exp(-Math.abs(score))
    const [less, more] = [small / (1 + small), 1 / (1 + small)]
    into[at] = score >= 0 ? less : more
    into[at + 1] = score >= 0 ? more : less
    return
  }
  softmaxInPlace(scores, i * outputs, outputs)
  for (let k = 0; k < outputs; k++) into[at + k] = scores[i * outputs + k] ?? 0
}

/** The encoded block with its zeros and the column of ones. */
function denseBlock({values, ones, dense, categories, columns}: Design, count: number): WrapperMatrix1D {
  const width = columns + 1
  const matrix = new Float64Array(count * width)
  for (let i = 0; i < count; i++) {
    matrix.set(values.subarray(i * dense, (i + 1) * dense), i * width)
    for (let c = 0; c < categories; c++) {
      const one = ones[i * categories + c] ?? -1
      if (one >= 0) matrix[i * width + one] = 1
    }
    matrix[i * width + columns] = 1
  }
  return new WrapperMatrix1D(matrix, {rows: count})
}
