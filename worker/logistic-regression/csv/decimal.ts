/** Digits of which any number is below 2^53, so that it and the power of ten it is divided by are exact. */
const MOST_EXACT_DIGITS = 15
const POWERS_OF_TEN = Float64Array.from({length: MOST_EXACT_DIGITS + 1}, (_, exponent) => 10 ** exponent)
const PLUS = 0x2b
const MINUS = 0x2d
const POINT = 0x2e
const ZERO = 0x30

/** The very double that `Number()` makes of these digits, if they are at most 15. */
export function decimalOf(digits: number, decimals: number, sign: number | undefined): number {
  const value = digits / (POWERS_OF_TEN[decimals] ?? 1)
  return sign === MINUS && value !== 0 ? -value : value
}

/**
 * Reads plain decimal numbers, such as `-12.5`, off their bytes: the very double that `Number()` makes of the text.
 * @returns NaN for anything else, and for more than 15 digits
 */
export function readDecimal(bytes: Uint8Array, start: number, stop: number): number {
  const sign = bytes[start]
  let at = sign === MINUS || sign === PLUS ? start + 1 : start
  // With a sign and a point there are no more digits than that; more may be exact, but are rare.
  if (stop - at > MOST_EXACT_DIGITS + 1) return NaN
  const first = at
  let digits = 0
  let point = -1
  for (; at < stop; at++) {
    const digit = (bytes[at] ?? 0) - ZERO
    if (digit >= 0 && digit <= 9) digits = digits * 10 + digit
    else if (digit === POINT - ZERO && point === -1) point = at
    else return NaN
  }
  const decimals = point === -1 ? 0 : stop - point - 1
  const length = stop - first - (point === -1 ? 0 : 1)
  if (length === 0 || length > MOST_EXACT_DIGITS) return NaN
  return decimalOf(digits, decimals, sign)
}
