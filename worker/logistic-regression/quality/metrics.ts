import type {Curves, Interval, Report} from '../../contract.ts'
import type {Pacer} from '../pacer.ts'
import {Sorter} from '../sorter.ts'
import type {Predictions} from '../training/model.ts'
import {RankedScores, rank} from './curves.ts'
import {intervalAround, shareOf} from './intervals.ts'

const ROWS_BETWEEN_PAUSES = 16 * 1024

/** How well rows were predicted. */
export type Quality = Pick<Report, 'classes' | 'confusion' | 'curves'> & {
  metrics: Omit<Report['metrics'], 'folds'>
}

/**
 * How well some labelled rows were predicted.
 * `logLoss`: probabilities below 2^-52 count as that. `auc`: area under the ROC curve of the last of two classes; with
 * more, the mean over each class against the rest. `brier`: mean of (p - y)^2 for two classes, of its sum over the
 * classes for more. `baseRate`: share of the largest class, the accuracy of always naming it. All null without rows.
 * @param rows the rows to evaluate
 * @param codes class per row of the file
 */
export async function measure(
  rows: Uint32Array,
  codes: Int32Array,
  classes: readonly string[],
  predictions: Predictions,
  pacer: Pacer,
): Promise<Quality> {
  const count = classes.length
  const sums = {tally: new Float64Array(count * count), losses: new Mean(), squares: new Mean()}
  for (let start = 0; start < rows.length; start += ROWS_BETWEEN_PAUSES) {
    addRows(rows.subarray(start, start + ROWS_BETWEEN_PAUSES), codes, count, predictions, sums)
    if (pacer.due) await pacer.pause()
  }
  const {tally, losses, squares} = sums
  const {probabilities} = predictions
  const confusion = classes.map((_, k) => [...tally.subarray(k * count, (k + 1) * count)])
  const judged = classes.length === 2 ? [1] : classes.map((_, k) => k)
  const sorter = new Sorter()
  const areas: ReturnType<typeof areaUnderCurve>[] = []
  const curves: Curves[] = []
  for (const k of judged) {
    await pacer.pause()
    const ranking = await rank(rows, codes, k, classes.length, probabilities, sorter, pacer)
    if (pacer.due) await pacer.pause()
    // Without rows on both sides there is neither.
    if (ranking.own.length === 0 || ranking.others.length === 0) continue
    const scores = new RankedScores(ranking, sorter.scratch)
    areas.push(areaUnderCurve(scores))
    await pacer.pause()
    curves.push(await scores.traceCurves(classes[k] ?? '', judged.length, pacer))
  }
  sorter.free()
  const [loss, brier] = [losses.mean, squares.mean]
  const hits = confusion.reduce((sum, counts, k) => sum + (counts[k] ?? 0), 0)
  const largest = Math.max(...confusion.map((counts) => total(counts)))
  const none = rows.length === 0
  return {
    metrics: {
      auc: areas.length === 0 ? null : areas.reduce((sum, {area}) => sum + area, 0) / areas.length,
      logLoss: none ? null : loss,
      brier: none ? null : brier,
      accuracy: none ? null : hits / rows.length,
      baseRate: none ? null : largest / rows.length,
      intervals: {
        auc: classes.length === 2 && areas[0] !== undefined ? areas[0].interval : null,
        logLoss: losses.interval,
        brier: squares.interval,
        accuracy: shareOf(hits, rows.length).interval,
      },
    },
    classes: classes.map((name, k) => {
      const members = total(confusion[k] ?? [])
      const predicted = total(confusion.map((counts) => counts[k] ?? 0))
      const right = confusion[k]?.[k] ?? 0
      return {
        class: name,
        rows: members,
        predicted,
        precision: shareOf(right, predicted),
        recall: shareOf(right, members),
      }
    }),
    confusion,
    curves,
  }
}

/** Counts rows by their class and the predicted one, row-major, and adds up their losses and squared errors. */
function addRows(
  rows: Uint32Array,
  codes: Int32Array,
  count: number,
  {labels, probabilities}: Predictions,
  {tally, losses, squares}: {tally: Float64Array; losses: Mean; squares: Mean},
): void {
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] ?? 0
    const own = codes[row] ?? 0
    const cell = own * count + (labels[row] ?? 0)
    tally[cell] = (tally[cell] ?? 0) + 1
    // As scikit-learn's log_loss: one badly wrong row must not outweigh all others.
    losses.add(-Math.log(Math.max(probabilities[row * count + own] ?? 0, Number.EPSILON)))
    let square = 0
    for (let k = count === 2 ? 1 : 0; k < count; k++) {
      const distance = (probabilities[row * count + k] ?? 0) - (k === own ? 1 : 0)
      square += distance * distance
    }
    squares.add(square)
  }
}

/** The mean of values, and its interval. Sums are taken from the first value, which is near the others. */
class Mean {
  #count = 0
  #first = 0
  #sum = 0
  #squares = 0

  add(value: number): void {
    if (this.#count++ === 0) this.#first = value
    const difference = value - this.#first
    this.#sum += difference
    this.#squares += difference * difference
  }

  get mean(): number {
    return this.#first + this.#sum / this.#count
  }

  get interval(): Interval | null {
    if (this.#count < 2) return null
    const variance = Math.max(0, this.#squares - (this.#sum * this.#sum) / this.#count) / (this.#count - 1)
    return intervalAround(this.mean, Math.sqrt(variance / this.#count))
  }
}

/**
 * Chance that a row of the class scores higher than one of another class, ties counted half. Its interval is that of DeLong, DeLong and Clarke-Pearson (1988), cut off at 0 and 1.
 */
function areaUnderCurve(scores: RankedScores): {area: number; interval: Interval} {
  const wins = scores.placements('own')
  const losses = scores.placements('others')
  const [low, high] = intervalAround(wins.mean, Math.sqrt(wins.variance + losses.variance))
  return {area: wins.mean, interval: [Math.max(0, low), Math.min(1, high)]}
}

function total(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0)
}
