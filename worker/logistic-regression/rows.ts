/** Indexes of the rows whose code is wanted. */
export function rowsWhere(codes: Int32Array, wanted: (code: number) => boolean): Uint32Array {
  let count = 0
  for (const code of codes) if (wanted(code)) count++
  const rows = new Uint32Array(count)
  let at = 0
  codes.forEach((code, row) => {
    if (wanted(code)) rows[at++] = row
  })
  return rows
}
