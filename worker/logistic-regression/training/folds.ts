import {ScratchPool} from '../../kernels/scratch.ts'
import type {Pacer} from '../pacer.ts'
import type {Range} from '../solver/objective.ts'

/** Unless options say otherwise. */
export const FOLDS = 5
/** Fixed, so that the same file yields the same folds. */
const SEED = 20240229

/** Of a large file, the memory is needed for its design. */
const MOST_HANDED_ON_BYTES = 512 * 1024

const memory = new ScratchPool(MOST_HANDED_ON_BYTES)

/** The labelled rows, assigned to folds for cross-validation. */
export interface Folds {
  /** 0 if no class has two rows. */
  count: number
  /** Per row of the file its fold; -1 for rows without a label and for the only row of a class. */
  of: Int8Array
}

/**
 * Deals the rows of each class out at random, so that every fold has its share of each (stratified). Five folds, or
 * as many as the smallest class has rows, but two at least. The only row of a class is in every training set:
 * without it the model would not know the class.
 * @param codes class per row, -1 without a label
 */
export async function dealFolds(
  codes: Int32Array,
  classes: number,
  {folds = FOLDS, seed = SEED}: {folds?: number; seed?: number},
  pacer: Pacer,
): Promise<Folds> {
  const rowsOf = rowsByClass(codes, classes)
  const divisible = rowsOf.filter((rows) => rows.length >= 2)
  const of = new Int8Array(codes.length).fill(-1)
  if (divisible.length === 0) return {count: 0, of}
  const count = Math.max(2, Math.min(folds, ...divisible.map((rows) => rows.length)))
  const scratch = memory.take()
  let drawn = 0
  let next = 0
  for (const rows of divisible) {
    if (pacer.due) await pacer.pause()
    const {length} = rows
    const {end} = scratch
    const at = scratch.claim(length * 4)
    scratch.integers(at, length).set(rows)
    scratch.kernels.shuffle(at, length, seed, drawn)
    const shuffled = scratch.integers(at, length)
    scratch.release(end)
    drawn += length - 1
    if (pacer.due) await pacer.pause()
    // Continues where the last class ended, so that the folds are of equal size.
    for (let i = 0; i < length; i++) of[shuffled[i] ?? 0] = next++ % count
  }
  memory.give(scratch)
  return {count, of}
}

function rowsByClass(codes: Int32Array, classes: number): Uint32Array[] {
  const counts = new Uint32Array(classes)
  for (let row = 0; row < codes.length; row++) {
    const code = codes[row] ?? -1
    if (code >= 0) counts[code] = (counts[code] ?? 0) + 1
  }
  const rowsOf = Array.from(counts, (count) => new Uint32Array(count))
  const next = new Uint32Array(classes)
  for (let row = 0; row < codes.length; row++) {
    const code = codes[row] ?? -1
    const rows = rowsOf[code]
    if (rows === undefined) continue
    const at = next[code] ?? 0
    rows[at] = row
    next[code] = at + 1
  }
  return rowsOf
}

/** Rows in the order of their folds, each fold in the order of the file; last those without a label. */
export interface FoldedRows {
  rows: Uint32Array
  /** The rows with a label, in the order of the file. */
  labelled: Uint32Array
  /** The rows that are never held out: the first. */
  neverHeldOut: Range
  /** Per fold its place among them. */
  folds: Range[]
  /** The place of the rows without a label. */
  unlabelled: Range
}

/**
 * @param labelled indexes of the labelled rows, rising
 * @param unlabelled those of the others
 */
export function orderByFold(
  labelled: Uint32Array,
  {count, of}: Folds,
  unlabelled: Uint32Array = new Uint32Array(0),
): FoldedRows {
  // By counting; number 0 are those without a fold.
  const ends = new Uint32Array(count + 2)
  for (let i = 0; i < labelled.length; i++) {
    const group = (of[labelled[i] ?? 0] ?? -1) + 2
    ends[group] = (ends[group] ?? 0) + 1
  }
  for (let i = 1; i < ends.length; i++) ends[i] = (ends[i] ?? 0) + (ends[i - 1] ?? 0)
  const rows = new Uint32Array(labelled.length + unlabelled.length)
  rows.set(unlabelled, labelled.length)
  const next = ends.slice()
  for (let i = 0; i < labelled.length; i++) {
    const row = labelled[i] ?? 0
    const group = (of[row] ?? -1) + 1
    const at = next[group] ?? 0
    rows[at] = row
    next[group] = at + 1
  }
  return {
    rows,
    labelled,
    neverHeldOut: {start: 0, end: ends[1] ?? 0},
    folds: Array.from({length: count}, (_, fold) => ({start: ends[fold + 1] ?? 0, end: ends[fold + 2] ?? 0})),
    unlabelled: {start: labelled.length, end: rows.length},
  }
}

/** The rows that are held out once, in the order of the file, which memory is read fastest in. */
export function heldOutRows({labelled, neverHeldOut}: FoldedRows, {of}: Folds): Uint32Array {
  return neverHeldOut.end === 0 ? labelled : labelled.filter((row) => (of[row] ?? -1) >= 0)
}
