import {Readable} from 'node:stream'
import {deserialize, serialize} from 'node:v8'
import type {Report} from '../../contract.ts'
import {type ByteRange, type InputFile, type Parts, PermanentError, type Tasks} from '../../processor.ts'
import {type Dialect, detectDialect, holdsHead} from '../csv/dialect.ts'
import {InOtherFormat} from '../csv/other-format.ts'
import {readRecords} from '../csv/records.ts'
import {isGzipName, openText} from '../csv/source.ts'
import {Pacer} from '../pacer.ts'
import type {Predictions} from '../training/model.ts'
import {BlockScorer, type Known, type Scorer, type TableHead} from './block-scorer.ts'
import {knownOf, type PredictedFile, ScoredRecords} from './scored-records.ts'

const HEAD_BYTES = 1024 * 1024
const NO_NUMBERS = new Float64Array(0)
const NO_CODES = new Int32Array(0)

type Predicted = NonNullable<Report['predictions']>

/** What a task has to know to write its part of a result: plain data. */
interface Part {
  range: ByteRange
  /** The header's record, if the range does not begin with it. */
  header: Buffer | undefined
  /** That of the header and the range. */
  dialect: Dialect
  /** The row of the part, counted from 0, that is a total. */
  total: number | undefined
  table: TableHead
  scorer: Scorer
  known: Known
}

/** How several tasks write the result of one CSV file: each reads, predicts and writes the rows of a range of bytes. */
export const parts: Parts = {
  async suit(input) {
    const head = {...input, open: () => input.open({start: 0, end: Math.min(HEAD_BYTES, input.sizeBytes)})}
    try {
      return !isGzipName(input.object) && hasParts(input, await dialectOf(head))
    } catch (error) {
      // The job says what is wrong with the file.
      if (error instanceof InOtherFormat || error instanceof PermanentError) return false
      throw error
    }
  },

  async write(bytes, input, output, {signal}) {
    const part: Part = deserialize(bytes)
    const {range, header, dialect, total, table, scorer, known} = part
    const blocks = new BlockScorer(table, scorer, known)
    const stream = new ScoredRecords(table, blocks, output, header === undefined)
    const rows = {
      ...input,
      open: async () => {
        const opened = await input.open(range)
        return header === undefined ? opened : Readable.from(following(header, opened), {objectMode: false})
      },
    }
    await readRecords(rows, stream, new Pacer(signal), {dialect, total})
    await stream.flush()
    return Buffer.from(JSON.stringify(blocks.predicted))
  },
}

/** Whether a file can be read from the middle: text that is stored as it is read. */
export function hasParts({object}: InputFile, {format, encoding}: Dialect): boolean {
  return format === 'csv' && encoding === 'UTF-8' && !isGzipName(object)
}

/**
 * Has the tasks of an execution write the result of a file.
 * @returns how the rows without a label were predicted
 */
export async function sharePredicted(file: PredictedFile, tasks: Tasks): Promise<Predicted> {
  const outputs = await tasks.share(partsOf(file, tasks.count))
  const [first = [], ...others] = outputs.map((output): Predicted => JSON.parse(output.toString('utf8')))
  return others.reduce((sum, predicted) => sum.map((one, k) => added(one, predicted[k])), first)
}

function added(one: Predicted[number], other: Predicted[number] | undefined): Predicted[number] {
  const histogram = one.histogram.map((count, step) => count + (other?.histogram[step] ?? 0))
  return {...one, rows: one.rows + (other?.rows ?? 0), histogram}
}

/** Cuts a file between rows into up to `count` ranges of about equal size. */
function* partsOf(file: PredictedFile, count: number): Generator<Buffer> {
  const {input, table, scorer, predictions} = file
  const {cuts, total} = table
  const {dialect} = table.shape
  const {rows, places} = knownOf(file)
  const classes = table.label.classes.length
  const all = cuts.rows.at(-1) ?? 0
  let start = 0
  let firstRow = 0
  let known = 0
  const partUntil = (end: number, endRow: number): Buffer => {
    const from = known
    while (known < rows.length && (rows[known] ?? 0) < endRow) known++
    const isFirst = start === 0
    const part: Part = {
      range: {start, end},
      header: isFirst ? undefined : cuts.header,
      dialect: isFirst
        ? dialect
        : {...dialect, headerStart: 0, titles: 0, units: undefined, byteOrderMark: false},
      total: total === undefined ? undefined : total - firstRow,
      table: headOf(table),
      scorer: withoutRows(scorer),
      known: {
        rows: rows.slice(from, known).map((row) => row - firstRow),
        places: Uint32Array.from({length: known - from}, (_, i) => i),
        predictions: someOf(predictions, places.subarray(from, known), classes),
      },
    }
    start = end
    firstRow = endRow
    return serialize(part)
  }
  for (let i = 0, part = 1; part < count && i < cuts.ends.length; i++) {
    const [end = 0, row = 0] = [cuts.ends[i], cuts.rows[i]]
    if (end < (part * input.sizeBytes) / count || row === all) continue
    yield partUntil(end, row)
    part++
  }
  yield partUntil(input.sizeBytes, all)
}

function someOf({labels, probabilities}: Predictions, rows: Uint32Array, classes: number): Predictions {
  const some = {
    labels: new Int16Array(rows.length),
    probabilities: new Float64Array(rows.length * classes),
  }
  for (const [i, row] of rows.entries()) {
    some.labels[i] = labels[row] ?? 0
    some.probabilities.set(probabilities.subarray(row * classes, (row + 1) * classes), i * classes)
  }
  return some
}

function headOf({header, decimalComma, label, shape}: TableHead): TableHead {
  const {index, classes, chosenBy} = label
  return {header, decimalComma, label: {index, classes, chosenBy}, shape: {dialect: shape.dialect}}
}

function withoutRows(scorer: Scorer): Scorer {
  const {choice} = scorer.layout
  return {
    ...scorer,
    layout: {
      ...scorer.layout,
      choice: {
        numbers: choice.numbers.map((column) => ({...column, values: NO_NUMBERS})),
        categories: choice.categories.map((column) => ({...column, codes: NO_CODES})),
        leftOut: [],
      },
    },
  }
}

async function dialectOf(input: InputFile): Promise<Dialect> {
  const text = await openText(input)
  let head: Buffer = Buffer.alloc(0)
  for await (const chunk of text.bytes) {
    head = Buffer.concat([head, chunk])
    if (holdsHead(head)) break
  }
  return detectDialect(head, text.encoding)
}

async function* following(header: Buffer, rows: Readable): AsyncGenerator<Buffer> {
  yield header
  for await (const chunk of rows) if (Buffer.isBuffer(chunk)) yield chunk
}
