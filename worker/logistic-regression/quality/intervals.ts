import type {Interval, Share} from '../../contract.ts'

/** Of a standard normal variable: 95 % lie within. */
const Z = 1.959963984540054

/** A share with Wilson's interval, which holds for few rows and for shares of 0 and 1 too. */
export function shareOf(hits: number, count: number): Share {
  if (count === 0) return {value: null, interval: null}
  return {value: hits / count, interval: wilson(hits, count)}
}

/** Wilson's 95 % interval of a share (E. B. Wilson, 1927). */
export function wilson(hits: number, count: number): Interval {
  const share = hits / count
  const center = (share + (Z * Z) / (2 * count)) / (1 + (Z * Z) / count)
  const half =
    (Z / (1 + (Z * Z) / count)) * Math.sqrt((share * (1 - share)) / count + (Z * Z) / (4 * count * count))
  return [hits === 0 ? 0 : center - half, hits === count ? 1 : center + half]
}

/** An estimate and its standard error as a 95 % interval. */
export function intervalAround(value: number, standardError: number): Interval {
  return [value - Z * standardError, value + Z * standardError]
}
