import type {InputFile, Output} from '../../processor.ts'
import {type AppendedFields, copyRecord} from '../csv/append.ts'
import type {Dialect} from '../csv/dialect.ts'
import type {RecordHandler} from '../csv/records.ts'
import type {RecordBlock} from '../csv/scanner.ts'
import type {Table} from '../table/table.ts'
import type {Predictions} from '../training/model.ts'
import type {BlockScorer, Known, Scorer, TableHead} from './block-scorer.ts'
import {appendedFields} from './result.ts'

const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf])
const FIRST_BYTES = 256 * 1024

/** A file whose table is predicted. */
export interface PredictedFile {
  input: InputFile
  table: Table
  scorer: Scorer
  /** Of the table's rows. */
  predictions: Predictions
  /** Those rows whose predictions stay; the scorer's are those of the others. */
  fixed: Uint32Array
}

/** The rows whose predictions stay: their numbers in the file, and in its table. */
export function knownOf({table: {sample}, fixed}: PredictedFile): Pick<Known, 'rows' | 'places'> {
  return {
    rows: sample === undefined ? fixed : fixed.map((row) => sample.rows[row] ?? 0),
    places: fixed,
  }
}

/** Writes records with their predictions as they are read. */
export class ScoredRecords implements RecordHandler {
  readonly needsEnds = false
  readonly #writesHeader: boolean
  readonly #blocks: BlockScorer
  readonly #dialect: Dialect
  readonly #fields: AppendedFields
  readonly #output: Pick<Output, 'write'>
  #pending = Buffer.allocUnsafe(FIRST_BYTES)
  #size = 0

  constructor(table: TableHead, blocks: BlockScorer, output: Pick<Output, 'write'>, writesHeader: boolean) {
    this.#writesHeader = writesHeader
    this.#blocks = blocks
    this.#dialect = table.shape.dialect
    this.#fields = appendedFields(table, blocks.predictions)
    this.#output = output
  }

  header(_names: readonly string[], dialect: Dialect, block: RecordBlock): void {
    if (!this.#writesHeader) return
    this.#reserve(block, 0)
    if (dialect.byteOrderMark) this.#size += BYTE_ORDER_MARK.copy(this.#pending, this.#size)
    this.#size = copyRecord(block, 0, this.#fields, 0, dialect, this.#pending, this.#size)
  }

  rows(block: RecordBlock): void {
    this.#blocks.predict(block)
    for (let record = 0; record < block.records; record++) {
      this.#reserve(block, record)
      this.#size = copyRecord(
        block,
        record,
        this.#fields,
        record + 1,
        this.#dialect,
        this.#pending,
        this.#size,
      )
    }
  }

  /** Makes room for one more record of a block. */
  #reserve({starts, ends, columns}: RecordBlock, record: number): void {
    const own = (ends[record] ?? 0) - (starts[record * columns] ?? 0)
    const needed = this.#size + own + this.#fields.mostBytes + BYTE_ORDER_MARK.length + 2
    if (needed <= this.#pending.length) return
    const larger = Buffer.allocUnsafe(2 * needed)
    this.#pending.copy(larger, 0, 0, this.#size)
    this.#pending = larger
  }

  async flush(): Promise<void> {
    if (this.#size === 0) return
    await this.#output.write(this.#pending.subarray(0, this.#size))
    this.#size = 0
  }
}
