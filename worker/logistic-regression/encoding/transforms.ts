/**
 * What is done to a number before it is standardized. Plain data: part of the artifact.
 *
 * `normal-scores` is a map to a normal distribution: piecewise linear from the quantiles of the training rows
 * (`from`, rising) to those of the standard normal distribution (`to`); constant outside.
 */
export type Transform = {kind: 'identity'} | {kind: 'normal-scores'; from: number[]; to: number[]}

/** Knots of a map, evenly spaced on the side of the normal distribution: tails have as many as the middle. */
const KNOTS = 200
/** Number of values that quantiles and tails are estimated from: ranks are then known to half a percent. */
export const MOST_VALUES_RANKED = 10_000

/**
 * The map that makes `ranked` normally distributed. A value that several quantiles share (zeros, say) gets the mean
 * of their normal scores.
 * @param ranked values in rising order, at least one
 */
export function fitNormalScores(ranked: Float64Array): Transform {
  const end = furthestScore(ranked.length)
  const score = (knot: number): number => end * ((2 * knot) / (KNOTS - 1) - 1)
  const values = Array.from({length: KNOTS}, (_, knot) => quantile(ranked, normalCdf(score(knot))))
  const from: number[] = []
  const to: number[] = []
  for (let first = 0, next = 0; first < KNOTS; first = next) {
    const value = values[first] ?? 0
    while (next < KNOTS && values[next] === value) next++
    from.push(value)
    to.push(next - first === 1 ? score(first) : meanScore(score(first), score(next - 1)))
  }
  return {kind: 'normal-scores', from, to}
}

/** Linear interpolation between the two nearest ranks. */
export function quantile(ranked: Float64Array, share: number): number {
  const rank = Math.min(1, Math.max(0, share)) * (ranked.length - 1)
  const below = ranked[Math.floor(rank)] ?? NaN
  const above = ranked[Math.ceil(rank)] ?? NaN
  // Weighted separately: the difference of two large values of opposite sign may exceed a double.
  return below === above ? below : below * (1 - (rank % 1)) + above * (rank % 1)
}

/** The knot whose score is nearest to `score`. */
export function atScore(transform: Transform, score: number): {value: number; score: number} {
  if (transform.kind === 'identity') return {value: score, score}
  let nearest = 0
  transform.to.forEach((found, knot) => {
    if (Math.abs(found - score) < Math.abs((transform.to[nearest] ?? 0) - score)) nearest = knot
  })
  return {value: transform.from[nearest] ?? NaN, score: transform.to[nearest] ?? NaN}
}

/** The normal score that half a row of `count` lies beyond. */
function furthestScore(count: number): number {
  let low = 0
  let high = 6
  for (let step = 0; step < 50; step++) {
    const middle = (low + high) / 2
    if (1 - normalCdf(middle) > 0.5 / count) low = middle
    else high = middle
  }
  return low
}

/** The mean of a standard normal variable between two values. */
function meanScore(low: number, high: number): number {
  return (density(low) - density(high)) / (normalCdf(high) - normalCdf(low))
}

function density(x: number): number {
  return Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)
}

/** The standard normal distribution's cumulative function, by its power series: good to 1e-15 up to 7 either side. */
function normalCdf(x: number): number {
  let sum = x
  let term = x
  for (let i = 3; Math.abs(term) > 1e-17 * Math.abs(sum); i += 2) {
    term *= (x * x) / i
    sum += term
  }
  return 0.5 + sum * density(x)
}
