import type {TypedNumbers} from '../../table/typed-column.ts'

/** Numbers of the row groups that were decoded, from where they were last taken. */
export class DecodedNumbers implements TypedNumbers {
  readonly columns: ReadonlySet<number>
  /** Per column the numbers of each row group, and how many of the first one were taken. */
  readonly #queues = new Map<number, {groups: Float64Array[]; taken: number}>()

  constructor(columns: ReadonlySet<number>) {
    this.columns = columns
  }

  /** Starts over. */
  clear(): void {
    for (const column of this.columns) this.#queues.set(column, {groups: [], taken: 0})
  }

  /** Adds the cells of a column's next row group. */
  add(column: number, cells: ArrayLike<unknown>): void {
    const numbers = new Float64Array(cells.length)
    for (let i = 0; i < cells.length; i++) numbers[i] = numberOf(cells[i])
    this.#queues.get(column)?.groups.push(numbers)
  }

  take(column: number, rows: number, into: Float64Array, at: number): void {
    const queue = this.#queues.get(column)
    for (let end = at + rows; at < end;) {
      const first = queue?.groups[0]
      if (queue === undefined || first === undefined) throw new RangeError('No row group has these rows.')
      const part = first.subarray(queue.taken, queue.taken + end - at)
      into.set(part, at)
      at += part.length
      queue.taken += part.length
      if (queue.taken < first.length) continue
      queue.groups.shift()
      queue.taken = 0
    }
  }
}

/** As its text in CSV is read: -0 as 0, anything but a number as missing. */
function numberOf(cell: unknown): number {
  if (typeof cell === 'number') return cell + 0
  return typeof cell === 'bigint' ? Number(cell) : NaN
}
