import {isMissing} from '../csv/missing.ts'
import {type RecordBlock, fieldText, valueText} from '../csv/scanner.ts'
import {type ColumnBuilder, grown} from './column-builders.ts'
import {type NumberColumn, type TextColumn, retain} from './columns.ts'
import {reserveNumbers, shorten} from '../kept-memory.ts'
import {type Notation, readDressed} from './notation.ts'
import {isNoNumber} from './values.ts'

/** Collects a column of numbers that are not written as plain ones, in a notation that an earlier pass found. */
export class DressedBuilder implements ColumnBuilder {
  readonly bytesPerRow = 14
  readonly #index: number
  readonly #notation: Notation
  #values = new Float64Array(0)
  #noNumbers = 0
  #example: {example: string; value: number} | undefined
  #isContradicted = false

  constructor(index: number, notation: Notation) {
    this.#index = index
    this.#notation = notation
  }

  get hasDecimalComma(): boolean {
    return this.#notation.decimal === ',' && this.#notation.decidedBy === 'column'
  }

  /** One of the texts is not a number after all. */
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
    const {columns, records} = block
    for (let record = from; record < records && !this.#isContradicted; record++)
      this.#values[row + record] = this.#read(valueText(fieldText(block, record * columns + this.#index)))
    return records
  }

  #read(text: string): number {
    if (isMissing(text)) return NaN
    if (isNoNumber(text)) {
      this.#noNumbers++
      return NaN
    }
    const value = readDressed(text, this.#notation)
    if (Number.isNaN(value)) this.#isContradicted = true
    else if (this.#example === undefined && !isPlain(text, value)) this.#example = {example: text, value}
    return value
  }

  build(rows: number, name: string): NumberColumn {
    return {
      kind: 'number',
      index: this.#index,
      name,
      values: shorten(this.#values, rows),
      decimalComma: this.#notation.decimal === ',',
      notation: this.#notation,
      noNumbers: this.#noNumbers,
      ...(this.#example === undefined
        ? {}
        : {converted: {...this.#example, decidedBy: this.#notation.decidedBy}}),
    }
  }
}

/** A column of texts as the numbers that they are in a notation. */
export function asNumbers({index, name, codes, levels}: TextColumn, notation: Notation): NumberColumn {
  const numbers = levels.map((level) => (isNoNumber(level) ? NaN : readDressed(level, notation)))
  const example = levels.findIndex((level, i) => !isNoNumber(level) && !isPlain(level, numbers[i]))
  let noNumbers = 0
  const values = new Float64Array(codes.length)
  for (let row = 0; row < codes.length; row++) {
    const code = codes[row] ?? -1
    values[row] = code < 0 ? NaN : (numbers[code] ?? NaN)
    if (code >= 0 && Number.isNaN(values[row])) noNumbers++
  }
  return {
    kind: 'number',
    index,
    name,
    values,
    decimalComma: notation.decimal === ',',
    notation,
    noNumbers,
    ...(example === -1
      ? {}
      : {
          converted: {
            example: levels[example] ?? '',
            value: numbers[example] ?? 0,
            decidedBy: notation.decidedBy,
          },
        }),
  }
}

/** Whether a number is written as one, with a decimal point or comma. */
function isPlain(text: string, value: number | undefined): boolean {
  return Number(text.replace(',', '.')) === value
}
