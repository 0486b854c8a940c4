import {ScratchPool} from '../../kernels/scratch.ts'
import type {Pacer} from '../pacer.ts'
import type {TextColumn} from '../table/columns.ts'
import {type FeatureChoice, MOST_CATEGORIES} from '../table/features.ts'
import {Gatherer} from './gatherer.ts'
import {Mapper} from './mapper.ts'
import {Surveyor} from './survey.ts'
import {MOST_VALUES_RANKED, type Transform} from './transforms.ts'

/** How one numeric column becomes columns of the design matrix. Plain data: part of the artifact. */
export interface NumericEncoder {
  column: string
  /** Applied to each number and to the median before the standardization. */
  transform: Transform
  /** Replaces a missing number. */
  median: number
  /** The encoded value is (transform(x) - mean) / scale; scale is the standard deviation, 1 for a constant. */
  mean: number
  scale: number
  /** The indicator of a missing number, standardized too; null if no training row has a missing number. */
  missing: {mean: number; scale: number} | null
}

/** How one text column becomes 0/1 columns, one per level; an unknown level has 0 in all of them unless `pooled`. */
export interface CategoryEncoder {
  column: string
  /** Without the two below. */
  levels: string[]
  /** All other levels share one column, including unseen ones. */
  pooled: boolean
  /** Missing values have a column of their own. */
  missing: boolean
  /** Place of its commonest column in training: of the levels, then the shared one, then the missing values'. */
  commonest: number
}

/** From a row of the file to a row of the design matrix: all numbers first, then all categories. */
export interface Preprocessing {
  numbers: NumericEncoder[]
  categories: CategoryEncoder[]
}

/** A column of the design matrix. */
export interface Term {
  column: string
  kind: 'numeric' | 'missing' | 'category'
  level?: string
  /** Numbers the encoders of its kind's list in {@link Preprocessing}. */
  encoder: number
}

const memory = new ScratchPool()

export const MISSING_LEVEL = '(missing)'
export const POOLED_LEVEL = '(other)'

/**
 * Which columns the design matrix has. Determined once, on all labelled rows, so that the model of each fold has the
 * same columns; labels are not used, and a column that is constant in a fold gets the coefficient 0 there.
 */
export interface Layout {
  choice: FeatureChoice
  /** Per column of numbers: has an indicator. */
  indicators: boolean[]
  /** Per column of texts. */
  categories: {
    encoder: CategoryEncoder
    /** From the column's codes to a place among the encoder's columns, -1 for none. */ placeOf: Int32Array
    missingPlace: number
  }[]
}

/** @param rows indexes of the labelled rows */
export function layOut(choice: FeatureChoice, rows: Uint32Array): Layout {
  return {
    choice,
    indicators: choice.numbers.map(({values}) => hasGaps(values, rows)),
    categories: choice.categories.map((column) => layOutCategory(column, rows)),
  }
}

function hasGaps(values: Float64Array, rows: Uint32Array): boolean {
  for (let i = 0; i < rows.length; i++) {
    const value = values[rows[i] ?? 0] ?? NaN
    if (value !== value) return true
  }
  return false
}

function layOutCategory({name, codes, levels}: TextColumn, rows: Uint32Array): Layout['categories'][number] {
  const counts = new Uint32Array(levels.length)
  let missing = 0
  for (let i = 0; i < rows.length; i++) {
    const code = codes[rows[i] ?? 0] ?? -1
    if (code < 0) missing++
    else counts[code] = (counts[code] ?? 0) + 1
  }
  const seen = levels.map((_, code) => code).filter((code) => (counts[code] ?? 0) > 0)
  const byFrequency = seen.toSorted((a, b) => (counts[b] ?? 0) - (counts[a] ?? 0) || a - b)
  const own = byFrequency.slice(0, MOST_CATEGORIES).toSorted((a, b) => compareText(levels[a], levels[b]))
  const pooled = seen.length > own.length
  const others = byFrequency.slice(MOST_CATEGORIES).reduce((sum, code) => sum + (counts[code] ?? 0), 0)
  const rowsOf = [...own.map((code) => counts[code] ?? 0), ...(pooled ? [others] : []), missing]
  const encoder = {
    column: name,
    levels: own.map((code) => levels[code] ?? ''),
    pooled,
    missing: missing > 0,
    commonest: rowsOf.indexOf(Math.max(...rowsOf)),
  }
  return {encoder, ...placesIn(encoder, levels)}
}

/**
 * The places that the levels of a column have among an encoder's columns: the shared one, or none, if the encoder
 * does not know them.
 */
export function placesIn(
  encoder: CategoryEncoder,
  levels: readonly string[],
): Pick<Layout['categories'][number], 'placeOf' | 'missingPlace'> {
  const {pooled, missing} = encoder
  const own = encoder.levels.length
  const places = new Map(encoder.levels.map((level, place) => [level, place]))
  return {
    placeOf: Int32Array.from(levels, (level) => places.get(level) ?? (pooled ? own : -1)),
    missingPlace: missing ? own + Number(pooled) : -1,
  }
}

/**
 * Takes medians, means and standard deviations from the rows a model is trained on, and from no others:
 * in cross-validation each fold has its own.
 * @param transforms per column of numbers; without one the number itself
 * @param inOrder the same rows in the order of the file, which memory is read fastest in
 */
export async function fitPreprocessing(
  layout: Layout,
  rows: Uint32Array,
  pacer: Pacer,
  transforms: readonly Transform[] = [],
  inOrder = rows,
): Promise<Preprocessing> {
  const scratch = memory.take()
  const surveyor = new Surveyor(scratch)
  const gatherer = new Gatherer(inOrder, scratch)
  const mapper = new Mapper(scratch)
  const numbers: NumericEncoder[] = []
  for (const [i, {name, values}] of layout.choice.numbers.entries()) {
    const transform = transforms[i] ?? {kind: 'identity'}
    const {present, median, spreadWith} = surveyor.survey(gatherer.numbersOf(values))
    const missing = rows.length - present
    const share = 1 - present / rows.length
    const shareScale = Math.sqrt(share * (1 - share))
    numbers.push({
      column: name,
      transform,
      median,
      ...(transform.kind === 'identity'
        ? spreadWith(missing, median)
        : spreadOfMapped(values, transform, rows, median, surveyor, mapper)),
      missing: layout.indicators[i] === true ? {mean: share, scale: shareScale > 0 ? shareScale : 1} : null,
    })
    if (pacer.due) await pacer.pause()
  }
  memory.give(scratch)
  return {numbers, categories: layout.categories.map(({encoder}) => encoder)}
}

/** From as many evenly spaced rows as the map itself: any nearby constants would do. */
function spreadOfMapped(
  values: Float64Array,
  transform: Transform,
  rows: Uint32Array,
  median: number,
  surveyor: Surveyor,
  mapper: Mapper,
): {mean: number; scale: number} {
  const stride = Math.max(1, Math.floor(rows.length / MOST_VALUES_RANKED))
  const spaced = new Float64Array(Math.ceil(rows.length / stride))
  for (let i = 0; i < spaced.length; i++) spaced[i] = values[rows[i * stride] ?? 0] ?? NaN
  const some = mapper.map(transform, spaced)
  const {present, spreadWith} = surveyor.survey({
    length: some.length,
    at: (place) => some[place] ?? NaN,
    read(start, end, into) {
      let count = 0
      for (let i = start; i < end; i++) {
        const value = some[i] ?? NaN
        if (value === value) into[count++] = value
      }
      return count
    },
  })
  const [mapped = NaN] = mapper.map(transform, Float64Array.of(median))
  return spreadWith(some.length - present, mapped)
}

/** The columns of the design matrix in their order, without the intercept. */
export function termsOf({numbers, categories}: Preprocessing): Term[] {
  return [
    ...numbers.map(({column}, encoder): Term => ({column, kind: 'numeric', encoder})),
    ...numbers.flatMap(({column, missing}, encoder): Term[] =>
      missing === null ? [] : [{column, kind: 'missing', encoder}],
    ),
    ...categories.flatMap(({column, levels, pooled, missing}, encoder): Term[] =>
      [...levels, ...(pooled ? [POOLED_LEVEL] : []), ...(missing ? [MISSING_LEVEL] : [])].map((level) => ({
        column,
        kind: 'category',
        level,
        encoder,
      })),
    ),
  ]
}

function compareText(a = '', b = ''): number {
  return a < b ? -1 : a > b ? 1 : 0
}
