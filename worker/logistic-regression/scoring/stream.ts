import type {Report} from '../../contract.ts'
import type {Output, Tasks} from '../../processor.ts'
import {type RecordHandler, readRecords} from '../csv/records.ts'
import type {Pacer} from '../pacer.ts'
import {describePredicted} from '../quality/predicted.ts'
import {unlabelledRows} from '../table/rows.ts'
import type {Sample, Table} from '../table/table.ts'
import type {Predictions} from '../training/model.ts'
import {BlockScorer} from './block-scorer.ts'
import {hasParts, sharePredicted} from './parts.ts'
import {writeResult, writeThrough} from './result.ts'
import {knownOf, type PredictedFile, ScoredRecords} from './scored-records.ts'

/**
 * Writes the result of a file: of the rows of its table, and of the others if memory holds a sample.
 * @returns how the rows without a label were predicted
 */
export async function writePredicted(
  file: PredictedFile,
  output: Output,
  tasks: Tasks | undefined,
  pacer: Pacer,
): Promise<NonNullable<Report['predictions']>> {
  const {input, table, scorer, predictions} = file
  const {sample, label, total, shape} = table
  if (tasks !== undefined && hasParts(input, shape.dialect)) return sharePredicted(file, tasks)
  if (sample === undefined) {
    await writeResult(input, table, predictions, output, pacer)
    await pacer.pause()
    return describePredicted(unlabelledRows(label.codes), label.classes, predictions)
  }
  const blocks = new BlockScorer(table, scorer, {...knownOf(file), predictions})
  if (shape.dialect.format === 'csv') {
    await writeThrough(input, output, async (to) => {
      const stream = new ScoredRecords(table, blocks, to, true)
      await readRecords(input, stream, pacer, {total})
      await stream.flush()
    })
  } else {
    await writeResult(input, table, await predictAll(table, sample, blocks, pacer), output, pacer)
  }
  return blocks.predicted
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
