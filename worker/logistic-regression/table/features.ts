import type {Report} from '../../contract.ts'
import type {ModelOptions} from '../../model-options.ts'
import {PermanentError} from '../../processor.ts'
import type {Pacer} from '../pacer.ts'
import type {NumberColumn, TextColumn} from './columns.ts'
import {isIdentifierName} from './identifiers.ts'
import {listed, nearNames} from './names.ts'
import type {Table} from './table.ts'
import {isDate, isPackedDate} from './values.ts'

/** Share of distinct texts from which a column names rows instead of describing them. */
const IDENTIFIER_SHARE = 0.95
/** Share of distinct texts from which a column with many of them is not a category. */
const FREE_TEXT_SHARE = 0.5
/** Levels of a category that get a coefficient of their own; the rarer ones share one. */
export const MOST_CATEGORIES = 100
/** Share of distinct texts that are dates: the rest mean an unknown date. */
const DATES_SHARE = 0.9
/** Below this, whole numbers that rise by row may well be a measurement. */
const FEWEST_ROWS_OF_A_COUNTER = 20

/** The columns that the model learns from, and those that it does not. */
export interface FeatureChoice {
  numbers: NumberColumn[]
  categories: TextColumn[]
  leftOut: Report['leftOut']
}

/** Columns that the user chose. */
export type ColumnOptions = Pick<ModelOptions, 'include' | 'exclude' | 'id'>

/**
 * Leaves out what cannot carry over to other rows: identifiers, constants, empty columns, dates, free text; and what
 * the user excludes.
 * @throws PermanentError `option-column-missing`
 */
export async function chooseFeatures(
  table: Table,
  options: ColumnOptions,
  pacer: Pacer,
): Promise<FeatureChoice> {
  refuseUnknown(table, options)
  const choice: FeatureChoice = {numbers: [], categories: [], leftOut: []}
  for (const column of table.columns) {
    const header = table.header[column.index] ?? ''
    const reason =
      whyNotChosen(column.name, options) ??
      (column.kind === 'number'
        ? whyNotNumber(header, column, table.nameless.has(column.index))
        : whyNotCategory(header, column, (table.sample?.of ?? table.rows) / table.rows))
    if (reason !== undefined) choice.leftOut.push({column: column.name, reason})
    else if (column.kind === 'number') choice.numbers.push(column)
    else choice.categories.push(column)
    if (pacer.due) await pacer.pause()
  }
  return choice
}

function whyNotChosen(name: string, {include, exclude, id}: ColumnOptions): Reason | undefined {
  if (id?.includes(name) === true) return 'identifier'
  return exclude?.includes(name) === true || include?.includes(name) === false ? 'excluded' : undefined
}

function refuseUnknown(
  {columns, header, label}: Table,
  {include = [], exclude = [], id = []}: ColumnOptions,
): void {
  const known = new Set(columns.map(({name}) => name))
  const unknown = [...include, ...exclude, ...id].find((name) => !known.has(name))
  if (unknown === undefined) return
  const near = nearNames(header, unknown)
  throw new PermanentError(
    unknown === label.name
      ? `The model options name the label column, ${unknown}, among the others.`
      : `The file has no column ${unknown}, which the model options name.`,
    {
      code: 'option-column-missing',
      line: 1,
      column: unknown,
      suggestions: [
        ...(near.length > 0 && unknown !== label.name ? [`Did you mean ${listed(near)}?`] : []),
        `The columns are ${listed(header)}.`,
      ],
    },
  )
}

type Reason = Report['leftOut'][number]['reason']

function whyNotNumber(header: string, {values}: NumberColumn, isNameless: boolean): Reason | undefined {
  const first = values.findIndex((value) => !Number.isNaN(value))
  if (first === -1) return 'empty'
  if (isIdentifierName(header) || ((isNameless || isIndexName(header)) && areDistinctCounts(values)))
    return 'identifier'
  // A constant with gaps is still informative by its gaps.
  if (values.every((value) => value === values[0])) return 'constant'
  if (values.every((value) => Number.isNaN(value) || isPackedDate(value))) return 'date'
  return values.length >= FEWEST_ROWS_OF_A_COUNTER && isCounter(values) ? 'identifier' : undefined
}

/** Whether a column has the name that pandas gives to an unnamed index. */
function isIndexName(header: string): boolean {
  return /^(unnamed: \d+(\.\d+)?|__index_level_\d+__)$/i.test(header.trim())
}

/** Whole numbers from 0 on, each once, in any order. */
function areDistinctCounts(values: Float64Array): boolean {
  return (
    values.every((value) => Number.isInteger(value) && value >= 0) && new Set(values).size === values.length
  )
}

/** Whole numbers that only rise, without gaps. */
function isCounter(values: Float64Array): boolean {
  let previous = -Infinity
  return values.every((value) => {
    const rises = value > previous && Number.isInteger(value)
    previous = value
    return rises
  })
}

/** @param rowsPerRow of the file, per row of the table */
function whyNotCategory(
  header: string,
  {codes, levels, overflow}: TextColumn,
  rowsPerRow: number,
): Reason | undefined {
  if (levels.length === 0) return 'empty'
  if (isIdentifierName(header)) return 'identifier'
  let present = 0
  for (let row = 0; row < codes.length; row++) if ((codes[row] ?? -1) >= 0) present++
  if (levels.length === 1 && present === codes.length) return 'constant'
  if (levels.filter(isDate).length >= DATES_SHARE * levels.length) return 'date'
  if (overflow) return 'free-text'
  const inFile = present * rowsPerRow
  if (levels.length > 1 && levels.length >= IDENTIFIER_SHARE * inFile) return 'identifier'
  return levels.length > MOST_CATEGORIES && levels.length >= FREE_TEXT_SHARE * inFile
    ? 'free-text'
    : undefined
}
