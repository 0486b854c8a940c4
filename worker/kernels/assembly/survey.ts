/**
 * One look at some numbers, none of them NaN. Adds to `stats`, pairs of doubles whose lanes are to be joined: the least,
 * the most, and, of the distances from `middle` after a multiplication by `unit`, the sum and the sum of squares; then
 * how many numbers are below `low`.
 * @param middle after the multiplication
 * @param among gets the numbers from `low` to `high`; has room for all
 * @returns how many these are
 */
export function survey(
  numbers: usize,
  count: i32,
  low: f64,
  high: f64,
  middle: f64,
  unit: f64,
  stats: usize,
  among: usize,
): i32 {
  const units = f64x2.splat(unit)
  const middles = f64x2.splat(middle)
  let least = v128.load(stats)
  let most = v128.load(stats, 16)
  let sum = v128.load(stats, 32)
  let squares = v128.load(stats, 48)
  let below = 0
  const first = among
  const end = numbers + ((<usize>count) << 3)
  for (let at = numbers; at < end; at += 16) {
    const isPair = at + 16 <= end
    const pair = isPair ? v128.load(at) : v128.load64_splat(at)
    least = f64x2.min(least, pair)
    most = f64x2.max(most, pair)
    let distance = f64x2.sub(f64x2.mul(pair, units), middles)
    if (!isPair) distance = f64x2.replace_lane(distance, 1, 0)
    sum = f64x2.add(sum, distance)
    squares = f64x2.add(squares, f64x2.mul(distance, distance))
    const one = load<f64>(at)
    store<f64>(among, one)
    among += (<usize>(i32(one >= low) & i32(one <= high))) << 3
    below += i32(one < low)
    if (!isPair) break
    const other = load<f64>(at + 8)
    store<f64>(among, other)
    among += (<usize>(i32(other >= low) & i32(other <= high))) << 3
    below += i32(other < low)
  }
  v128.store(stats, least)
  v128.store(stats + 16, most)
  v128.store(stats + 32, sum)
  v128.store(stats + 48, squares)
  store<f64>(stats + 64, load<f64>(stats + 64) + <f64>below)
  return <i32>((among - first) >> 3)
}
