import type {InputFile} from '../../processor.ts'
import type {Dialect} from '../csv/dialect.ts'
import {isTotal} from '../csv/footer.ts'
import {type RecordHandler, type Shape, readRecords} from '../csv/records.ts'
import {type RecordBlock, fieldText} from '../csv/scanner.ts'
import {isGzipName} from '../csv/source.ts'
import type {Pacer} from '../pacer.ts'
import {CodeBuilder, MOST_LEVELS, NumberBuilder, TextBuilder} from './column-builders.ts'
import type {Column} from './columns.ts'
import {DressedBuilder, asNumbers} from './dressed-column.ts'
import {isIdentifierName} from './identifiers.ts'
import {type Label, type LabelChoice, LabelBuilder} from './label.ts'
import {tooLarge} from './memory.ts'
import {type Notation, notationOf} from './notation.ts'

/** Share of a file from which its rows count as typical. */
const TELLING_SHARE = 1 / 8
/** Per row besides its columns: its end, its label and fold, its prediction for two classes. */
const BYTES_PER_ROW = 48

/** Rows that suffice to determine the kind of a column left out for its name. */
const MOST_LEVELS_LEFT_OUT = 1000

/** Of words for a total. */
const LONGEST_WORD_BYTES = 20
/** With the total. */
const FEWEST_ROWS_OF_A_TOTAL = 4
/** Of the summands, that a sum may be off. */
const ROUNDING = 1e-6

/** A file in memory, by columns. */
export interface Table {
  rows: number
  header: readonly string[]
  /** Indexes of the columns without a name of their own. */
  nameless: ReadonlySet<number>
  /** All columns but the label's. */
  columns: Column[]
  label: Label
  /** The file's numbers have decimal commas. */
  decimalComma: boolean
  shape: Shape
}

export interface ReadOptions {
  /** Names of columns that are texts whatever they hold. */
  asText?: ReadonlySet<string>
  /** If it is known. */
  dialect?: Dialect
  /** Most bytes for the table and everything derived from it. */
  memoryBytes?: number
}

/**
 * Reads a file into typed columns: a column is numeric if every non-missing cell is a number.
 * @throws PermanentError as {@link readRecords}, `too-large`, and faults of the label column
 */
export async function readTable(
  input: InputFile,
  choice: LabelChoice,
  pacer: Pacer,
  {asText = new Set(), memoryBytes = Infinity, dialect}: ReadOptions = {},
): Promise<Table> {
  let kinds = new Map<number, ColumnKind>()
  let total: number | undefined
  // Packed, the size says nothing about the rows to come.
  const sizeBytes = isGzipName(input.object) ? 0 : input.sizeBytes
  for (;;) {
    const builder = new TableBuilder(choice, kinds, asText, sizeBytes, memoryBytes)
    const shape = await readRecords(input, builder, pacer, {total, dialect})
    const {misread} = builder
    if (misread.size === 0) {
      const table = builder.build(shape)
      // A program that writes types writes no totals.
      const isKnown = total !== undefined || dialect !== undefined
      if (isKnown || !builder.lastSaysTotal || !isLastSum(table)) return table
      // Its word made a text column of what may be numbers without it.
      kinds = new Map()
      total = table.rows - 1
      continue
    }
    // How the cells of these columns were written is not kept, so read again.
    for (const [index, kind] of misread) kinds.set(index, kind)
  }
}

/** What an earlier pass found a column to be: texts, texts whatever they look like, or numbers in a notation. */
type ColumnKind = 'text' | 'never-numbers' | Notation

class TableBuilder implements RecordHandler {
  readonly #choice: LabelChoice
  readonly #kinds: ReadonlyMap<number, ColumnKind>
  readonly #asText: ReadonlySet<string>
  readonly #sizeBytes: number
  readonly #memoryBytes: number
  #header: readonly string[] = []
  #nameless: ReadonlySet<number> = new Set()
  /** The label's column has none here. */
  #columns: (NumberBuilder | DressedBuilder | TextBuilder | undefined)[] = []
  #label: LabelBuilder | undefined
  #labelCodes: CodeBuilder | undefined
  #rows = 0
  #lastSaysTotal = false
  #capacity = 0
  /** Rows after which it is checked next whether the file fits into memory. */
  #nextCheck = 0

  /** @param sizeBytes of the unpacked file, as far as it is known */
  constructor(
    choice: LabelChoice,
    kinds: ReadonlyMap<number, ColumnKind>,
    asText: ReadonlySet<string>,
    sizeBytes: number,
    memoryBytes: number,
  ) {
    this.#choice = choice
    this.#kinds = kinds
    this.#asText = asText
    this.#sizeBytes = sizeBytes
    this.#memoryBytes = memoryBytes
  }

  header(names: readonly string[], dialect: Dialect): void {
    this.#header = uniqueNames(names)
    this.#nameless = new Set(names.flatMap((name, index) => (name.trim() === '' ? [index] : [])))
    const label = new LabelBuilder(names, this.#choice)
    this.#label = label
    if (label.index >= 0) this.#labelCodes = new CodeBuilder(label.index, (text) => label.codeOf(text))
    this.#columns = names.map((_, index) => {
      const kind = this.#kinds.get(index)
      if (index === label.index) return undefined
      if (typeof kind === 'object') return new DressedBuilder(index, kind)
      if (kind !== undefined || this.#asText.has(this.#header[index] ?? '')) return this.#textBuilder(index)
      return new NumberBuilder(index, dialect.delimiter)
    })
  }

  rows(block: RecordBlock, end: number): void {
    const row = this.#rows
    this.#rows += block.records
    if (this.#rows > this.#capacity) this.#reserve(end)
    this.#labelCodes?.add(block, 0, row)
    for (const [index, column] of this.#columns.entries()) {
      const taken = column?.add(block, 0, row) ?? block.records
      if (taken === block.records) continue
      const replacement = this.#textBuilder(index)
      replacement.reserve(this.#capacity)
      replacement.skip(row + taken)
      replacement.add(block, taken, row)
      this.#columns[index] = replacement
    }
    this.#lastSaysTotal = saysTotal(block)
    if (this.#rows >= this.#nextCheck) this.#checkMemory(end)
  }

  /** A field of the last row is a word for a total. */
  get lastSaysTotal(): boolean {
    return this.#lastSaysTotal
  }

  #textBuilder(index: number): TextBuilder {
    const name = this.#header[index] ?? ''
    const isLeftOut = isIdentifierName(name) && !this.#asText.has(name)
    return new TextBuilder(index, isLeftOut ? MOST_LEVELS_LEFT_OUT : MOST_LEVELS)
  }

  /** @throws PermanentError `too-large`, as soon as enough of the file was read to know */
  #checkMemory(end: number): void {
    const isTelling = end >= this.#sizeBytes * TELLING_SHARE
    const rows = isTelling
      ? Math.max(this.#rows, Math.ceil((this.#rows / end) * this.#sizeBytes))
      : this.#rows
    const cells = this.#columns.reduce((sum, column) => sum + (column?.bytesPerRow ?? 0), 0)
    const needed = rows * (cells + BYTES_PER_ROW)
    // A packed file's length is unknown: it fails when memory runs out.
    const fitting = Math.floor(this.#memoryBytes / (cells + BYTES_PER_ROW))
    this.#nextCheck = Math.max(this.#rows, Math.min(2 * this.#rows, fitting)) + 1
    if (needed > this.#memoryBytes) throw tooLarge(rows, this.#header.length, needed, this.#memoryBytes)
  }

  /** Unwritten memory costs nothing, so the remaining rows are estimated generously. */
  #reserve(end: number): void {
    const expected = Math.ceil((this.#rows / end) * this.#sizeBytes * 1.1)
    this.#capacity = Math.max(expected, Math.ceil(this.#rows * 1.5))
    this.#labelCodes?.reserve(this.#capacity)
    for (const column of this.#columns) column?.reserve(this.#capacity)
  }

  /** Columns that cannot be built from this pass, with what they are. */
  get misread(): Map<number, ColumnKind> {
    const found = new Map<number, ColumnKind>()
    const fileHasComma = this.#hasDecimalComma
    for (const [index, column] of this.#columns.entries()) {
      const name = this.#header[index] ?? ''
      if (column instanceof NumberBuilder) {
        const notation = column.marks?.notation(fileHasComma)
        if (column.isContradicted) found.set(index, 'text')
        // Its points were read as decimal ones.
        else if (notation?.decimal === ',' && column.hasPoints) found.set(index, notation)
      } else if (column instanceof DressedBuilder) {
        if (column.isContradicted) found.set(index, 'never-numbers')
      } else if (column?.overflow === true && this.#mayBeNumbers(index)) {
        const notation = isIdentifierName(name) ? undefined : notationOf(column.levels, fileHasComma)
        if (notation !== undefined) found.set(index, notation)
      }
    }
    return found
  }

  /** Whether a column of texts may be read as numbers. */
  #mayBeNumbers(index: number): boolean {
    return this.#kinds.get(index) !== 'never-numbers' && !this.#asText.has(this.#header[index] ?? '')
  }

  /** Whether a number of any column can only have a decimal comma. */
  get #hasDecimalComma(): boolean {
    return this.#columns.some((column) =>
      column instanceof NumberBuilder
        ? (column.marks?.comma.decimal ?? 0) > 0
        : column instanceof DressedBuilder
          ? column.hasDecimalComma
          : isComma(column === undefined ? undefined : notationOf(column.levels, false)),
    )
  }

  build(shape: Shape): Table {
    if (this.#label === undefined) throw new Error('A table has a header')
    const fileHasComma = this.#hasDecimalComma
    const columns = this.#columns.flatMap((builder, index) => {
      const column = builder?.build(this.#rows, this.#header[index] ?? '')
      if (column?.kind !== 'text' || column.overflow || !this.#mayBeNumbers(index)) return column ?? []
      const notation = notationOf(column.levels, fileHasComma)
      return notation === undefined ? column : asNumbers(column, notation)
    })
    const label = this.#label.build(
      this.#labelCodes?.codes(this.#rows) ?? new Int32Array(this.#rows).fill(-1),
    )
    return {
      rows: this.#rows,
      header: this.#header,
      nameless: this.#nameless,
      columns,
      label,
      decimalComma: fileHasComma,
      shape,
    }
  }
}

/** Names for the report: duplicates and empty ones are distinguished by position. */
function uniqueNames(names: readonly string[]): string[] {
  const trimmed = names.map((name) => name.trim())
  const count = new Map<string, number>()
  for (const name of trimmed) count.set(name, (count.get(name) ?? 0) + 1)
  return trimmed.map((name, i) => {
    if (name === '') return `column ${i + 1}`
    return count.get(name) === 1 ? name : `${name} (column ${i + 1})`
  })
}

function saysTotal(block: RecordBlock): boolean {
  const {columns, records, starts, stops} = block
  for (let field = (records - 1) * columns; field < records * columns; field++) {
    const length = (stops[field] ?? 0) - (starts[field] ?? 0)
    if (length <= LONGEST_WORD_BYTES && isTotal(fieldText(block, field))) return true
  }
  return false
}

/** Whether the numbers of the last row, one at least, are the sums of those above them. */
function isLastSum({rows, columns}: Table): boolean {
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

/** Whether a column's own numbers show that its decimal mark is the comma. */
function isComma(notation: Notation | undefined): boolean {
  return notation?.decimal === ',' && notation.decidedBy === 'column'
}
