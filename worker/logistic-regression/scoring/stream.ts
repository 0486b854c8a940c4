import type {Report} from '../../contract.ts'
import type {InputFile, Output} from '../../processor.ts'
import {type AppendedFields, copyRecord} from '../csv/append.ts'
import type {Dialect} from '../csv/dialect.ts'
import {type RecordHandler, readRecords} from '../csv/records.ts'
import type {RecordBlock} from '../csv/scanner.ts'
import type {Pacer} from '../pacer.ts'
import {describePredicted} from '../quality/predicted.ts'
import {unlabelledRows} from '../table/rows.ts'
import type {Sample, Table} from '../table/table.ts'
import type {Predictions} from '../training/model.ts'
import {BlockScorer, type Scorer} from './block-scorer.ts'
import {appendedFields, writeResult, writeThrough} from './result.ts'

const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf])
const FIRST_BYTES = 256 * 1024

/**
 * Writes the result of a file whose table is predicted, and of the other rows if memory holds a sample.
 * @param predictions of the table's rows
 * @returns how the rows without a label were predicted
 */
export async function writePredicted(
  input: InputFile,
  table: Table,
  scorer: Scorer,
  predictions: Predictions,
  output: Output,
  pacer: Pacer,
): Promise<NonNullable<Report['predictions']>> {
  const {sample, label, total, shape} = table
  if (sample === undefined) {
    await writeResult(input, table, predictions, output, pacer)
    await pacer.pause()
    return describePredicted(unlabelledRows(label.codes), label.classes, predictions)
  }
  const blocks = new BlockScorer(table, scorer, predictions)
  if (shape.dialect.format === 'csv') {
    await writeThrough(input, output, async (to) => {
      const stream = new ScoredRecords(table, blocks, to)
      await readRecords(input, stream, pacer, {total})
      await stream.flush()
    })
  } else {
    await writeResult(input, table, await predictAll(table, sample, blocks, pacer), output, pacer)
  }
  return blocks.predicted
}

/** Writes records with their predictions as they are read. */
class ScoredRecords implements RecordHandler {
  readonly needsEnds = false
  readonly #blocks: BlockScorer
  readonly #dialect: Dialect
  readonly #fields: AppendedFields
  readonly #output: Pick<Output, 'write'>
  #pending = Buffer.allocUnsafe(FIRST_BYTES)
  #size = 0

  constructor(table: Table, blocks: BlockScorer, output: Pick<Output, 'write'>) {
    this.#blocks = blocks
    this.#dialect = table.shape.dialect
    this.#fields = appendedFields(table, blocks.predictions)
    this.#output = output
  }

  header(_names: readonly string[], dialect: Dialect, block: RecordBlock): void {
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

/** Predicts all rows of a file that is not CSV, to be written row by row: a few bytes each. */
async function predictAll(
  {text, shape: {dialect}, label: {classes}}: Table,
  {of: rows}: Sample,
  blocks: BlockScorer,
  pacer: Pacer,
): Promise<Predictions> {
  const all = {labels: new Int16Array(rows), probabilities: new Float64Array(rows * classes.length)}
  const {labels, probabilities} = blocks.predictions
  let row = 0
  const handler: RecordHandler = {
    needsEnds: false,
    header: () => undefined,
    rows: (block) => {
      blocks.predict(block)
      all.labels.set(labels.subarray(0, block.records), row)
      all.probabilities.set(probabilities.subarray(0, block.records * classes.length), row * classes.length)
      row += block.records
    },
  }
  await readRecords(text, handler, pacer, {dialect})
  return all
}
