import {isTotal} from '../csv/footer.ts'
import {type RecordBlock, fieldText} from '../csv/scanner.ts'
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
  const {columns, records, starts, stops} = block
  const found: number[] = []
  for (let column = 0; column < columns; column++) {
    const field = (records - 1) * columns + column
    const length = (stops[field] ?? 0) - (starts[field] ?? 0)
    if (length <= LONGEST_WORD_BYTES && isTotal(fieldText(block, field))) found.push(column)
  }
  return found
}

/**
 * Whether the last row is a total: a column says so there alone, the numbers are the sums of those above them, and its
 * label, if it has one, is not a class of other rows. In doubt it is a row: to lose one is worse than to keep a total.
 * @param words the columns in which it has a word for a total
 */
export function isLastTotal(
  {rows, columns, label: {codes}}: {rows: number; columns: readonly Column[]; label: Pick<Label, 'codes'>},
  words: readonly number[],
): boolean {
  const last = rows - 1
  const own = codes[last] ?? -1
  return (
    rows >= FEWEST_ROWS_OF_A_TOTAL &&
    (own < 0 || codes.indexOf(own) === last) &&
    columns.some((column) => words.includes(column.index) && saysTotalOnlyAt(column, last)) &&
    areSums(columns, last)
  )
}

function saysTotalOnlyAt(column: Column, last: number): boolean {
  if (column.kind === 'number') return false
  const [word, ...others] = column.levels.filter(isTotal)
  // The texts that are remembered came first.
  if (column.overflow) return word === undefined
  return (
    word !== undefined && others.length === 0 && column.codes.indexOf(column.levels.indexOf(word)) === last
  )
}

/** Whether the numbers of a row, one at least, are the sums of those above them; a 0 below zeros shows nothing. */
function areSums(columns: readonly Column[], last: number): boolean {
  const sums = columns.flatMap((column) => {
    const total = column.kind === 'number' ? column.values[last] : undefined
    if (column.kind !== 'number' || total === undefined || Number.isNaN(total)) return []
    let [sum, size] = [0, 0]
    for (const value of column.values.subarray(0, last)) {
      if (Number.isNaN(value)) continue
      sum += value
      size += Math.abs(value)
    }
    return size === 0 && total === 0 ? [] : [Math.abs(sum - total) <= ROUNDING * size]
  })
  return sums.length > 0 && sums.every(Boolean)
}
