import type {Delimiter} from '../csv/delimiters.ts'
import {isMissing} from '../csv/missing.ts'
import {type RecordBlock, fieldText, valueText} from '../csv/scanner.ts'
import {type Column, type NumberColumn, type TextColumn, retain} from './columns.ts'
import {reserveCodes, reserveNumbers, shorten} from '../kept-memory.ts'
import {MarkTally} from './notation.ts'
import {TextCodes} from './text-codes.ts'
import {readNumber} from './values.ts'

/** Distinct texts remembered per column; a column with more is not a category. */
export const MOST_LEVELS = 50_000

/** Collects one column of a file, block by block, in memory that was reserved for it. */
export interface ColumnBuilder {
  /** Bytes per row, here and in what is later derived from the column. */
  readonly bytesPerRow: number
  /** Reserves room for this many rows in total. */
  reserve(rows: number): void
  /**
   * Takes the column's fields of a block, from record `from` on; the block's first record is row `row`.
   * @returns the first record that does not fit the column; the block's count if all do
   */
  add(block: RecordBlock, from: number, row: number): number
  /** Drops all rows from `from` on but these, rising, which move together. */
  retain(rows: Uint32Array, from: number): void
  build(rows: number, name: string): Column
}

export class NumberBuilder implements ColumnBuilder {
  // The value as a double, and as a float of the design, at times with an indicator.
  readonly bytesPerRow = 14
  readonly #index: number
  readonly #readsComma: boolean
  #values = new Float64Array(0)
  #decimalComma = false
  #noNumbers = 0
  #hasText = false
  #isContradicted = false
  /** If commas may be decimal marks, points may part thousands. */
  readonly marks: MarkTally | undefined

  /** @param delimiter of the file; what is not a comma allows for commas in numbers */
  constructor(index: number, delimiter: Delimiter) {
    this.#index = index
    // Programs that write semicolons do so because the comma is their decimal mark; with tabs it may part thousands.
    this.#readsComma = delimiter === ';'
    this.marks = delimiter === ',' ? undefined : new MarkTally()
  }

  /** Some numbers have a point. */
  get hasPoints(): boolean {
    const {decimal, thousands, either} = this.marks?.point ?? {decimal: 0, thousands: 0, either: 0}
    return decimal + thousands + either > 0
  }

  /** Text came after numbers: this is a text column, and the texts of its numbers are no longer known. */
  get isContradicted(): boolean {
    return this.#isContradicted
  }

  reserve(rows: number): void {
    if (!this.#isContradicted) this.#values = grown(this.#values, reserveNumbers(rows))
  }

  retain(rows: Uint32Array, from: number): void {
    retain(this.#values, rows, from)
  }

  add(block: RecordBlock, from: number, row: number): number {
    if (this.#isContradicted) return block.records
    const {columns, records} = block
    const {values, first, others} = block.decimals(this.#index, from, records)
    for (const other of others) {
      if (first < other) this.#hasText = true
      const reading = this.#read(fieldText(block, (from + other) * columns + this.#index))
      if (reading === undefined && this.#hasText) {
        this.#isContradicted = true
        this.#values = new Float64Array(0)
        return records
      }
      if (reading === undefined) return from + other
      values[other] = reading
    }
    if (first < values.length) this.#hasText = true
    this.#values.set(values, row + from)
    if (this.marks !== undefined) this.#seeMarks(block, from, this.marks)
    return records
  }

  #seeMarks({bytes, starts, stops, columns, records}: RecordBlock, from: number, marks: MarkTally): void {
    for (let record = from, cell = from * columns + this.#index; record < records; record++, cell += columns)
      marks.see(bytes, starts[cell] ?? 0, stops[cell] ?? 0)
  }

  /** A field that is not a plain decimal number; undefined if it is not a number at all. */
  #read(text: string): number | undefined {
    const reading = readNumber(text, this.#readsComma)
    if (reading === 'contradiction') return undefined
    if (reading === 'missing') return NaN
    // No number counts as a text that was seen: should the column be one of texts, this is one of its levels.
    this.#hasText = true
    if (reading === 'no-number') {
      this.#noNumbers++
      return NaN
    }
    if (this.#readsComma && text.includes(',')) this.#decimalComma = true
    return reading
  }

  build(rows: number, name: string): NumberColumn {
    const {comma, point} = this.marks ?? {}
    const isMixed = (comma?.decimal ?? 0) > 0 && (point?.decimal ?? 0) > 0
    const isEither = this.#readsComma && point?.decimal === 0 && point.either > 0
    return {
      kind: 'number',
      index: this.#index,
      name,
      values: shorten(this.#values, rows),
      decimalComma: this.#decimalComma,
      noNumbers: this.#noNumbers,
      ...(isMixed ? {doubt: 'both-marks'} : isEither ? {doubt: 'decimals-or-thousands'} : {}),
    }
  }
}

/** Codes of a column's fields, as `codeOf` gives them for the texts without blanks around them. */
export class CodeBuilder {
  readonly #index: number
  readonly #texts: TextCodes
  #codes = new Int32Array(0)

  constructor(index: number, codeOf: (text: string) => number) {
    this.#index = index
    this.#texts = new TextCodes((bytes, start, stop) => {
      return codeOf(valueText(bytes.toString('utf8', start, stop)))
    })
  }

  reserve(rows: number): void {
    this.#codes = grown(this.#codes, reserveCodes(rows))
  }

  add({bytes, starts, stops, columns, records}: RecordBlock, from: number, row: number): number {
    const texts = this.#texts
    const codes = this.#codes
    for (let record = from, cell = from * columns + this.#index; record < records; record++, cell += columns)
      codes[row + record] = texts.code(bytes, starts[cell] ?? 0, stops[cell] ?? 0)
    return records
  }

  retain(rows: Uint32Array, from: number): void {
    retain(this.#codes, rows, from)
  }

  /** Of the rows so far reserved: not shortened. */
  get current(): Int32Array {
    return this.#codes
  }

  /** The rows before `rows` have no text. */
  skip(rows: number): void {
    this.#codes.fill(-1, 0, rows)
  }

  codes(rows: number): Int32Array {
    return shorten(this.#codes, rows)
  }
}

export class TextBuilder implements ColumnBuilder {
  readonly bytesPerRow = 8
  readonly #index: number
  readonly #codes: CodeBuilder
  readonly #codeOf = new Map<string, number>()
  readonly #mostLevels: number
  #overflow = false

  /** @param mostLevels distinct texts after which the column is known to be no category */
  constructor(index: number, mostLevels: number) {
    this.#index = index
    this.#mostLevels = mostLevels
    this.#codes = new CodeBuilder(index, (text) => this.#code(text))
  }

  reserve(rows: number): void {
    if (!this.#overflow) this.#codes.reserve(rows)
  }

  add(block: RecordBlock, from: number, row: number): number {
    return this.#overflow ? block.records : this.#codes.add(block, from, row)
  }

  retain(rows: Uint32Array, from: number): void {
    this.#codes.retain(rows, from)
  }

  skip(rows: number): void {
    this.#codes.skip(rows)
  }

  /** There are more texts than are remembered. */
  get overflow(): boolean {
    return this.#overflow
  }

  get levels(): string[] {
    return [...this.#codeOf.keys()]
  }

  #code(text: string): number {
    if (isMissing(text)) return -1
    const known = this.#codeOf.get(text)
    if (known !== undefined) return known
    if (this.#codeOf.size === this.#mostLevels) {
      this.#overflow = true
      return -1
    }
    this.#codeOf.set(text, this.#codeOf.size)
    return this.#codeOf.size - 1
  }

  build(rows: number, name: string): TextColumn {
    return {
      kind: 'text',
      index: this.#index,
      name,
      codes: this.#codes.codes(rows),
      levels: [...this.#codeOf.keys()],
      overflow: this.#overflow,
    }
  }
}

/** `into`, with the elements of `from`, which it has room for. */
export function grown<T extends Float64Array | Int32Array>(from: T, into: T): T {
  into.set(from)
  return into
}
