import {isTotal} from '../csv/footer.ts'
import type {RecordHandler, Shape} from '../csv/records.ts'
import {type RecordBlock, fieldText, valueText} from '../csv/scanner.ts'
import {type NumbersOfBlock, numbersOfBlock} from './block-columns.ts'
import type {Column} from './columns.ts'
import type {Label} from './label.ts'

/** Of words for a total. */
const LONGEST_WORD_BYTES = 20
/** With the total. */
const FEWEST_ROWS_OF_A_TOTAL = 4
/** Of the summands, that a sum may be off. */
const ROUNDING = 1e-6

/** Indexes of the columns in which a block's last row has a word for a total. */
export function columnsOfTotal(block: RecordBlock): number[] {
  return Array.from({length: block.columns}, (_, column) => column).filter((column) =>
    saysTotal(block, block.records - 1, column),
  )
}

function saysTotal(block: RecordBlock, record: number, column: number): boolean {
  const {columns, starts, stops} = block
  const field = record * columns + column
  const length = (stops[field] ?? 0) - (starts[field] ?? 0)
  return length <= LONGEST_WORD_BYTES && isTotal(fieldText(block, field))
}

/**
 * Reads the rows of a table's file again, to find whether the last one is a total: a column says so there alone, the
 * numbers are the sums of those above them, and its label, if it has one, is not a class of other rows. In doubt it is
 * a row: to lose one is worse than to keep a total.
 */
export class TotalCheck implements RecordHandler {
  readonly needsEnds = false
  readonly #label: Pick<Label, 'index' | 'classes' | 'rows'>
  readonly #numbers: readonly RunningSum[]
  /** Per column of texts in which the last row says total, how many rows do. */
  readonly #texts: {readonly index: number; rows: number}[]
  #rows = 0
  /** Of the last row. */
  #class = ''

  /** @param words the columns in which the last row has a word for a total */
  constructor(
    table: {
      header: readonly string[]
      columns: readonly Column[]
      label: Label
      shape: Pick<Shape, 'dialect'>
    },
    words: readonly number[],
  ) {
    const {header, columns, label, shape} = table
    this.#label = label
    this.#numbers = columns
      .filter((column) => column.kind === 'number')
      .map((column) => new RunningSum(numbersOfBlock(column, header.length, shape.dialect.delimiter)))
    this.#texts = columns
      .filter(({kind, index}) => kind === 'text' && words.includes(index))
      .map(({index}) => ({index, rows: 0}))
  }

  header(): void {}

  rows(block: RecordBlock): void {
    const {records, columns} = block
    this.#rows += records
    for (const sum of this.#numbers) sum.add(block)
    for (const text of this.#texts) {
      for (let record = 0; record < records; record++)
        text.rows += Number(saysTotal(block, record, text.index))
    }
    if (this.#label.index >= 0)
      this.#class = valueText(fieldText(block, (records - 1) * columns + this.#label.index))
  }

  /** The number of the last row, counted from 0, if it is a total. */
  get total(): number | undefined {
    const {classes, rows} = this.#label
    const own = classes.indexOf(this.#class)
    const sums = this.#numbers.flatMap(({isSum}) => isSum ?? [])
    return this.#rows >= FEWEST_ROWS_OF_A_TOTAL &&
      (own < 0 || rows[own] === 1) &&
      this.#texts.some((text) => text.rows === 1) &&
      sums.length > 0 &&
      sums.every(Boolean)
      ? this.#rows - 1
      : undefined
  }
}

/** Of a column's numbers: those above the last row, and that row's own. */
class RunningSum {
  readonly #numbers: NumbersOfBlock
  #sum = 0
  #size = 0
  #last = NaN

  constructor(numbers: NumbersOfBlock) {
    this.#numbers = numbers
  }

  add(block: RecordBlock): void {
    const {builder, column} = this.#numbers
    builder.add(block, 0, 0)
    for (const value of column.values.subarray(0, block.records)) {
      if (!Number.isNaN(this.#last)) {
        this.#sum += this.#last
        this.#size += Math.abs(this.#last)
      }
      this.#last = value
    }
  }

  /** Undefined if there is no number, or a 0 below zeros, which shows nothing. */
  get isSum(): boolean | undefined {
    if (Number.isNaN(this.#last) || (this.#size === 0 && this.#last === 0)) return undefined
    return Math.abs(this.#sum - this.#last) <= ROUNDING * this.#size
  }
}
