import type {Notation} from './notation.ts'

/** A numeric column, NaN for missing values. */
export interface NumberColumn {
  kind: 'number'
  index: number
  name: string
  values: Float64Array
  /** Some numbers were written with a decimal comma. */
  decimalComma: boolean
  /** Marks that were read as decimal ones, and may part thousands. */
  doubt?: 'both-marks' | 'decimals-or-thousands'
  /** If they were not written as plain numbers: one of them, its value, and what decided about its marks. */
  converted?: {example: string; value: number; decidedBy: Notation['decidedBy']}
  /** If it was not read as plain numbers. */
  notation?: Notation
  /** Cells such as `-` or `inf` that were treated as missing. */
  noNumbers: number
}

/** A column of texts: `codes` point into `levels`, -1 for missing values. */
export interface TextColumn {
  kind: 'text'
  index: number
  name: string
  codes: Int32Array
  levels: string[]
  /** There are more distinct texts than were remembered; `codes` is of no use then. */
  overflow: boolean
}

export type Column = NumberColumn | TextColumn

/** A column of at most so many bytes gets memory of earlier files: touching new pages takes longer than reading numbers. */
const MOST_REUSED_BYTES = 1024 * 1024
/** Of all that is kept for later files. */
const MOST_KEPT_BYTES = 24 * 1024 * 1024

/** By their size, a power of two. */
const kept = new Map<number, ArrayBuffer[]>()
let keptBytes = 0
/** Buffers in use that may be kept. */
const reusable = new WeakSet<ArrayBufferLike>()

/** Elements of any value for a column of so many rows, in memory that {@link shorten} or {@link handOn} frees. */
export function reserveNumbers(rows: number): Float64Array<ArrayBuffer> {
  const buffer = reserved(rows * 8)
  return buffer.resizable ? new Float64Array(buffer) : new Float64Array(buffer, 0, rows)
}

/** The same for codes. */
export function reserveCodes(rows: number): Int32Array<ArrayBuffer> {
  const buffer = reserved(rows * 4)
  return buffer.resizable ? new Int32Array(buffer) : new Int32Array(buffer, 0, rows)
}

function reserved(bytes: number): ArrayBuffer {
  if (bytes > MOST_REUSED_BYTES) {
    drop()
    return new ArrayBuffer(bytes, {maxByteLength: bytes})
  }
  const size = 2 ** Math.ceil(Math.log2(Math.max(1, bytes)))
  const earlier = kept.get(size)?.pop()
  if (earlier !== undefined) keptBytes -= size
  const buffer = earlier ?? new ArrayBuffer(size)
  reusable.add(buffer)
  return buffer
}

/** Hands the memory of elements that nothing uses any more on to other files, if there is room to keep it. */
export function handOn({buffer}: Float64Array | Int32Array): void {
  const size = buffer.byteLength
  if (!(buffer instanceof ArrayBuffer) || keptBytes + size > MOST_KEPT_BYTES || !reusable.delete(buffer))
    return
  const others = kept.get(size)
  if (others === undefined) kept.set(size, [buffer])
  else others.push(buffer)
  keptBytes += size
}

/** Frees what is kept: a large file needs the room. */
function drop(): void {
  for (const buffers of kept.values()) for (const buffer of buffers) buffer.transfer(0)
  kept.clear()
  keptBytes = 0
}

/** The column's first rows. The memory of the others is freed if the column is large. */
export function shorten(values: Float64Array, rows: number): Float64Array
export function shorten(values: Int32Array, rows: number): Int32Array
export function shorten(values: Float64Array | Int32Array, rows: number): Float64Array | Int32Array {
  const {buffer, BYTES_PER_ELEMENT, length} = values
  if (!(buffer instanceof ArrayBuffer) || !buffer.resizable) return values.subarray(0, rows)
  if (rows < length) buffer.resize(rows * BYTES_PER_ELEMENT)
  return values
}

/** Moves the elements of some rows together. @param from where the first of them goes */
export function retain(values: Float64Array | Int32Array, rows: Uint32Array, from: number): void {
  for (let i = 0; i < rows.length; i++) values[from + i] = values[rows[i] ?? 0] ?? NaN
}
