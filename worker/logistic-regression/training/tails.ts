import {type Scratch, ScratchPool} from '../../kernels/scratch.ts'
import {MOST_VALUES_RANKED, type Transform, fitNormalScores, quantile} from '../encoding/transforms.ts'
import {Sorter} from '../sorter.ts'
import type {Pacer} from '../pacer.ts'
import type {Range} from '../solver/objective.ts'
import type {NumberColumn} from '../table/columns.ts'
import {type NumberDistribution, distributionOfNumbers} from '../table/distribution.ts'
import type {Label} from '../table/label.ts'
import {presentAt} from '../table/rows.ts'
import type {FoldedRows} from './folds.ts'
import {type Difference, Judge} from './univariate.ts'

/** Columns with fewer distinct values are codes or small counts: their shape means nothing. */
const FEWEST_VALUES = 20
/**
 * Standard deviation over what the quartiles would make it for a normal distribution: 1 there, 1.2 for an
 * exponential, 2 for a log-normal one. Up to the first bound a column stays as it is, beyond the second its tails are
 * far.
 */
const USUAL_TAILS = 1.5
const FAR_TAILS = 2.5
/** Standard errors that a difference of losses must have to be more than chance. */
const CLEARLY = 2
/** Rows of each half that columns are evaluated on. */
const MOST_ROWS_JUDGED = 3000
/** From this many rows, halves are as informative as the whole, which then needs no evaluation of its own. */
const MANY_ROWS = 600

const memory = new ScratchPool()

const IDENTITY: Transform = {kind: 'identity'}

/** A choice of transforms, and those that half of the folds would make for the rows of the other half. */
export interface TransformChoice {
  /** Per column of numbers. */
  readonly all: readonly Transform[]
  readonly halves: readonly TransformsOfHalf[]
}

interface TransformsOfHalf {
  /** Numbers of the folds that took no part in it. */
  readonly folds: readonly number[]
  readonly transforms: readonly Transform[]
}

/** No column is mapped. */
export function noTransforms(columns: number, {folds}: FoldedRows): TransformChoice {
  const transforms = Array.from({length: columns}, () => IDENTITY)
  return {all: transforms, halves: [{folds: range(0, folds.length), transforms}]}
}

/**
 * Chooses for each numeric column whether to map it to a normal distribution, on training rows only. Columns without
 * tails are not mapped. Those with some are mapped if that clearly lowers the loss. Those with far tails are mapped,
 * unless the number itself is clearly informative, and more so than its map: a single row out there would otherwise
 * get a probability of 0 or 1. The loss is that of a regression on the one column, each part of the rows evaluated
 * with what was learned from the others.
 *
 * Labels are used within each half of the folds separately, and one half's finding chooses for the other's folds. For
 * the model both choose together. Shapes and maps use no labels, and come from all labelled rows. At most 6,000 rows
 * are evaluated, evenly spaced.
 */
export async function chooseTransforms(
  columns: readonly NumberColumn[],
  shapes: readonly ColumnShape[],
  label: Label,
  {rows: all, folds, unlabelled}: FoldedRows,
  pacer: Pacer,
): Promise<TransformChoice> {
  const rows = all.subarray(0, unlabelled.start)
  const first = Math.ceil(folds.length / 2)
  const halves = [
    {folds: folds.slice(0, first), others: range(first, folds.length)},
    {folds: folds.slice(first), others: range(0, first)},
  ]
    .filter(({folds: own}) => own.length > 0)
    .map(({folds: own, others}) => ({
      others,
      judged: evenly(rows, {start: own[0]?.start ?? 0, end: own.at(-1)?.end ?? 0}, MOST_ROWS_JUDGED),
      transforms: new Array<Transform>(),
    }))
  const chosen: Transform[] = []
  const scratch = memory.take()
  for (const [i, {values}] of columns.entries()) {
    const shape = shapes[i]
    if (shape === undefined) continue
    const isOpen = shape.map.kind !== 'identity'
    const found = isOpen ? halves.map(({judged}) => evidence(values, shape, label, judged, scratch)) : []
    halves.forEach(({transforms}, half) => transforms.push(choose(shape, found.slice(half, half + 1))))
    const isFew = isOpen && rows.length < MANY_ROWS
    chosen.push(choose(shape, isFew ? [evidence(values, shape, label, rows, scratch)] : found))
    if (pacer.due) await pacer.pause()
  }
  memory.give(scratch)
  return {all: chosen, halves: halves.map(({others, transforms}) => ({folds: others, transforms}))}
}

/** What a column's numbers show without labels. */
export interface ColumnShape {
  distribution: NumberDistribution
  tails: number
  median: number
  /** The identity if no other map is a candidate. */
  map: Transform
}

/** At most 10,000 labelled rows are looked at, evenly spaced. */
export async function shapesOf(
  columns: readonly NumberColumn[],
  {rows, unlabelled}: FoldedRows,
  pacer: Pacer,
): Promise<ColumnShape[]> {
  // Sorted, since memory is read fastest in order.
  const sample = evenly(rows, {start: 0, end: unlabelled.start}, MOST_VALUES_RANKED).toSorted()
  const sorter = new Sorter()
  const shapes: ColumnShape[] = []
  for (const {name, values} of columns) {
    const ranked = presentAt(values, sample)
    await sorter.sort(ranked, pacer)
    const tails = weightOfTails(ranked)
    const isMapped = tails > USUAL_TAILS && hasManyValues(ranked)
    shapes.push({
      distribution: distributionOfNumbers(name, ranked, sample.length),
      tails,
      median: quantile(ranked, 0.5),
      map: isMapped ? fitNormalScores(ranked) : IDENTITY,
    })
    if (pacer.due) await pacer.pause()
  }
  sorter.free()
  return shapes
}

/** The standard deviation over the one that a normal distribution of these quartiles has; 0 for a constant. */
function weightOfTails(ranked: Float64Array): number {
  const median = quantile(ranked, 0.5)
  // Halves, since the distance of two doubles may exceed a double.
  const quartiles = (quantile(ranked, 0.75) / 2 - quantile(ranked, 0.25) / 2) / 1.349
  const reach = Math.max(
    Math.abs((ranked[0] ?? 0) / 2 - median / 2),
    Math.abs((ranked.at(-1) ?? 0) / 2 - median / 2),
  )
  if (!(reach > 0)) return 0
  let squares = 0
  for (let i = 0; i < ranked.length; i++) squares += (((ranked[i] ?? 0) / 2 - median / 2) / reach) ** 2
  return Math.sqrt(squares / ranked.length) / (quartiles / reach)
}

function hasManyValues(ranked: Float64Array): boolean {
  let different = 1
  for (let i = 1; i < ranked.length; i++) {
    if (ranked[i] !== ranked[i - 1] && ++different === FEWEST_VALUES) return true
  }
  return false
}

/** What some labelled rows say about a column: what its map gains over the number, and the number over nothing. */
interface Evidence {
  map: Difference
  number: Difference
}

function evidence(
  values: Float64Array,
  {tails, median, map}: ColumnShape,
  {codes, classes}: Label,
  rows: Uint32Array,
  scratch: Scratch,
): Evidence {
  const {end} = scratch
  const judge = new Judge(values, rows, codes, classes.length, scratch)
  const ofNumber = judge.ofNumber(median)
  const ofNothing = tails > FAR_TAILS ? judge.ofNothing() : ofNumber
  const found = {
    map: judge.difference(ofNumber, judge.ofMap(map)),
    number: judge.difference(ofNothing, ofNumber),
  }
  scratch.release(end)
  return found
}

function choose({tails, map}: ColumnShape, found: readonly Evidence[]): Transform {
  const gainOfMap = standardErrors(found.map((one) => one.map))
  if (tails <= FAR_TAILS) return gainOfMap > CLEARLY ? map : IDENTITY
  const gainOfNumber = standardErrors(found.map((one) => one.number))
  return gainOfNumber > CLEARLY && gainOfMap < 0 ? IDENTITY : map
}

/** The mean of separately found differences, in its standard errors. */
function standardErrors(differences: readonly Difference[]): number {
  let [count, sum, squares] = [0, 0, 0]
  for (const one of differences) {
    count += one.count
    sum += one.sum
    squares += one.squares
  }
  const variance = squares / count - (sum / count) ** 2
  return variance > 0 ? sum / count / Math.sqrt(variance / count) : 0
}

/** At most `most` of the rows of a range, evenly spaced. */
function evenly(rows: Uint32Array, {start, end}: Range, most: number): Uint32Array {
  const length = end - start
  if (length <= most) return rows.subarray(start, end)
  const some = new Uint32Array(most)
  for (let i = 0; i < most; i++) some[i] = rows[start + Math.floor((i * length) / most)] ?? 0
  return some
}

function range(start: number, end: number): number[] {
  return Array.from({length: end - start}, (_, i) => start + i)
}
