/** Puts columns of a design into rows: column j begins `room` doubles after column j - 1. */
export function rowsOf(from: usize, room: i32, columns: i32, rows: i32, to: usize, width: i32): void {
  const rowBytes: usize = (<usize>width) << 3
  const columnBytes: usize = (<usize>room) << 3
  let j = 0
  for (; j + 2 <= columns; j += 2) {
    let first = from + <usize>j * columnBytes
    let into = to + ((<usize>j) << 3)
    // A pair of rows at the end may be one: there is room for it.
    for (let i = 0; i < rows; i += 2) {
      const a = v128.load(first)
      const b = v128.load(first + columnBytes)
      v128.store(into, v128.shuffle<f64>(a, b, 0, 2))
      v128.store(into + rowBytes, v128.shuffle<f64>(a, b, 1, 3))
      first += 16
      into += rowBytes << 1
    }
  }
  if (j === columns) return
  const last = from + <usize>j * columnBytes
  for (let i = 0; i < rows; i++)
    store<f64>(to + ((<usize>j) << 3) + <usize>i * rowBytes, load<f64>(last + ((<usize>i) << 3)))
}

/** @param count of the floats that become doubles: a multiple of four */
export function widen(from: usize, count: i32, to: usize): void {
  for (const end = from + ((<usize>count) << 2); from < end; from += 16) {
    const four = v128.load(from)
    v128.store(to, f64x2.promote_low_f32x4(four))
    v128.store(to + 16, f64x2.promote_low_f32x4(v128.shuffle<i64>(four, four, 1, 1)))
    to += 32
  }
}
