import type {Report} from '../../contract.ts'
import {isMissing} from '../csv/missing.ts'
import {type RecordBlock, mostRecords} from '../csv/scanner.ts'
import {Design} from '../encoding/design.ts'
import type {Layout, Preprocessing} from '../encoding/preprocessing.ts'
import {describePredicted} from '../quality/predicted.ts'
import {outputsFor} from '../solver/objective.ts'
import {Pass} from '../solver/pass.ts'
import {numbersOfBlock} from '../table/block-columns.ts'
import {CodeBuilder} from '../table/column-builders.ts'
import type {TextColumn} from '../table/columns.ts'
import type {Table} from '../table/table.ts'
import {type Label, isLabelled} from '../table/label.ts'
import {type Predictions, predictBlock} from '../training/model.ts'
import {applyThreshold} from '../training/threshold.ts'

/** A model as it predicts the rows of a table. */
export interface Scorer {
  layout: Layout
  preprocessing: Preprocessing
  parameters: Float64Array
  threshold: number | undefined
}

/** What of a table the rows of its file are predicted by. */
export interface TableHead extends Pick<Table, 'header' | 'decimalComma'> {
  label: Pick<Label, 'index' | 'classes' | 'chosenBy'>
  shape: Pick<Table['shape'], 'dialect'>
}

/** Predictions that rows have already. */
export interface Known {
  /** Numbers of these rows in the file, or the part of it that is read, rising. */
  rows: Uint32Array
  /** For each its row in `predictions`. */
  places: Uint32Array
  predictions: Predictions
}

/** Predicts the rows of a file, block by block. */
export class BlockScorer {
  /** Of the block's rows. */
  readonly predictions: Predictions
  /** How the rows without a label were predicted so far. */
  readonly predicted: NonNullable<Report['predictions']>
  readonly #classes: readonly string[]
  readonly #threshold: number | undefined
  readonly #known: Known
  readonly #columns: readonly {add(block: RecordBlock, from: number, row: number): number}[]
  readonly #labels: CodeBuilder | undefined
  readonly #design: Design
  readonly #pass: Pass
  /** Rows so far, and the known ones among them. */
  #rows = 0
  #knownRows = 0

  constructor(table: TableHead, {layout, preprocessing, parameters, threshold}: Scorer, known: Known) {
    const classes = table.label.classes.length
    const most = mostRecords(table.header.length)
    const {choice, categories, indicators} = layout
    const numbers = choice.numbers.map((column) =>
      numbersOfBlock(column, table.header.length, table.shape.dialect.delimiter),
    )
    const texts = choice.categories.map((column) => textsOfBlock(column, most))
    this.#columns = [...numbers, ...texts].map(({builder}) => builder)
    this.#design = new Design(
      {
        choice: {
          numbers: numbers.map(({column}) => column),
          categories: texts.map(({column}) => column),
          leftOut: [],
        },
        indicators,
        categories,
      },
      preprocessing,
      Uint32Array.from({length: most}, (_, row) => row),
    )
    this.#pass = new Pass(this.#design, outputsFor(classes), parameters)
    this.predictions = {labels: new Int16Array(most), probabilities: new Float64Array(most * classes)}
    this.predicted = describePredicted(new Uint32Array(0), table.label.classes, this.predictions)
    this.#labels = labelsOfBlock(table, most)
    this.#classes = table.label.classes
    this.#threshold = threshold
    this.#known = known
  }

  /** Predicts the file's next rows into {@link predictions}. */
  predict(block: RecordBlock): void {
    const {records} = block
    for (const column of this.#columns) column.add(block, 0, 0)
    for (let start = 0; start < records; start += this.#design.blockRows)
      predictBlock(this.#design, {start, end: records}, this.#pass, this.#classes.length, this.predictions)
    if (this.#threshold !== undefined) applyThreshold(this.predictions, this.#threshold)
    this.#useKnown(records)
    this.#describe(block)
    this.#rows += records
  }

  /** Puts the predictions that are known in place. */
  #useKnown(records: number): void {
    const {rows, places, predictions} = this.#known
    const classes = this.#classes.length
    const {labels, probabilities} = this.predictions
    for (; this.#knownRows < rows.length; this.#knownRows++) {
      const at = (rows[this.#knownRows] ?? 0) - this.#rows
      if (at >= records) return
      const place = places[this.#knownRows] ?? 0
      const from = place * classes
      labels[at] = predictions.labels[place] ?? 0
      probabilities.set(predictions.probabilities.subarray(from, from + classes), at * classes)
    }
  }

  #describe(block: RecordBlock): void {
    this.#labels?.add(block, 0, 0)
    const labels = this.#labels?.current
    const unlabelled = Uint32Array.from({length: block.records}, (_, row) => row).filter(
      (row) => (labels?.[row] ?? -1) < 0,
    )
    const found = describePredicted(unlabelled, this.#classes, this.predictions)
    for (const [k, {rows, histogram}] of found.entries()) {
      const sum = this.predicted[k]
      if (sum === undefined) continue
      sum.rows += rows
      for (const [step, count] of histogram.entries())
        sum.histogram[step] = (sum.histogram[step] ?? 0) + count
    }
  }
}

function textsOfBlock(column: TextColumn, most: number): {builder: CodeBuilder; column: TextColumn} {
  const codeOf = new Map(column.levels.map((level, code) => [level, code]))
  const builder = new CodeBuilder(column.index, (text) => (isMissing(text) ? -1 : (codeOf.get(text) ?? -1)))
  builder.reserve(most)
  return {builder, column: {...column, codes: builder.current}}
}

/** Of which the code is -1 without a label. */
function labelsOfBlock({label}: TableHead, most: number): CodeBuilder | undefined {
  if (label.index < 0) return undefined
  const labels = new CodeBuilder(label.index, (text) => (isLabelled(label, text) ? 0 : -1))
  labels.reserve(most)
  return labels
}
