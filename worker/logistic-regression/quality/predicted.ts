import type {Report} from '../../contract.ts'
import type {Predictions} from '../training/model.ts'

const STEPS = 20

/**
 * How the rows without a label were predicted, per class.
 * @param rows indexes of those rows
 */
export function describePredicted(
  rows: Uint32Array,
  classes: readonly string[],
  {labels, probabilities}: Predictions,
): NonNullable<Report['predictions']> {
  const found = classes.map((name) => ({
    class: name,
    rows: 0,
    histogram: Array.from({length: STEPS}, () => 0),
  }))
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] ?? 0
    const predicted = found[labels[row] ?? 0]
    if (predicted !== undefined) predicted.rows++
    for (let k = 0; k < classes.length; k++) {
      const histogram = found[k]?.histogram ?? []
      const probability = probabilities[row * classes.length + k] ?? 0
      const step = Math.min(STEPS - 1, Math.floor(probability * STEPS))
      histogram[step] = (histogram[step] ?? 0) + 1
    }
  }
  return found
}
