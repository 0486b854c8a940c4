import type {Curves} from '../../contract.ts'
import type {Scratch} from '../../kernels/scratch.ts'
import type {Sorter} from '../sorter.ts'
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
  sorter: Sorter,
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
  if (pacer.due) await pacer.pause()
  await sorter.sort(ranking.own, pacer)
  await sorter.sort(ranking.others, pacer)
  return ranking
}

/** What a ranking shows, looked at by kernels. */
export class RankedScores {
  readonly #scratch: Scratch
  readonly #own: Side
  readonly #others: Side

  constructor({own, others}: Ranking, scratch: Scratch) {
    this.#scratch = scratch
    this.#own = claimSide(own, scratch)
    this.#others = claimSide(others, scratch)
  }

  /** Of each score the share of the other side's scores that lie below, ties counted half: mean, and variance of the mean. */
  placements(side: 'own' | 'others'): {mean: number; variance: number} {
    const [{at, count}, among] = side === 'own' ? [this.#own, this.#others] : [this.#others, this.#own]
    const sumsAt = this.#scratch.claim(16)
    this.#scratch.kernels.placements(at, count, among.at, among.count, sumsAt)
    const [sum = 0, squares = 0] = this.#scratch.doubles(sumsAt, 2)
    const mean = sum / count
    return {mean, variance: count < 2 ? 0 : Math.max(0, squares / count - mean * mean) / (count - 1)}
  }

  /**
   * The curves of how well a class is separated from the others.
   * @param classes for how many this is done
   */
  async traceCurves(name: string, classes: number, pacer: Pacer): Promise<Curves> {
    const points = Math.min(MOST_POINTS, MOST_POINTS_OF_ALL / classes)
    const thresholds = this.#traceThresholds(points)
    if (pacer.due) await pacer.pause()
    const calibration = this.#calibrate()
    if (pacer.due) await pacer.pause()
    const histogram = {own: this.#countSteps(this.#own), others: this.#countSteps(this.#others)}
    return {class: name, ...thresholds, calibration, histogram}
  }

  /** Both curves, thinned to points that are evenly apart. */
  #traceThresholds(points: number): Pick<Curves, 'roc' | 'precisionRecall'> {
    const scratch = this.#scratch
    const {at: ownAt, count: own} = this.#own
    const {at: othersAt, count: others} = this.#others
    const room = 2 * Math.ceil(points) + 2
    const [rocAt, recallsAt] = [scratch.claim(room * 8), scratch.claim((room + 1) * 8)]
    const count = scratch.kernels.traceThresholds(ownAt, own, othersAt, others, points, rocAt, recallsAt)
    const [ofRecalls = 0] = scratch.integers(recallsAt, 1)
    const shareOf = (hits: number, all: number): number => (all === 0 ? 0 : shortened(hits / all))
    return {
      roc: [
        [0, 0],
        ...pairs(scratch.integers(rocAt, 2 * count)).map(
          ([falsePositives, truePositives]): [number, number] => [
            shareOf(falsePositives, others),
            shareOf(truePositives, own),
          ],
        ),
      ],
      precisionRecall: pairs(scratch.integers(recallsAt + 8, 2 * ofRecalls)).map(
        ([falsePositives, truePositives]) => [
          shareOf(truePositives, own),
          shortened(truePositives / (truePositives + falsePositives)),
        ],
      ),
    }
  }

  /** Parts of about the same size; rows of the same probability stay together. */
  #calibrate(): Curves['calibration'] {
    const scratch = this.#scratch
    const {at: ownAt, count: own} = this.#own
    const {at: othersAt, count: others} = this.#others
    const placesAt = scratch.claim(8)
    const places = scratch.integers(placesAt, 2).fill(0)
    const parts: Curves['calibration'] = []
    for (let part = 1; part <= CALIBRATION_PARTS; part++) {
      const [ownBefore = 0, othersBefore = 0] = places
      const wanted = Math.round((part * (own + others)) / CALIBRATION_PARTS)
      const sum = scratch.kernels.takeUpTo(ownAt, own, othersAt, others, wanted, placesAt)
      const hits = (places[0] ?? 0) - ownBefore
      const rows = hits + (places[1] ?? 0) - othersBefore
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

  #countSteps({at, count}: Side): number[] {
    const stepsAt = this.#scratch.claim(HISTOGRAM_STEPS * 8)
    this.#scratch.kernels.countSteps(at, count, HISTOGRAM_STEPS, stepsAt)
    return [...this.#scratch.doubles(stepsAt, HISTOGRAM_STEPS)]
  }
}

/** Scores in memory. */
interface Side {
  readonly at: number
  readonly count: number
}

function claimSide(scores: Float64Array, scratch: Scratch): Side {
  const count = scores.length
  const at = scratch.claim(count * 8)
  scratch.doubles(at, count).set(scores)
  return {at, count}
}

function pairs(numbers: Int32Array): [number, number][] {
  return Array.from({length: numbers.length / 2}, (_, i) => [numbers[2 * i] ?? 0, numbers[2 * i + 1] ?? 0])
}

function shortened(share: number): number {
  return Number(share.toPrecision(DIGITS))
}
