const PLUS: i32 = 0x2b
const MINUS: i32 = 0x2d
const POINT: i32 = 0x2e
/** Digits of which any number is below 2^53, so that it and the power of ten it is divided by are exact. */
const MOST_DIGITS: i32 = 15

/**
 * Reads a column's fields as plain decimal numbers, such as `-12.5`: the very doubles that `Number()` makes of them,
 * but for -0, which is read as 0. Places count from `bytes`, which has 16 bytes before it.
 * @param starts of the column's first field; `step` bytes later is its next one
 * @param powers of ten, from 0 to 15
 * @param values gets the numbers, and NaN for every other field
 * @param others gets the first record with a number (`records` if there is none), then those whose field is neither a
 * number of at most 15 digits nor empty
 * @returns how many others
 */
export function decimals(
  bytes: usize,
  starts: usize,
  stops: usize,
  step: i32,
  records: i32,
  powers: usize,
  values: usize,
  others: usize,
): i32 {
  const places = i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
  const zeros = i8x16.splat(0x30)
  const nines = i8x16.splat(9)
  const tens = i16x8.splat(10)
  const hundreds = i16x8(100, 1, 100, 1, 100, 1, 100, 1)
  let first = records
  let count = 0
  for (let record = 0; record < records; record++, starts += step, stops += step, values += 8) {
    let start = load<i32>(starts)
    const stop = load<i32>(stops)
    store<f64>(values, NaN)
    if (start === stop) continue
    const sign = <i32>load<u8>(bytes + start)
    start += i32(sign === MINUS) | i32(sign === PLUS)
    const length = stop - start
    let isOther = length < 1 || length > MOST_DIGITS + 1
    if (!isOther) {
      // The field at the end of 16 digits, and zeros before it.
      const isField = i8x16.ge_s(places, i8x16.splat(<i8>(16 - length)))
      let digits = v128.and(i8x16.sub(v128.load(bytes + stop - 16), zeros), isField)
      const noDigits = i8x16.bitmask(i8x16.gt_u(digits, nines))
      let afterPoint = 0
      if (noDigits === 0) {
        isOther = length > MOST_DIGITS
      } else {
        const point = ctz(noDigits)
        afterPoint = 15 - point
        isOther =
          (noDigits & (noDigits - 1)) !== 0 ||
          length === 1 ||
          <i32>load<u8>(bytes + stop - 16 + point) !== POINT
        // The digits before the point move up to those after it.
        digits = i8x16.swizzle(digits, i8x16.add(places, i8x16.le_s(places, i8x16.splat(<i8>point))))
      }
      if (!isOther) {
        const pairs = i16x8.add(i16x8.mul(v128.and(digits, i16x8.splat(0xff)), tens), i16x8.shr_u(digits, 8))
        const fours = i32x4.dot_i16x8_s(pairs, hundreds)
        const upper = i32x4.extract_lane(fours, 0) * 10000 + i32x4.extract_lane(fours, 1)
        const lower = i32x4.extract_lane(fours, 2) * 10000 + i32x4.extract_lane(fours, 3)
        const whole = <f64>upper * 1e8 + <f64>lower
        const value = whole / load<f64>(powers + ((<usize>afterPoint) << 3))
        store<f64>(values, sign === MINUS && value !== 0 ? -value : value)
        if (first === records) first = record
      }
    }
    if (isOther) store<i32>(others + ((<usize>++count) << 2), record)
  }
  store<i32>(others, first)
  return count
}
