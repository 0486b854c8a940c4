/** Indexes of the rows with a class. */
export function labelledRows(codes: Int32Array): Uint32Array {
  return rowsOf(codes, true)
}

/** Indexes of the rows without one. */
export function unlabelledRows(codes: Int32Array): Uint32Array {
  return rowsOf(codes, false)
}

/** Codes of some rows, in their order. */
export function codesAt(codes: Int32Array, rows: Uint32Array): Int32Array {
  const some = new Int32Array(rows.length)
  for (let i = 0; i < rows.length; i++) some[i] = codes[rows[i] ?? 0] ?? 0
  return some
}

/** The non-missing numbers among the rows. */
export function presentAt(values: Float64Array, rows: Uint32Array): Float64Array {
  const some = new Float64Array(rows.length)
  let count = 0
  for (let i = 0; i < rows.length; i++) {
    const value = values[rows[i] ?? 0] ?? NaN
    if (value === value) some[count++] = value
  }
  return some.subarray(0, count)
}

function rowsOf(codes: Int32Array, labelled: boolean): Uint32Array {
  const rows = new Uint32Array(codes.length)
  let count = 0
  for (let row = 0; row < codes.length; row++) if ((codes[row] ?? -1) >= 0 === labelled) rows[count++] = row
  return rows.subarray(0, count)
}
