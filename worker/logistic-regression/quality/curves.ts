import type {Curves} from '../../contract.ts'
import {Sorter} from '../sorter.ts'
import type {Pacer} from '../pacer.ts'
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

/** Sorts the evaluated rows by the probability of class `k`. */
export async function rank(
  rows: Uint32Array,
  codes: Int32Array,
  k: number,
  classes: number,
  probabilities: Float64Array,
  pacer: Pacer,
): Promise<Ranking> {
  const scores = new Float64Array(rows.length)
  let members = 0
  for (let i = 0; i < rows.length; i++) if (codes[rows[i] ?? 0] === k) members++
  for (let i = 0, own = 0, other = members; i < rows.length; i++) {
    const row = rows[i] ?? 0
    scores[codes[row] === k ? own++ : other++] = probabilities[row * classes + k] ?? 0
  }
  const ranking = {own: scores.subarray(0, members), others: scores.subarray(members)}
  const sorter = new Sorter()
  await sorter.sort(ranking.own, pacer)
  await sorter.sort(ranking.others, pacer)
  sorter.free()
  return ranking
}

/**
 * The curves of how well a class is separated from the others.
 * @param classes for how many this is done
 */
export async function traceCurves(
  ranking: Ranking,
  name: string,
  classes: number,
  pacer: Pacer,
): Promise<Curves> {
  const points = Math.min(MOST_POINTS, MOST_POINTS_OF_ALL / classes)
  const thresholds = traceThresholds(ranking, points)
  if (pacer.due) await pacer.pause()
  const calibration = calibrate(ranking)
  if (pacer.due) await pacer.pause()
  const histogram = {own: countSteps(ranking.own), others: countSteps(ranking.others)}
  return {class: name, ...thresholds, calibration, histogram}
}

/** Lowers the threshold from score to score, and keeps a point wherever a curve has advanced by its share. */
function traceThresholds({own, others}: Ranking, points: number): Pick<Curves, 'roc' | 'precisionRecall'> {
  const roc: [number, number][] = [[0, 0]]
  const precisionRecall: [number, number][] = []
  let i = own.length
  let j = others.length
  let lastOfRoc = 0
  let lastRecall = -1
  while (i > 0 || j > 0) {
    // No number is read beyond the ends: the compiler would put all of them on the heap.
    const ofOwn = i > 0 ? (own[i - 1] ?? -1) : -1
    const ofOthers = j > 0 ? (others[j - 1] ?? -1) : -1
    const threshold = ofOwn > ofOthers ? ofOwn : ofOthers
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
      const ofOwn = i < own.length ? (own[i] ?? 2) : 2
      const ofOthers = j < others.length ? (others[j] ?? 2) : 2
      const score = ofOwn < ofOthers ? ofOwn : ofOthers
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
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i] ?? 0
    const step = Math.min(HISTOGRAM_STEPS - 1, Math.floor(score * HISTOGRAM_STEPS))
    counts[step] = (counts[step] ?? 0) + 1
  }
  return counts
}

function shortened(share: number): number {
  return Number(share.toPrecision(DIGITS))
}
