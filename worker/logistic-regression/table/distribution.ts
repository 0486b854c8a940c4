import type {NumberColumn, TextColumn} from './columns.ts'
import {presentAt} from './rows.ts'

/** How a column's values are distributed in the rows a model learned from. Plain data: part of the artifact. */
export type Distribution = NumberDistribution | CategoryDistribution

export interface NumberDistribution {
  column: string
  kind: 'number'
  /** Rows counted: at most 10,000, evenly spaced. */
  rows: number
  /** Share of rows without a number. */
  missing: number
  least: number
  most: number
  /** Rising: the deciles, each once. */
  quantiles: number[]
  /** Shares of rows up to the first of them, from there up to the next and so on, and beyond the last. */
  shares: number[]
}

interface CategoryDistribution {
  column: string
  kind: 'category'
  rows: number
  missing: number
  /** The most frequent values. */
  levels: string[]
  /** Their shares of rows, and last that of all other values. */
  shares: number[]
}

const MOST_ROWS = 10_000
const MOST_LEVELS = 100
const DECILES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]

/**
 * The distribution of numbers in some rows.
 * @param sorted the numbers of a column in those rows, less missing ones
 */
export function distributionOfNumbers(name: string, sorted: Float64Array, rows: number): NumberDistribution {
  const quantiles = [
    ...new Set(DECILES.map((share) => sorted[Math.floor(share * (sorted.length - 1))] ?? 0)),
  ].slice(0, sorted.length === 0 ? 0 : undefined)
  return {
    column: name,
    kind: 'number',
    rows,
    missing: (rows - sorted.length) / Math.max(1, rows),
    least: sorted[0] ?? 0,
    most: sorted.at(-1) ?? 0,
    quantiles,
    shares: sharesBetween(quantiles, sorted, rows),
  }
}

/** The distribution of texts in some rows. */
export function distributionOfTexts(
  {name, codes, levels}: TextColumn,
  rows: Uint32Array,
): CategoryDistribution {
  const counts = countsOf(codes, levels.length, rows)
  const order = levels.map((_, code) => code).filter((code) => (counts[code] ?? 0) > 0)
  const own = order.toSorted((a, b) => (counts[b] ?? 0) - (counts[a] ?? 0) || a - b).slice(0, MOST_LEVELS)
  const known = own.map((code) => levels[code] ?? '')
  return {column: name, kind: 'category', levels: known, ...sharesOf(known, levels, counts, rows.length)}
}

/** The shares that other numbers have between the quantiles, and of missing ones. */
export function numbersAgainst(
  {quantiles}: NumberDistribution,
  {values}: NumberColumn,
  rows: Uint32Array,
): {rows: number; missing: number; shares: number[]} {
  const sample = evenly(rows)
  const sorted = presentAt(values, sample).toSorted()
  return {
    rows: sample.length,
    missing: (sample.length - sorted.length) / Math.max(1, sample.length),
    shares: sharesBetween(quantiles, sorted, sample.length),
  }
}

/** The shares that the values of another column have, and of missing ones. */
export function textsAgainst(
  {levels: known}: CategoryDistribution,
  {codes, levels}: TextColumn,
  rows: Uint32Array,
): {rows: number; missing: number; shares: number[]} {
  return sharesOf(known, levels, countsOf(codes, levels.length, rows), rows.length)
}

function sharesOf(
  known: readonly string[],
  levels: readonly string[],
  counts: Float64Array,
  rows: number,
): {rows: number; missing: number; shares: number[]} {
  const all = Math.max(1, rows)
  const codeOf = new Map(levels.map((level, code) => [level, code]))
  const shares = known.map((level) => (counts[codeOf.get(level) ?? -1] ?? 0) / all)
  const present = counts.reduce((sum, count) => sum + count, 0) / all
  const ofKnown = shares.reduce((sum, share) => sum + share, 0)
  return {rows, missing: 1 - present, shares: [...shares, Math.max(0, present - ofKnown)]}
}

function countsOf(codes: Int32Array, levels: number, rows: Uint32Array): Float64Array {
  const counts = new Float64Array(levels)
  for (let i = 0; i < rows.length; i++) {
    const code = codes[rows[i] ?? 0] ?? -1
    if (code >= 0) counts[code] = (counts[code] ?? 0) + 1
  }
  return counts
}

function sharesBetween(quantiles: readonly number[], sorted: Float64Array, rows: number): number[] {
  const counts = Array.from({length: quantiles.length + 1}, () => 0)
  let bin = 0
  for (const value of sorted) {
    while (bin < quantiles.length && value > (quantiles[bin] ?? 0)) bin++
    counts[bin] = (counts[bin] ?? 0) + 1
  }
  return counts.map((count) => count / Math.max(1, rows))
}

function evenly(rows: Uint32Array): Uint32Array {
  if (rows.length <= MOST_ROWS) return rows
  return Uint32Array.from({length: MOST_ROWS}, (_, i) => rows[Math.floor((i * rows.length) / MOST_ROWS)] ?? 0)
}
