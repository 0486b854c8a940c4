/** ln 2, its first bits and the rest: a whole multiple of the first is exact. */
const LN2_HIGH: f64 = 6.9314718036912381649e-1
const LN2_LOW: f64 = 1.90821492927058770002e-10
const LOG2_E: f64 = 1.442695040888963387
/** Adding it puts a whole number into the lowest bits of a double. */
const WHOLE: f64 = 6755399441055744
/** Below this the power is 0. */
const LEAST: f64 = -800

/**
 * e^x for two x of at most 0: of x = n ln 2 + r the power of two, times the power series of e^r up to r^13, which is
 * 0.85 units in the last place off at worst.
 */
export function exp(x: v128): v128 {
  const bounded = f64x2.max(x, f64x2.splat(LEAST))
  const n = f64x2.nearest(f64x2.mul(bounded, f64x2.splat(LOG2_E)))
  const r = f64x2.sub(
    f64x2.sub(bounded, f64x2.mul(n, f64x2.splat(LN2_HIGH))),
    f64x2.mul(n, f64x2.splat(LN2_LOW)),
  )
  let sum = f64x2.splat(1.0 / 6227020800)
  sum = f64x2.add(f64x2.mul(sum, r), f64x2.splat(1.0 / 479001600))
  sum = f64x2.add(f64x2.mul(sum, r), f64x2.splat(1.0 / 39916800))
  sum = f64x2.add(f64x2.mul(sum, r), f64x2.splat(1.0 / 3628800))
  sum = f64x2.add(f64x2.mul(sum, r), f64x2.splat(1.0 / 362880))
  sum = f64x2.add(f64x2.mul(sum, r), f64x2.splat(1.0 / 40320))
  sum = f64x2.add(f64x2.mul(sum, r), f64x2.splat(1.0 / 5040))
  sum = f64x2.add(f64x2.mul(sum, r), f64x2.splat(1.0 / 720))
  sum = f64x2.add(f64x2.mul(sum, r), f64x2.splat(1.0 / 120))
  sum = f64x2.add(f64x2.mul(sum, r), f64x2.splat(1.0 / 24))
  sum = f64x2.add(f64x2.mul(sum, r), f64x2.splat(1.0 / 6))
  sum = f64x2.add(f64x2.mul(sum, r), f64x2.splat(0.5))
  sum = f64x2.add(f64x2.mul(sum, r), f64x2.splat(1))
  sum = f64x2.add(f64x2.mul(sum, r), f64x2.splat(1))
  // In two steps, since the smallest doubles are a power of two beyond the exponents.
  const half = f64x2.nearest(f64x2.mul(n, f64x2.splat(0.5)))
  return f64x2.mul(f64x2.mul(sum, powerOfTwo(half)), powerOfTwo(f64x2.sub(n, half)))
}

/** 2^n for two whole n: the bits of an exponent. */
function powerOfTwo(n: v128): v128 {
  const whole = f64x2.add(n, f64x2.splat(WHOLE))
  return i64x2.shl(i64x2.add(whole, i64x2.splat(1023)), 52)
}

/**
 * ln(1 + x) for two x from 0 to 1: twice the inverse hyperbolic tangent of t = x / (2 + x), by its power series up to
 * t^35, whose rest is below a unit in the last place.
 */
export function log1p(x: v128): v128 {
  const t = f64x2.div(x, f64x2.add(x, f64x2.splat(2)))
  const square = f64x2.mul(t, t)
  let sum = f64x2.splat(1.0 / 35)
  for (let divisor: f64 = 33; divisor > 0; divisor -= 2)
    sum = f64x2.add(f64x2.mul(sum, square), f64x2.splat(1 / divisor))
  return f64x2.mul(f64x2.add(t, t), sum)
}
