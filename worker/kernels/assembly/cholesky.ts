/**
 * Solves for one row of the triangle L of A = L L^T, from the rows above it: before the diagonal in place.
 * @param triangle row-major, `size` x `size`; row `i` has the entries of A, the rows above it those of L
 * @returns the diagonal entry of A less the squares of the row before it
 */
export function factorRow(triangle: usize, size: i32, i: i32): f64 {
  const rowBytes: usize = (<usize>size) << 3
  const row = triangle + <usize>i * rowBytes
  let j = 0
  // Four at a time: each pair of the row that is loaded serves all of them.
  for (; j + 4 <= i; j += 4) {
    const end: usize = (<usize>j) << 3
    const row0 = triangle + <usize>j * rowBytes
    const row1 = row0 + rowBytes
    const row2 = row1 + rowBytes
    const row3 = row2 + rowBytes
    let s0 = f64x2.splat(0)
    let s1 = s0
    let s2 = s0
    let s3 = s0
    for (let at: usize = 0; at < end; at += 16) {
      const pair = v128.load(row + at)
      s0 = f64x2.add(s0, f64x2.mul(pair, v128.load(row0 + at)))
      s1 = f64x2.add(s1, f64x2.mul(pair, v128.load(row1 + at)))
      s2 = f64x2.add(s2, f64x2.mul(pair, v128.load(row2 + at)))
      s3 = f64x2.add(s3, f64x2.mul(pair, v128.load(row3 + at)))
    }
    const into = row + end
    const x0 = (load<f64>(into) - sumOf(s0)) / load<f64>(row0 + end)
    const x1 = (load<f64>(into, 8) - sumOf(s1) - x0 * load<f64>(row1 + end)) / load<f64>(row1 + end, 8)
    const x2 =
      (load<f64>(into, 16) - sumOf(s2) - x0 * load<f64>(row2 + end) - x1 * load<f64>(row2 + end, 8)) /
      load<f64>(row2 + end, 16)
    const x3 =
      (load<f64>(into, 24) -
        sumOf(s3) -
        x0 * load<f64>(row3 + end) -
        x1 * load<f64>(row3 + end, 8) -
        x2 * load<f64>(row3 + end, 16)) /
      load<f64>(row3 + end, 24)
    store<f64>(into, x0)
    store<f64>(into, x1, 8)
    store<f64>(into, x2, 16)
    store<f64>(into, x3, 24)
  }
  for (; j < i; j++) {
    const other = triangle + <usize>j * rowBytes
    const end: usize = (<usize>j) << 3
    store<f64>(row + end, (load<f64>(row + end) - product(row, other, j)) / load<f64>(other + end))
  }
  return load<f64>(row + ((<usize>i) << 3)) - product(row, row, i)
}

function product(a: usize, b: usize, count: i32): f64 {
  let sum = f64x2.splat(0)
  const end: usize = (<usize>count) << 3
  let at: usize = 0
  for (; at + 16 <= end; at += 16) sum = f64x2.add(sum, f64x2.mul(v128.load(a + at), v128.load(b + at)))
  return at < end ? sumOf(sum) + load<f64>(a + at) * load<f64>(b + at) : sumOf(sum)
}

function sumOf(pair: v128): f64 {
  return f64x2.extract_lane(pair, 0) + f64x2.extract_lane(pair, 1)
}
