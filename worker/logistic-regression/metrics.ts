import type {Report} from '../contract.ts'
import type {Predictions} from './model.ts'

/**
 * How well held-out rows were predicted.
 * `logLoss`: probabilities below 2^-52 count as that. `auc`: area under the ROC curve of the last of two classes; with more, the mean over each class against the rest.
 * `brier`: mean of (p - y)^2 for two classes, of its sum over the classes for more. `baseRate`: share of the largest
 * class, the accuracy of always naming it. All null where no row was held out.
 * @param rows the rows that were held out
 */
export function measure(
  rows: Uint32Array,
  codes: Int32Array,
  classes: number,
  {labels, probabilities}: Predictions,
): Omit<Report['metrics'], 'folds'> {
  if (rows.length === 0) return {auc: null, logLoss: null, brier: null, accuracy: null, baseRate: null}
  const counts = new Float64Array(classes)
  let logLoss = 0
  let squares = 0
  let hits = 0
  for (const row of rows) {
    const own = codes[row] ?? 0
    counts[own] = (counts[own] ?? 0) + 1
    if (labels[row] === own) hits++
    // As scikit-learn's log_loss: one row that is quite wrong must not outweigh all others.
    logLoss -= Math.log(Math.max(probabilities[row * classes + own] ?? 0, Number.EPSILON))
    for (let k = classes === 2 ? 1 : 0; k < classes; k++) {
      squares += ((probabilities[row * classes + k] ?? 0) - (k === own ? 1 : 0)) ** 2
    }
  }
  const judged = classes === 2 ? [1] : Array.from({length: classes}, (_, k) => k)
  const areas = judged
    .map((k) => areaUnderCurve(rows, codes, k, classes, probabilities))
    .filter((area) => area !== null)
  return {
    auc: areas.length === 0 ? null : areas.reduce((sum, area) => sum + area, 0) / areas.length,
    logLoss: logLoss / rows.length,
    brier: squares / rows.length,
    accuracy: hits / rows.length,
    baseRate: Math.max(...counts) / rows.length,
  }
}

/** Chance that a row of class `k` scores higher than one of another class, ties counted half; null where one is lacking. */
function areaUnderCurve(
  rows: Uint32Array,
  codes: Int32Array,
  k: number,
  classes: number,
  probabilities: Float64Array,
): number | null {
  const scoreOf = (row: number): number => probabilities[row * classes + k] ?? 0
  const inside = Float64Array.from(
    rows.filter((row) => codes[row] === k),
    scoreOf,
  ).toSorted()
  const outside = Float64Array.from(
    rows.filter((row) => codes[row] !== k),
    scoreOf,
  ).toSorted()
  if (inside.length === 0 || outside.length === 0) return null
  let below = 0
  let notAbove = 0
  let wins = 0
  for (const score of inside) {
    while (below < outside.length && (outside[below] ?? 0) < score) below++
    while (notAbove < outside.length && (outside[notAbove] ?? 0) <= score) notAbove++
    wins += (below + notAbove) / 2
  }
  return wins / inside.length / outside.length
}
