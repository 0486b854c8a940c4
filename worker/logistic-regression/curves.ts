import type {Curves} from '../contract.ts'
import {wilson} from './intervals.ts'

/** Points that a curve is thinned to, and those of all classes together. */
const MOST_POINTS = 200
const MOST_POINTS_OF_ALL = 2000
const CALIBRATION_PARTS = 10
const HISTOGRAM_STEPS = 20
const DIGITS = 6

/** The probabilities of a class in rising order: of the rows that have it, and of the others. */
export interface Ranking {
  own: Float64Array
  others: Float64Array
}

/** Sorts the judged rows by the probability of class `k`. */
export function rank(
  rows: Uint32Array,
  codes: Int32Array,
  k: number,
  classes: number,
  probabilities: Float64Array,
): Ranking {
  let members = 0
  for (const row of rows) if (codes[row] === k) members++
  const own = new Float64Array(members)
  const others = new Float64Array(rows.length - members)
  let nextOwn = 0
  let nextOther = 0
  for (const row of rows) {
    const probability = probabilities[row * classes + k] ?? 0
    if (codes[row] === k) own[nextOwn++] = probability
    else others[nextOther++] = probability
  }
  return {own: own.toSorted(), others: others.toSorted()}
}

/**
 * All that is drawn of how a class is told from the others.
 * @param classes for how many this is done
 */
export function traceCurves(ranking: Ranking, name: string, classes: number): Curves {
  const points = Math.min(MOST_POINTS, MOST_POINTS_OF_ALL / classes)
  return {
    class: name,
    ...traceThresholds(ranking, points),
    calibration: calibrate(ranking),
    histogram: {own: countSteps(ranking.own), others: countSteps(ranking.others)},
  }
}

/** Lowers the threshold from score to score, and keeps a point wherever a curve has gone on by its part. */
function traceThresholds({own, others}: Ranking, points: number): Pick<Curves, 'roc' | 'precisionRecall'> {
  const roc: [number, number][] = [[0, 0]]
  const precisionRecall: [number, number][] = []
  let i = own.length
  let j = others.length
  let lastOfRoc = 0
  let lastRecall = -1
  while (i > 0 || j > 0) {
    const threshold = Math.max(own[i - 1] ?? -1, others[j - 1] ?? -1)
    while (i > 0 && (own[i - 1] ?? 0) >= threshold) i--
    while (j > 0 && (others[j - 1] ?? 0) >= threshold) j--
    const truePositives = own.length - i
    const falsePositives = others.length - j
    const recall = own.length === 0 ? 0 : truePositives / own.length
    const fallOut = others.length === 0 ? 0 : falsePositives / others.length
    const isLast = i === 0 && j === 0
    if (recall + fallOut - lastOfRoc >= 2 / points || isLast) {
      roc.push([shortened(fallOut), shortened(recall)])
      lastOfRoc = recall + fallOut
    }
    if (recall - lastRecall >= 1 / points || isLast) {
      precisionRecall.push([shortened(recall), shortened(truePositives / (truePositives + falsePositives))])
      lastRecall = recall
    }
  }
  return {roc, precisionRecall}
}

/** Parts of about the same size; rows of the same probability stay together. */
function calibrate({own, others}: Ranking): Curves['calibration'] {
  const count = own.length + others.length
  const parts: Curves['calibration'] = []
  let i = 0
  let j = 0
  for (let part = 1; part <= CALIBRATION_PARTS; part++) {
    const [ownBefore, othersBefore] = [i, j]
    let sum = 0
    while (i + j < Math.round((part * count) / CALIBRATION_PARTS)) {
      const score = Math.min(own[i] ?? 2, others[j] ?? 2)
      for (; i < own.length && own[i] === score; i++) sum += score
      for (; j < others.length && others[j] === score; j++) sum += score
    }
    const hits = i - ownBefore
    const rows = hits + j - othersBefore
    if (rows === 0) continue
    const [low, high] = wilson(hits, rows)
    parts.push({
      rows,
      predicted: shortened(sum / rows),
      observed: shortened(hits / rows),
      interval: [shortened(low), shortened(high)],
    })
  }
  return parts
}

function countSteps(scores: Float64Array): number[] {
  const counts = Array.from({length: HISTOGRAM_STEPS}, () => 0)
  for (const score of scores) {
    const step = Math.min(HISTOGRAM_STEPS - 1, Math.floor(score * HISTOGRAM_STEPS))
    counts[step] = (counts[step] ?? 0) + 1
  }
  return counts
}

function shortened(share: number): number {
  return Number(share.toPrecision(DIGITS))
}
