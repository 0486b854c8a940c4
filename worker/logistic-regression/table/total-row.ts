import {isTotal} from '../csv/footer.ts'
import {type RecordBlock, fieldText} from '../csv/scanner.ts'
import type {Column} from './columns.ts'

/** Of words for a total. */
const LONGEST_WORD_BYTES = 20
/** With the total. */
const FEWEST_ROWS_OF_A_TOTAL = 4
/** Of the summands, that a sum may be off. */
const ROUNDING = 1e-6

/** Whether a field of a block's last row is a word for a total. */
export function saysTotal(block: RecordBlock): boolean {
  const {columns, records, starts, stops} = block
  for (let field = (records - 1) * columns; field < records * columns; field++) {
    const length = (stops[field] ?? 0) - (starts[field] ?? 0)
    if (length <= LONGEST_WORD_BYTES && isTotal(fieldText(block, field))) return true
  }
  return false
}

/** Whether the numbers of the last row, one at least, are the sums of those above them. */
export function isLastSum({rows, columns}: {rows: number; columns: readonly Column[]}): boolean {
  const sums = columns.flatMap((column) => {
    const last = column.kind === 'number' ? column.values[rows - 1] : undefined
    if (column.kind !== 'number' || last === undefined || Number.isNaN(last)) return []
    let [sum, size] = [0, 0]
    for (const value of column.values.subarray(0, rows - 1)) {
      if (Number.isNaN(value)) continue
      sum += value
      size += Math.abs(value)
    }
    return [Math.abs(sum - last) <= ROUNDING * size]
  })
  return rows >= FEWEST_ROWS_OF_A_TOTAL && sums.length > 0 && sums.every(Boolean)
}
