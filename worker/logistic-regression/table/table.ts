import type {InputFile} from '../../processor.ts'
import type {Dialect} from '../csv/dialect.ts'
import {type RecordHandler, type Shape, readRecords} from '../csv/records.ts'
import type {RecordBlock} from '../csv/scanner.ts'
import {isGzipName} from '../csv/source.ts'
import type {Pacer} from '../pacer.ts'
import {CodeBuilder, MOST_LEVELS, NumberBuilder, TextBuilder} from './column-builders.ts'
import type {Column} from './columns.ts'
import {isIdentifierName} from './identifiers.ts'
import {type Label, type LabelChoice, LabelBuilder} from './label.ts'
import {tooLarge} from './memory.ts'

/** Share of a file from which its rows count as typical. */
const TELLING_SHARE = 1 / 8
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
  shape: Shape
}

interface ReadOptions {
  /** Names of columns that are texts whatever they hold. */
  asText?: ReadonlySet<string>
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
  {asText = new Set(), memoryBytes = Infinity}: ReadOptions = {},
): Promise<Table> {
  const text = new Set<number>()
  // Packed, the size says nothing about the rows to come.
  const sizeBytes = isGzipName(input.object) ? 0 : input.sizeBytes
  for (;;) {
    const builder = new TableBuilder(choice, text, asText, sizeBytes, memoryBytes)
    const shape = await readRecords(input, builder, pacer)
    const {contradicted} = builder
    if (contradicted.length === 0) return builder.build(shape)
    // Columns that turned out to be text after some numbers: how those were written is not kept, so read again.
    for (const index of contradicted) text.add(index)
  }
}

class TableBuilder implements RecordHandler {
  readonly #choice: LabelChoice
  readonly #text: ReadonlySet<number>
  readonly #asText: ReadonlySet<string>
  readonly #sizeBytes: number
  readonly #memoryBytes: number
  #header: readonly string[] = []
  #nameless: ReadonlySet<number> = new Set()
  /** The label's column has none here. */
  #columns: (NumberBuilder | TextBuilder | undefined)[] = []
  #label: LabelBuilder | undefined
  #labelCodes: CodeBuilder | undefined
  #rows = 0
  #capacity = 0
  /** Rows after which it is checked next whether the file fits into memory. */
  #nextCheck = 0

  /** @param sizeBytes of the unpacked file, as far as it is known */
  constructor(
    choice: LabelChoice,
    text: ReadonlySet<number>,
    asText: ReadonlySet<string>,
    sizeBytes: number,
    memoryBytes: number,
  ) {
    this.#choice = choice
    this.#text = text
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
    // Programs that write semicolons do so because the comma is their decimal point; with tabs it may part thousands.
    const readsComma = dialect.delimiter === ';'
    this.#columns = names.map((_, index) =>
      index === label.index
        ? undefined
        : this.#text.has(index) || this.#asText.has(this.#header[index] ?? '')
          ? this.#textBuilder(index)
          : new NumberBuilder(index, readsComma),
    )
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
    if (this.#rows >= this.#nextCheck) this.#checkMemory(end)
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

  /** Columns that cannot be built from this pass. */
  get contradicted(): number[] {
    return this.#columns.flatMap((column, index) =>
      column instanceof NumberBuilder && column.isContradicted ? [index] : [],
    )
  }

  build(shape: Shape): Table {
    if (this.#label === undefined) throw new Error('A table has a header')
    const columns = this.#columns.flatMap((column, index) =>
      column === undefined ? [] : [column.build(this.#rows, this.#header[index] ?? '')],
    )
    const label = this.#label.build(
      this.#labelCodes?.codes(this.#rows) ?? new Int32Array(this.#rows).fill(-1),
    )
    return {rows: this.#rows, header: this.#header, nameless: this.#nameless, columns, label, shape}
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
