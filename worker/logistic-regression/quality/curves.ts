import type {Curves} from '../../contract.ts'
import type {Pacer} from '../pacer.ts'
import {wilson} from './intervals.ts'

/** Points that a curve is thinned to, and those of all classes together. */
const MOST_POINTS = 200
const MOST_POINTS_OF_ALL = 2000
const CALIBRATION_PARTS = 10
const HISTOGRAM_STEPS = 20
const DIGITS = 6
/** Numbers that are sorted without a pause: some milliseconds. */
const SORTED_AT_ONCE = 64 * 1024
const NUMBERS_PER_BUCKET = 8
const FEW_NUMBERS = 32
const BUCKETS_BETWEEN_PAUSES = 1024

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
  return {
    own: await sorted(scores.subarray(0, members), pacer),
    others: await sorted(scores.subarray(members), pacer),
  }
}

/**
 * In rising order. Many numbers are dealt into buckets of equal width first, a few to each, so that hardly more than
 * those few are compared. A bucket that gets most of them is dealt once more.
 */
async function sorted(numbers: Float64Array, pacer: Pacer): Promise<Float64Array> {
  if (numbers.length <= SORTED_AT_ONCE) return numbers.toSorted()
  let [least, most] = [Infinity, -Infinity]
  for (let i = 0; i < numbers.length; i++) {
    const value = numbers[i] ?? 0
    if (value < least) least = value
    if (value > most) most = value
  }
  const buckets = Math.ceil(numbers.length / NUMBERS_PER_BUCKET)
  const perUnit = (buckets - 1) / (most - least)
  // All are equal, or as good as.
  if (!Number.isFinite(perUnit)) return numbers.toSorted()
  const ends = new Uint32Array(buckets + 1)
  for (let i = 0; i < numbers.length; i++) {
    const after = Math.floor(((numbers[i] ?? 0) - least) * perUnit) + 1
    ends[after] = (ends[after] ?? 0) + 1
  }
  for (let bucket = 1; bucket <= buckets; bucket++)
    ends[bucket] = (ends[bucket] ?? 0) + (ends[bucket - 1] ?? 0)
  const into = new Float64Array(numbers.length)
  for (let i = 0; i < numbers.length; i++) {
    const value = numbers[i] ?? 0
    const bucket = Math.floor((value - least) * perUnit)
    // From where a bucket begins to where it ends, which is where the next one begins.
    const at = ends[bucket] ?? 0
    into[at] = value
    ends[bucket] = at + 1
  }
  let start = 0
  for (let bucket = 0; bucket < buckets; bucket++) {
    const end = ends[bucket] ?? 0
    const count = end - start
    if (count <= FEW_NUMBERS) sortFew(into, start, end)
    else if (count <= SORTED_AT_ONCE) into.subarray(start, end).sort()
    else into.set(await sorted(into.subarray(start, end), pacer), start)
    start = end
    if (bucket % BUCKETS_BETWEEN_PAUSES === 0 && pacer.due) await pacer.pause()
  }
  return into
}

/** Sorts by insertion, from `start` to before `end`. */
function sortFew(numbers: Float64Array, start: number, end: number): void {
  for (let i = start + 1; i < end; i++) {
    const value = numbers[i] ?? 0
    let at = i
    for (; at > start && (numbers[at - 1] ?? 0) > value; at--) numbers[at] = numbers[at - 1] ?? 0
    numbers[at] = value
  }
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
