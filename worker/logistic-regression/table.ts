import type {InputFile} from '../processor.ts'
import {type Dialect} from './csv/dialect.ts'
import {type Shape, readRecords} from './csv/records.ts'
import {type Label, type LabelChoice, LabelBuilder} from './label.ts'
import type {Pacer} from './pacer.ts'
import {isMissing, readNumber} from './values.ts'

/** Distinct texts that are remembered of one column; a column with more is no category. */
const MOST_LEVELS = 50_000

/** A column of numbers, NaN where there is none. */
export interface NumberColumn {
  kind: 'number'
  index: number
  name: string
  values: Float64Array
  /** Some numbers were written with a decimal comma. */
  decimalComma: boolean
  /** Cells such as `-` or `inf` that were taken for missing. */
  noNumbers: number
}

/** A column of texts: `codes` point into `levels`, -1 where there is none. */
export interface TextColumn {
  kind: 'text'
  index: number
  name: string
  codes: Int32Array
  levels: string[]
  /** There are more distinct texts than were remembered; `codes` is of no use then. */
  overflow: boolean
}

export type Column = NumberColumn | TextColumn

/** A file in memory, by columns. */
export interface Table {
  rows: number
  header: readonly string[]
  /** All columns but the label's. */
  columns: Column[]
  label: Label
  shape: Shape
}

/**
 * Reads a file into typed columns: a column is numeric where every cell that is there is a number.
 * @throws PermanentError as {@link readRecords}, and what is wrong with the label column
 */
export async function readTable(input: InputFile, choice: LabelChoice, pacer: Pacer): Promise<Table> {
  const text = new Set<number>()
  for (;;) {
    const builder = new TableBuilder(choice, text)
    const shape = await readRecords(input, builder, pacer)
    const {contradicted} = builder
    if (contradicted.length === 0) return builder.build(shape)
    // Columns that turned out to be text after some numbers: how those were written is not kept, so read again.
    for (const index of contradicted) text.add(index)
  }
}

class TableBuilder {
  readonly #choice: LabelChoice
  readonly #text: ReadonlySet<number>
  #header: readonly string[] = []
  #builders: (NumberBuilder | TextBuilder | undefined)[] = []
  #label: LabelBuilder | undefined
  #decimalComma = false
  #rows = 0

  constructor(choice: LabelChoice, text: ReadonlySet<number>) {
    this.#choice = choice
    this.#text = text
  }

  header(names: readonly string[], dialect: Dialect): void {
    this.#header = uniqueNames(names)
    this.#decimalComma = dialect.delimiter !== ','
    this.#label = new LabelBuilder(names, this.#choice)
    const labelIndex = this.#label.index
    this.#builders = names.map((_, index) =>
      index === labelIndex ? undefined : this.#text.has(index) ? new TextBuilder() : new NumberBuilder(),
    )
  }

  row(fields: readonly string[]): void {
    const row = this.#rows++
    for (let i = 0; i < fields.length; i++) {
      const cell = fields[i] ?? ''
      const builder = this.#builders[i]
      if (builder === undefined) this.#label?.add(cell)
      else if (!builder.add(row, cell, this.#decimalComma) && !builder.seenNumber) {
        const replacement = new TextBuilder()
        replacement.skip(row)
        replacement.add(row, cell)
        this.#builders[i] = replacement
      }
    }
  }

  /** Columns that cannot be built from this pass. */
  get contradicted(): number[] {
    return this.#builders.flatMap((builder, index) => (builder?.contradicted === true ? [index] : []))
  }

  build(shape: Shape): Table {
    if (this.#label === undefined) throw new Error('A table has a header')
    const columns = this.#builders.flatMap((builder, index) =>
      builder === undefined ? [] : [builder.build(this.#rows, index, this.#header[index] ?? '')],
    )
    return {rows: this.#rows, header: this.#header, columns, label: this.#label.build(), shape}
  }
}

class NumberBuilder {
  #values = new Float64Array(1024)
  #decimalComma = false
  #noNumbers = 0
  seenNumber = false
  contradicted = false

  /** @returns false where the cell is not a number and the column therefore none of numbers */
  add(row: number, cell: string, decimalComma: boolean): boolean {
    if (this.contradicted) return true
    const reading = readNumber(cell, decimalComma)
    if (row === this.#values.length) this.#values = grown(this.#values, new Float64Array(row * 2))
    if (typeof reading === 'number') {
      this.#values[row] = reading
      this.seenNumber = true
      if (decimalComma && cell.includes(',')) this.#decimalComma = true
      return true
    }
    this.#values[row] = NaN
    if (reading === 'no-number') {
      this.#noNumbers++
      // Counts as seen: should the column be one of text, this cell is one of its levels.
      this.seenNumber = true
    }
    if (reading !== 'contradiction') return true
    this.contradicted = this.seenNumber
    return false
  }

  build(rows: number, index: number, name: string): NumberColumn {
    return {
      kind: 'number',
      index,
      name,
      values: this.#values.slice(0, rows),
      decimalComma: this.#decimalComma,
      noNumbers: this.#noNumbers,
    }
  }
}

class TextBuilder {
  #codes = new Int32Array(1024)
  #codeOf = new Map<string, number>()
  #overflow = false
  readonly seenNumber = true
  readonly contradicted = false

  /** Fills the rows before `row` with missing values. */
  skip(row: number): void {
    this.#codes = new Int32Array(Math.max(1024, row * 2)).fill(-1, 0, row)
  }

  add(row: number, cell: string): boolean {
    if (row === this.#codes.length) this.#codes = grown(this.#codes, new Int32Array(row * 2))
    this.#codes[row] = this.#code(cell.trim())
    return true
  }

  #code(text: string): number {
    if (isMissing(text)) return -1
    const known = this.#codeOf.get(text)
    if (known !== undefined) return known
    if (this.#codeOf.size === MOST_LEVELS) {
      this.#overflow = true
      return -1
    }
    this.#codeOf.set(text, this.#codeOf.size)
    return this.#codeOf.size - 1
  }

  build(rows: number, index: number, name: string): TextColumn {
    return {
      kind: 'text',
      index,
      name,
      codes: this.#codes.slice(0, rows),
      levels: [...this.#codeOf.keys()],
      overflow: this.#overflow,
    }
  }
}

function grown<T extends Float64Array | Int32Array>(from: T, into: T): T {
  into.set(from)
  return into
}

/** Names for the report: duplicates and empty ones are told apart by position. */
function uniqueNames(names: readonly string[]): string[] {
  const trimmed = names.map((name) => name.trim())
  const count = new Map<string, number>()
  for (const name of trimmed) count.set(name, (count.get(name) ?? 0) + 1)
  return trimmed.map((name, i) => {
    if (name === '') return `column ${i + 1}`
    return count.get(name) === 1 ? name : `${name} (column ${i + 1})`
  })
}
