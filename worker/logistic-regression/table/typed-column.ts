import type {RecordBlock} from '../csv/scanner.ts'
import {type ColumnBuilder, grown} from './column-builders.ts'
import {type NumberColumn, retain} from './columns.ts'
import {reserveNumbers, shorten} from '../kept-memory.ts'

/** Numbers that a file stores as such. Its rows as CSV, which are read meanwhile, have empty fields in their place. */
export interface TypedNumbers {
  /** Indexes of their columns. */
  readonly columns: ReadonlySet<number>
  /** Writes the next numbers of a column, of as many rows as CSV was read; NaN for missing ones. */
  take(column: number, rows: number, into: Float64Array, at: number): void
}

/** Collects a column of such numbers. */
export class TypedBuilder implements ColumnBuilder {
  // As of numbers in CSV.
  readonly bytesPerRow = 14
  readonly #index: number
  readonly #numbers: TypedNumbers
  #values = new Float64Array(0)
  #noNumbers = 0

  constructor(index: number, numbers: TypedNumbers) {
    this.#index = index
    this.#numbers = numbers
  }

  reserve(rows: number): void {
    this.#values = grown(this.#values, reserveNumbers(rows))
  }

  retain(rows: Uint32Array, from: number): void {
    retain(this.#values, rows, from)
  }

  add({records}: RecordBlock, _: number, row: number): number {
    const values = this.#values
    this.#numbers.take(this.#index, records, values, row)
    for (let i = row; i < row + records; i++) {
      const value = values[i] ?? NaN
      if (value !== Infinity && value !== -Infinity) continue
      values[i] = NaN
      this.#noNumbers++
    }
    return records
  }

  build(rows: number, name: string): NumberColumn {
    return {
      kind: 'number',
      index: this.#index,
      name,
      values: shorten(this.#values, rows),
      decimalComma: false,
      noNumbers: this.#noNumbers,
    }
  }
}
