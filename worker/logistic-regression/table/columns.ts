/** A column of numbers, NaN where there is none. */
export interface NumberColumn {
  kind: 'number'
  index: number
  name: string
  values: Float64Array
  /** Some numbers were written with a decimal comma. */
  decimalComma: boolean
  /** Cells such as `-` or `inf` that were taken for missing. */
  noNumbers: number
}

/** A column of texts: `codes` point into `levels`, -1 where there is none. */
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
