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

/** Moves the elements of some rows together. @param from where the first of them goes */
export function retain(values: Float64Array | Int32Array, rows: Uint32Array, from: number): void {
  for (let i = 0; i < rows.length; i++) values[from + i] = values[rows[i] ?? 0] ?? NaN
}
