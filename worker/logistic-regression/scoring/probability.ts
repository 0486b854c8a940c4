/** Digits of a probability in the result: more than any use needs, and short enough to read. */
const SIGNIFICANT_DIGITS = 6
/** As long as `1.23457e-308`. */
export const MOST_PROBABILITY_BYTES = 13
/** From here on `String()` writes no exponent. */
const LEAST_PLAIN = 1e-6
const ZERO = 0x30
const POINT = 0x2e
const COMMA = 0x2c

export type DecimalMark = '.' | ','

/**
 * Writes a probability as text, rounded to six significant digits without trailing zeros.
 * @param mark of decimals
 * @returns where it ends
 */
export function writeProbability(
  probability: number,
  into: Buffer,
  at: number,
  mark: DecimalMark = '.',
): number {
  if (probability < LEAST_PLAIN || !(probability < 1)) {
    const text = String(Number(probability.toPrecision(SIGNIFICANT_DIGITS)))
    return at + into.write(text.replace('.', mark), at, 'latin1')
  }
  let decimals = SIGNIFICANT_DIGITS
  let digits = probability * 1e6
  for (; digits < 1e5; decimals++) digits *= 10
  digits = Math.round(digits)
  while (decimals > 0 && digits % 10 === 0) {
    digits /= 10
    decimals--
  }
  into[at] = ZERO + (decimals === 0 ? digits : 0)
  if (decimals === 0) return at + 1
  into[at + 1] = mark === ',' ? COMMA : POINT
  const end = at + 2 + decimals
  for (let place = end - 1; place > at + 1; place--) {
    into[place] = ZERO + (digits % 10)
    digits = Math.floor(digits / 10)
  }
  return end
}
