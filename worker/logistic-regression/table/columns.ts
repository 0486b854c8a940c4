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

/** Elements for a column of so many rows, as yet 0, in memory that {@link shorten} can free. */
export function reserveNumbers(rows: number): Float64Array<ArrayBuffer> {
  return new Float64Array(resizable(rows * 8))
}

/** The same for codes. */
export function reserveCodes(rows: number): Int32Array<ArrayBuffer> {
  return new Int32Array(resizable(rows * 4))
}

function resizable(bytes: number): ArrayBuffer {
  return new ArrayBuffer(bytes, {maxByteLength: bytes})
}

/** Frees the memory of the rows from `rows` on, if the column was read from a file. */
export function shorten({buffer, BYTES_PER_ELEMENT, length}: Float64Array | Int32Array, rows: number): void {
  if (buffer instanceof ArrayBuffer && buffer.resizable && rows < length)
    buffer.resize(rows * BYTES_PER_ELEMENT)
}

/** Moves the elements of some rows together. @param from where the first of them goes */
export function retain(values: Float64Array | Int32Array, rows: Uint32Array, from: number): void {
  for (let i = 0; i < rows.length; i++) values[from + i] = values[rows[i] ?? 0] ?? NaN
}
