/** A numeric column, NaN for missing values. */
export interface NumberColumn {
  kind: 'number'
  index: number
  name: string
  values: Float64Array
  /** Some numbers were written with a decimal comma. */
  decimalComma: boolean
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
