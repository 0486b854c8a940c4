import {Scratch, ScratchPool} from '../../kernels/scratch.ts'
import type {Pacer} from '../pacer.ts'
import {shorten} from '../kept-memory.ts'
import {BlockEncoder, rowsAt, rowsBetween} from './block-encoder.ts'
import type {Layout, Preprocessing} from './preprocessing.ts'

/** Memory of one block of dense values: fits the processor's L2 cache. */
const BLOCK_BYTES = 256 * 1024
const MOST_BLOCK_ROWS = 512
/** Kernels compute with this many columns of a block at a time. */
const COLUMNS_AT_ONCE = 4
/**
 * Dense values to learn from that are kept as doubles: 32 MB. More are kept as floats, whose rounding (6e-8 of a value
 * at most, in no direction) is far below what so many rows can resolve: with a million of them, coefficients differed
 * by 5e-9. The rows that are only predicted stay doubles, so that their probabilities are those of the exported model.
 */
const MOST_DOUBLES = 4 * 1024 * 1024
/** Most dense values that are kept: 400 MB as floats. More are re-encoded in each pass. */
const MOST_KEPT = 100 * 1024 * 1024
/** Rows of the file that are encoded before the memory of their columns is freed. */
const ROWS_FREED_AT_ONCE = 128 * 1024

/** Multiplications of a Hessian that a kernel does at a time: some milliseconds. */
const MOST_AT_ONCE = 4e6

/** Of a design that is handed on. */
const MOST_HANDED_ON_BYTES = 32 * 1024 * 1024

const memory = new ScratchPool(MOST_HANDED_ON_BYTES)

/** Some rows of a design, as they lie in its memory: row-major, `width` and `categories` apart. */
export interface Stretch {
  readonly count: number
  readonly valuesAt: number
  /** Otherwise the values are doubles. */
  readonly isFloat: boolean
  readonly onesAt: number
}

/** Rows of a design matrix, a block at a time, as {@link Design} describes them. */
export interface Blocks {
  readonly dense: number
  readonly categories: number
  readonly columns: number
  readonly levels: number
  readonly blockRows: number
  readonly width: number
  readonly scratch: Scratch
  readonly valuesAt: number
  readonly onesAt: number
  releasePass(): void
  encode(start: number, end: number): number
  stretch(start: number, end: number): Stretch
}

/** Where the first rows are kept, with room for a block beyond them. */
interface KeptRows {
  readonly rows: number
  /** Of the first rows, this many, as floats. */
  readonly floats: number
  readonly floatsAt: number
  /** Of those after them. */
  readonly doublesAt: number
  readonly onesAt: number
}

/** What another thread needs to know of a design, to read what it keeps. */
export interface SharedDesign extends Pick<
  Blocks,
  'dense' | 'categories' | 'columns' | 'blockRows' | 'width'
> {
  readonly memory: WebAssembly.Memory
  /** Where it may claim memory, and up to where. */
  readonly at: number
  readonly end: number
  readonly kept: KeptRows
}

/**
 * Some rows of the file as rows of the design matrix, a block at a time. They are encoded once if they can be kept,
 * otherwise in each pass, which bounds memory beyond the file's columns.
 *
 * A row is `dense` standardized numbers, then the intercept's 1, then zeros up to `width`; and for each text column the
 * level that is 1 (-1: none). Levels are counted through all text columns.
 */
export class Design implements Blocks {
  readonly rows: Uint32Array
  /** Numeric columns, which come first in the matrix. */
  readonly dense: number
  /** Text columns, each with at most one 1 per row. */
  readonly categories: number
  /** Columns of the matrix without the intercept. */
  readonly columns: number
  /** A multiple of four. */
  readonly blockRows: number
  /** Of a block's row, in doubles: a multiple of four. */
  readonly width: number
  /** Holds the block. What a pass claims beyond it, the next one may overwrite. */
  readonly scratch: Scratch
  readonly #isShared: boolean
  readonly #layout: Layout
  readonly #encoder: BlockEncoder
  /** Of the block that {@link encode} fills. */
  readonly #blockValuesAt: number
  readonly #blockOnesAt: number
  #valuesAt: number
  #onesAt: number
  #end: number
  /** Nothing else reads the columns. */
  #ownsColumns = false
  #kept: KeptRows | undefined

  /** @param isShared with other threads */
  constructor(layout: Layout, preprocessing: Preprocessing, rows: Uint32Array, isShared = false) {
    this.rows = rows
    this.#isShared = isShared
    this.scratch = isShared ? Scratch.shared() : memory.take()
    this.#layout = layout
    const {numbers, categories} = preprocessing
    this.dense = numbers.length + numbers.filter(({missing}) => missing !== null).length
    this.categories = categories.length
    this.columns =
      this.dense +
      categories.reduce(
        (sum, {levels, pooled, missing}) => sum + levels.length + Number(pooled) + Number(missing),
        0,
      )
    this.width = Math.ceil((this.dense + 1) / COLUMNS_AT_ONCE) * COLUMNS_AT_ONCE
    const fitting = Math.min(MOST_BLOCK_ROWS, Math.floor(BLOCK_BYTES / 8 / Math.max(1, this.dense)))
    this.blockRows = Math.max(8, fitting - (fitting % 4))
    this.#encoder = new BlockEncoder(layout, preprocessing, this.scratch, this.blockRows)
    this.#blockValuesAt = this.scratch.claim(this.blockRows * this.width * 8)
    this.#blockOnesAt = this.scratch.claim(this.blockRows * this.categories * 4)
    this.#valuesAt = this.#blockValuesAt
    this.#onesAt = this.#blockOnesAt
    this.#end = this.scratch.end
    const block = this.scratch.doubles(this.#blockValuesAt, this.blockRows * this.width).fill(0)
    for (let at = this.dense; at < block.length; at += this.width) block[at] = 1
  }

  /** Levels of all text columns together. */
  get levels(): number {
    return this.columns - this.dense
  }

  /** Of the loaded block's values: row-major, `blockRows` x `width`. */
  get valuesAt(): number {
    return this.#valuesAt
  }

  /** Of the loaded block's levels: row-major, `blockRows` x `categories`. */
  get onesAt(): number {
    return this.#onesAt
  }

  /** The loaded block: another view after each {@link encode}. */
  get values(): Float64Array {
    return this.scratch.doubles(this.#valuesAt, this.blockRows * this.width)
  }

  get ones(): Int32Array {
    return this.scratch.integers(this.#onesAt, this.blockRows * this.categories)
  }

  /** Hands its memory on: nothing may use the design any more. */
  free(): void {
    if (this.#ownsColumns) this.#free(0)
    if (!this.#isShared) memory.give(this.scratch)
  }

  /** Frees what the last pass has claimed. */
  releasePass(): void {
    this.scratch.release(this.#end)
  }

  /**
   * Encodes rows now, for more than one pass over them, unless they are too many: those to learn from, and the others
   * if that takes less memory than the columns.
   * @param learned how many of the rows, the first ones, a model learns from
   * @param isLast frees the memory of the columns, on the way if all rows are encoded: nothing else reads them any more
   */
  async keep(learned: number, isLast: boolean, pacer: Pacer): Promise<void> {
    const {blockRows, width, categories, scratch} = this
    const {kernels} = scratch
    const length = this.#othersAreLarge(learned) ? learned : this.rows.length
    if (this.#kept !== undefined || length * this.dense > MOST_KEPT) return
    this.#ownsColumns = isLast
    const floats = learned * this.dense > MOST_DOUBLES ? learned : 0
    const rows = this.rows.subarray(0, length)
    const places = placesOf(rows)
    // Few of the file's rows are picked one by one.
    const areFew = length < places.length / 4
    const placesAt = scratch.claim(blockRows * 4)
    const floatsAt = scratch.claim(floats * width * 4)
    const doublesAt = scratch.claim((length - floats + blockRows) * width * 8)
    const onesAt = scratch.claim((length + blockRows) * categories * 4)
    // In the order of the file, which reads memory in order; from its end, where columns can be cut off.
    let freed = places.length
    for (let end = areFew ? length : places.length; end > 0;) {
      const start = Math.max(0, end - blockRows)
      const source = areFew ? rowsAt(rows.subarray(start, end)) : rowsBetween(start, end)
      this.#encoder.encode(source, this.#blockValuesAt, width, this.#blockOnesAt)
      const count = end - start
      const own = areFew ? Int32Array.from({length: count}, (_, i) => start + i) : places.subarray(start, end)
      scratch.integers(placesAt, count).set(own)
      kernels.scatterIntegers(this.#blockOnesAt, categories, count, placesAt, onesAt)
      if (floats > 0) {
        scratch.integers(placesAt, count).set(own.map((place) => (place < floats ? place : -1)))
        kernels.scatterFloats(this.#blockValuesAt, width, count, placesAt, floatsAt)
        scratch.integers(placesAt, count).set(own.map((place) => Math.max(-1, place - floats)))
      }
      kernels.scatterDoubles(this.#blockValuesAt, width, count, placesAt, doublesAt)
      if (isLast && length === this.rows.length && (start === 0 || freed - start >= ROWS_FREED_AT_ONCE)) {
        this.#free(start)
        freed = start
      }
      end = start
      if (pacer.due) await pacer.pause()
    }
    this.#kept = {rows: length, floats, floatsAt, doublesAt, onesAt}
    this.#end = scratch.end
  }

  /** Whether the rows besides the learned ones take more memory encoded than all columns. */
  #othersAreLarge(learned: number): boolean {
    const {numbers, categories} = this.#layout.choice
    const {width, rows} = this
    const others = (rows.length - learned) * (width * 8 + categories.length * 4)
    return others > rows.length * (numbers.length * 8 + categories.length * 4)
  }

  #free(rows: number): void {
    const {numbers, categories} = this.#layout.choice
    for (const {values} of numbers) shorten(values, rows)
    for (const {codes} of categories) shorten(codes, rows)
  }

  #keptAt(row: number): KeptRows | undefined {
    return this.#kept !== undefined && row < this.#kept.rows ? this.#kept : undefined
  }

  /** Rows that are kept one after the other, from `start` on, as many as one call of a kernel may take; or a block. */
  stretch(start: number, end: number): Stretch {
    const kept = this.#keptAt(start)
    if (kept !== undefined) return stretchOfKept(kept, this, start, Math.min(end, kept.rows))
    const count = this.encode(start, end)
    return {count, valuesAt: this.#valuesAt, isFloat: false, onesAt: this.#onesAt}
  }

  /**
   * Loads rows of {@link rows} into the block: from `start`, as many as fit; either learned ones or others.
   * @param end exclusive
   * @returns the number of rows loaded
   */
  encode(start: number, end: number): number {
    const {width} = this
    const kept = this.#keptAt(start)
    const count = Math.min(this.blockRows, Math.min(end, kept?.rows ?? end) - start)
    if (kept === undefined) {
      this.#valuesAt = this.#blockValuesAt
      this.#onesAt = this.#blockOnesAt
      const rows = rowsAt(this.rows.subarray(start, start + count))
      this.#encoder.encode(rows, this.#blockValuesAt, width, this.#blockOnesAt)
      return count
    }
    const {valuesAt, onesAt} = loadKept(kept, this, start, count, this.#blockValuesAt)
    this.#valuesAt = valuesAt
    this.#onesAt = onesAt
    return count
  }

  /**
   * Lets another thread read the rows that are kept.
   * @param bytes that it may claim for a pass
   * @returns undefined if it cannot
   */
  share(bytes: number): SharedDesign | undefined {
    const {scratch, dense, categories, columns, blockRows, width} = this
    if (this.#kept === undefined || !this.#isShared) return undefined
    const at = scratch.claim(blockRows * width * 8 + bytes)
    this.#end = scratch.end
    const {memory: shared, end} = scratch
    return {memory: shared, at, end, dense, categories, columns, blockRows, width, kept: this.#kept}
  }
}

/** The rows that a design keeps, as another thread reads them. */
export class SharedBlocks implements Blocks {
  readonly scratch: Scratch
  readonly dense: number
  readonly categories: number
  readonly columns: number
  readonly blockRows: number
  readonly width: number
  valuesAt = 0
  onesAt = 0
  readonly #kept: KeptRows
  readonly #blockAt: number
  readonly #end: number

  constructor({memory: shared, at, end, dense, categories, columns, blockRows, width, kept}: SharedDesign) {
    this.scratch = new Scratch(shared, at, end)
    this.dense = dense
    this.categories = categories
    this.columns = columns
    this.blockRows = blockRows
    this.width = width
    this.#kept = kept
    this.#blockAt = this.scratch.claim(blockRows * width * 8)
    this.#end = this.scratch.end
  }

  get levels(): number {
    return this.columns - this.dense
  }

  releasePass(): void {
    this.scratch.release(this.#end)
  }

  stretch(start: number, end: number): Stretch {
    return stretchOfKept(this.#kept, this, start, end)
  }

  encode(start: number, end: number): number {
    const count = Math.min(this.blockRows, end - start)
    const {valuesAt, onesAt} = loadKept(this.#kept, this, start, count, this.#blockAt)
    this.valuesAt = valuesAt
    this.onesAt = onesAt
    return count
  }
}

function stretchOfKept(
  {floats, floatsAt, doublesAt, onesAt}: KeptRows,
  {blockRows, width, categories}: Blocks,
  start: number,
  end: number,
): Stretch {
  const blocks = Math.max(1, Math.floor(MOST_AT_ONCE / (blockRows * (width + categories) ** 2)))
  const isFloat = start < floats
  return {
    count: Math.min(blocks * blockRows, end - start),
    valuesAt: isFloat ? floatsAt + start * width * 4 : doublesAt + (start - floats) * width * 8,
    isFloat,
    onesAt: onesAt + start * categories * 4,
  }
}

/** @returns where the block is: floats become doubles at `blockAt` */
function loadKept(
  {floats, floatsAt, doublesAt, onesAt}: KeptRows,
  {scratch, width, categories}: Blocks,
  start: number,
  count: number,
  blockAt: number,
): {valuesAt: number; onesAt: number} {
  const ones = onesAt + start * categories * 4
  if (start >= floats) return {valuesAt: doublesAt + (start - floats) * width * 8, onesAt: ones}
  scratch.kernels.widen(floatsAt + start * width * 4, count * width, blockAt)
  return {valuesAt: blockAt, onesAt: ones}
}

/** Per row of the file its place among some rows; -1 for none. */
function placesOf(rows: Uint32Array): Int32Array {
  let most = -1
  for (let i = 0; i < rows.length; i++) if ((rows[i] ?? 0) > most) most = rows[i] ?? 0
  const places = new Int32Array(most + 1).fill(-1)
  for (let i = 0; i < rows.length; i++) places[rows[i] ?? 0] = i
  return places
}
