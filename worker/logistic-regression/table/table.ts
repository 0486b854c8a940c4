import type {InputFile} from '../../processor.ts'
import type {Dialect} from '../csv/dialect.ts'
import {type RecordHandler, type Shape, readRecords} from '../csv/records.ts'
import {type RecordBlock, mostRecords, recordBytes} from '../csv/scanner.ts'
import {isGzipName} from '../csv/source.ts'
import type {Pacer} from '../pacer.ts'
import {CodeBuilder, MOST_LEVELS, NumberBuilder, TextBuilder} from './column-builders.ts'
import type {Column} from './columns.ts'
import {DressedBuilder, asNumbers} from './dressed-column.ts'
import {isIdentifierName} from './identifiers.ts'
import {type Label, type LabelChoice, LabelBuilder} from './label.ts'
import {uniqueNames} from './names.ts'
import {type Notation, notationOf} from './notation.ts'
import {RowSample} from './sample.ts'
import {TotalCheck, columnsOfTotal} from './total-row.ts'
import {TypedBuilder, type TypedNumbers} from './typed-column.ts'

/** Rows that are kept however little memory there is. */
const FEWEST_ROWS = 1000
/** Per row besides its columns: its end, its label and fold, its prediction for two classes. */
const BYTES_PER_ROW = 48

/** Rows that suffice to determine the kind of a column left out for its name. */
const MOST_LEVELS_LEFT_OUT = 1000

/** A file in memory, by columns. */
export interface Table {
  rows: number
  header: readonly string[]
  /** Indexes of the columns without a name of their own. */
  nameless: ReadonlySet<number>
  /** All columns but the label's. */
  columns: Column[]
  label: Label
  /** The label is text by its type, even if its classes look like numbers. */
  isLabelText?: boolean
  /** What it was read from: the file, or its rows as CSV. */
  text: InputFile
  /** Where it can be read from the middle. */
  cuts: Cuts
  /** Of memory that it takes, with everything derived from it. */
  bytes: number
  /** If memory had room for some rows only: these are those of the table, chosen at random. */
  sample: Sample | undefined
  /** The row, counted from 0, that is a total. */
  total: number | undefined
  /** The file's numbers have decimal commas. */
  decimalComma: boolean
  shape: Shape
}

/** Places between the rows of a file, in order. */
export interface Cuts {
  /** The header's record. */
  header: Buffer
  /** Offsets after a row, in unpacked bytes; and how many rows precede each. */
  ends: number[]
  rows: number[]
}

/** Which rows of a file a table has. */
export interface Sample {
  /** Their numbers in the file, from 0, rising. */
  rows: Uint32Array
  /** Rows of the file. */
  of: number
}

export interface ReadOptions {
  /** Names of columns that are texts whatever they hold. */
  asText?: ReadonlySet<string>
  /** If it is known. */
  dialect?: Dialect
  /** The same. */
  rows?: number
  typed?: TypedNumbers
  /** Most bytes for the table and everything derived from it. */
  memoryBytes?: number
}

/**
 * Reads a file into typed columns: a column is numeric if every non-missing cell is a number.
 * What memory has no room for is not kept: a random sample of the rows is.
 * @throws PermanentError as {@link readRecords}, and faults of the label column
 */
export async function readTable(
  input: InputFile,
  choice: LabelChoice,
  pacer: Pacer,
  {asText = new Set(), memoryBytes = Infinity, dialect, rows, typed}: ReadOptions = {},
): Promise<Table> {
  let kinds = new Map<number, ColumnKind>()
  let total: number | undefined
  // Packed, the size says nothing about the rows to come.
  const sizeBytes = isGzipName(input.object) ? 0 : input.sizeBytes
  for (;;) {
    const builder = new TableBuilder(choice, kinds, asText, {bytes: sizeBytes, rows}, memoryBytes, typed)
    const shape = await readRecords(input, builder, pacer, {total, dialect})
    const {misread} = builder
    if (misread.size === 0) {
      const table = builder.build(input, shape, total)
      const words = builder.columnsOfTotal
      // A program that writes types writes no totals.
      if (total !== undefined || dialect !== undefined || words.length === 0) return table
      const check = new TotalCheck(table, words)
      await readRecords(input, check, pacer)
      total = check.total
      if (total === undefined) return table
      // Its word made a text column of what may be numbers without it.
      kinds = new Map()
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
  readonly #size: {bytes: number; rows: number | undefined}
  readonly #memoryBytes: number
  readonly #typed: TypedNumbers | undefined
  #header: readonly string[] = []
  #nameless: ReadonlySet<number> = new Set()
  /** The label's column has none here. */
  #columns: (NumberBuilder | DressedBuilder | TypedBuilder | TextBuilder | undefined)[] = []
  #label: LabelBuilder | undefined
  #labelCodes: CodeBuilder | undefined
  /** Rows that are kept, and those of the file so far. */
  #rows = 0
  #seen = 0
  #sample: RowSample | undefined
  #columnsOfTotal: readonly number[] = []
  readonly #cuts: Cuts = {header: Buffer.alloc(0), ends: [], rows: []}
  #capacity = 0
  /** Rows after which it is checked next whether the file fits into memory. */
  #nextCheck = 0

  /** @param size of the unpacked file, as far as it is known */
  constructor(
    choice: LabelChoice,
    kinds: ReadonlyMap<number, ColumnKind>,
    asText: ReadonlySet<string>,
    size: {bytes: number; rows: number | undefined},
    memoryBytes: number,
    typed: TypedNumbers | undefined,
  ) {
    this.#choice = choice
    this.#kinds = kinds
    this.#asText = asText
    this.#size = size
    this.#memoryBytes = memoryBytes
    this.#typed = typed
  }

  get needsEnds(): boolean {
    return this.#sample === undefined
  }

  header(names: readonly string[], dialect: Dialect, block: RecordBlock): void {
    this.#cuts.header = Buffer.from(recordBytes(block, 0))
    this.#header = uniqueNames(names)
    this.#nameless = new Set(names.flatMap((name, index) => (name.trim() === '' ? [index] : [])))
    const label = new LabelBuilder(names, this.#choice)
    this.#label = label
    if (label.index >= 0) this.#labelCodes = new CodeBuilder(label.index, (text) => label.codeOf(text))
    this.#columns = names.map((_, index) => {
      const kind = this.#kinds.get(index)
      if (index === label.index) return undefined
      if (this.#typed?.columns.has(index) === true) return new TypedBuilder(index, this.#typed)
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
    this.#columnsOfTotal = columnsOfTotal(block)
    const codes = this.#labelCodes?.current
    if (codes !== undefined) this.#label?.count(codes, row, this.#rows)
    if (this.#sample !== undefined) this.#retain(this.#sample.next(this.#seen, row, this.#rows, codes), row)
    this.#seen += block.records
    this.#cuts.ends.push(end)
    this.#cuts.rows.push(this.#seen)
    if (this.#rows >= this.#nextCheck) this.#checkMemory()
  }

  /** Indexes of the columns in which the last row has a word for a total. */
  get columnsOfTotal(): readonly number[] {
    return this.#columnsOfTotal
  }

  #textBuilder(index: number): TextBuilder {
    const name = this.#header[index] ?? ''
    const isLeftOut = isIdentifierName(name) && !this.#asText.has(name)
    return new TextBuilder(index, isLeftOut ? MOST_LEVELS_LEFT_OUT : MOST_LEVELS)
  }

  /** Rows that memory has room for, by the kinds of the columns. */
  get #fitting(): number {
    return Math.max(FEWEST_ROWS, Math.floor(this.#memoryBytes / this.#bytesPerRow))
  }

  get #bytesPerRow(): number {
    return this.#columns.reduce((sum, column) => sum + (column?.bytesPerRow ?? 0), BYTES_PER_ROW)
  }

  #checkMemory(): void {
    const fitting = this.#fitting
    if (this.#rows > fitting) {
      const codes = this.#labelCodes?.current
      if (this.#sample === undefined) {
        this.#sample = new RowSample(this.#rows, this.#choice.classes === undefined)
        // Rows without a label go first: a model does not learn from them.
        this.#retain(this.#sample.thin(this.#rows, codes), 0)
      }
      while (this.#rows > fitting) {
        this.#sample.halve()
        this.#retain(this.#sample.thin(this.#rows, codes), 0)
      }
    }
    this.#nextCheck = Math.max(this.#rows, Math.min(2 * this.#rows, fitting)) + 1
  }

  /** @param kept of the rows from `from` on */
  #retain(kept: Uint32Array, from: number): void {
    this.#labelCodes?.retain(kept, from)
    for (const column of this.#columns) column?.retain(kept, from)
    this.#rows = from + kept.length
  }

  /** Unwritten memory costs nothing, so the remaining rows are estimated generously. */
  #reserve(end: number): void {
    const expected = this.#size.rows ?? Math.ceil((this.#rows / end) * this.#size.bytes * 1.1)
    const most = this.#fitting + mostRecords(this.#header.length)
    const wanted = Math.max(expected, Math.ceil(this.#rows * 1.5))
    this.#capacity = Math.max(this.#rows, Math.min(wanted, most))
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
      } else if (column instanceof TextBuilder && column.overflow && this.#mayBeNumbers(index)) {
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
          : column instanceof TextBuilder && isComma(notationOf(column.levels, false)),
    )
  }

  /**
   * @param text it was read from
   * @param total the row left out as a total
   */
  build(text: InputFile, shape: Shape, total: number | undefined): Table {
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
      text,
      cuts: this.#cuts,
      bytes: this.#rows * this.#bytesPerRow,
      sample: this.#sample && {
        rows: this.#sample.rows(this.#rows),
        of: this.#seen,
      },
      total,
      decimalComma: fileHasComma,
      shape,
    }
  }
}

/** Whether a column's own numbers show that its decimal mark is the comma. */
function isComma(notation: Notation | undefined): boolean {
  return notation?.decimal === ',' && notation.decidedBy === 'column'
}
