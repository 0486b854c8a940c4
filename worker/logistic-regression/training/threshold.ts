import type {ModelOptions} from '../../model-options.ts'
import {PermanentError} from '../../processor.ts'
import type {Predictions} from './model.ts'

/**
 * The probability of the second of two classes from which a row is predicted as it.
 * @param rows held-out rows, for `maximize`
 * @returns undefined for the usual one
 * @throws PermanentError `option-needs-two-classes`
 */
export function chooseThreshold(
  {threshold, maximize}: ModelOptions,
  {probabilities}: Predictions,
  codes: Int32Array,
  rows: Uint32Array,
  classes: number,
): number | undefined {
  if (threshold === undefined && maximize === undefined) return undefined
  if (classes !== 2) {
    throw new PermanentError(
      `The model option ${threshold === undefined ? 'maximize' : 'threshold'} needs two classes, the label has ${classes}.`,
      {
        code: 'option-needs-two-classes',
        suggestions: ['Leave the option out, or label the rows with two classes.'],
      },
    )
  }
  return threshold ?? bestOfF1(probabilities, codes, rows)
}

/** Predicts the second class from a threshold on. */
export function applyThreshold({labels, probabilities}: Predictions, threshold: number): void {
  for (let row = 0; row < labels.length; row++)
    labels[row] = Number((probabilities[2 * row + 1] ?? 0) >= threshold)
}

/** The highest of 2 TP / (2 TP + FP + FN); halfway between the probabilities on both sides of it. */
function bestOfF1(probabilities: Float64Array, codes: Int32Array, rows: Uint32Array): number {
  const order = rows.toSorted((a, b) => (probabilities[2 * b + 1] ?? 0) - (probabilities[2 * a + 1] ?? 0))
  const positives = order.reduce((sum, row) => sum + Number(codes[row] === 1), 0)
  let [hits, best, threshold] = [0, 0, 0.5]
  for (const [i, row] of order.entries()) {
    hits += Number(codes[row] === 1)
    const here = probabilities[2 * row + 1] ?? 0
    const next = order[i + 1]
    const below = next === undefined ? 0 : (probabilities[2 * next + 1] ?? 0)
    const score = (2 * hits) / (i + 1 + positives)
    if (below === here || score <= best) continue
    best = score
    threshold = (here + below) / 2
  }
  return threshold
}
