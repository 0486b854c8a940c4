import {type InputFile, type Output, PermanentError, type ProcessContext} from '../../processor.ts'
import {Design} from '../encoding/design.ts'
import {readFile} from '../formats/source.ts'
import {type Layout, placesIn} from '../encoding/preprocessing.ts'
import {readDriftBound} from '../options.ts'
import type {Pacer} from '../pacer.ts'
import {measureAndWrite} from '../quality/measure-aside.ts'
import {logReading, logRows, makeReport} from '../quality/report.ts'
import {stopwatch} from '../stopwatch.ts'
import type {NumberColumn, TextColumn} from '../table/columns.ts'
import type {FeatureChoice} from '../table/features.ts'
import {listed, nearNames} from '../table/names.ts'
import {helpersIn, memoryForTable} from '../table/memory.ts'
import {labelledRows} from '../table/rows.ts'
import type {Table} from '../table/table.ts'
import {type Artifact, predict, reservePredictions} from '../training/model.ts'
import {applyThreshold} from '../training/threshold.ts'
import type {Pretrained} from './artifact.ts'
import {describeDrift, measureDrift, refuseDrifted} from './drift.ts'
import {writePredicted} from './stream.ts'

/**
 * Predicts all rows of a file with a pre-trained model. Columns are found by name, in any order; those that the model
 * does not know are ignored. Labelled rows are evaluated.
 * @throws PermanentError `model-column-missing`, `model-column-not-numeric`, `drifted`, `drift-bound-invalid`, and whatever makes a file unreadable
 */
export async function score(
  input: InputFile,
  {artifact, parameters, source}: Pretrained,
  output: Output,
  context: ProcessContext,
  pacer: Pacer,
): Promise<void> {
  const lap = stopwatch()
  const bound = readDriftBound(input)
  const memoryBytes = memoryForTable(context.environment)
  const {classes, preprocessing} = artifact
  const asText = new Set(preprocessing.categories.map(({column}) => column))
  const table = await readFile(input, {name: artifact.label, chosenBy: 'model', classes}, pacer, {
    asText,
    memoryBytes,
  })
  pacer.helpers = Math.min(pacer.helpers, helpersIn(memoryBytes - table.bytes))
  const {rows, label} = table
  const readMs = lap()
  logRows(table, readMs, context)

  const {layout, warnings} = fitOnto(table, artifact)
  const predictions = reservePredictions(rows, classes.length, pacer.helpers > 0)
  const all = Uint32Array.from({length: rows}, (_, row) => row)
  const drift = artifact.distributions && measureDrift(artifact.distributions, layout.choice, all)
  const unjudged = bound === undefined ? [] : refuseDrifted(bound, drift, rows)
  const design = new Design(layout, preprocessing, all)
  await predict(design, {start: 0, end: rows}, parameters, classes.length, predictions, pacer)
  design.free()
  if (artifact.threshold !== undefined) applyThreshold(predictions, artifact.threshold)
  const labelled = labelledRows(label.codes)
  const scorer = {layout, preprocessing, parameters, threshold: artifact.threshold}
  const file = {input, table, scorer, predictions, fixed: new Uint32Array(0)}
  const {
    quality,
    written: predicted,
    predictMs,
    writeMs,
  } = await measureAndWrite(
    {rows: labelled, codes: label.codes, classes, predictions},
    ({metrics: {auc, logLoss}}, durationMs) =>
      context.log('INFO', `Predicted ${rows} rows with ${source.uri}`, {rows, auc, logLoss, durationMs}),
    () => writePredicted(file, output, context.tasks, pacer),
    pacer,
  )
  const written = table.sample?.of ?? rows
  context.log('INFO', `Wrote ${written} rows`, {rows: written, durationMs: writeMs})

  const fit = {parameters, precision: undefined, iterations: 0, converged: true}
  const report = makeReport({
    input,
    table,
    choice: layout.choice,
    trained: {preprocessing, fit},
    penalty: undefined,
    options: {},
    threshold: artifact.threshold,
    folds: 0,
    quality,
    predicted,
    pretrained: {source, drift},
    warnings: [...unjudged, ...describeDrift(drift ?? [], rows), ...warnings],
    timings: {readMs, fitMs: 0, predictMs, writeMs},
  })
  logReading(report, context)
  output.sidecar('report.json', report)
  output.sidecar('model.json', artifact)
}

/** Finds the model's columns in the table, and reports what in the table the model never saw. */
function fitOnto(table: Table, artifact: Artifact): {layout: Layout; warnings: string[]} {
  const {numbers, categories} = artifact.preprocessing
  const byName = new Map(table.columns.map((column) => [column.name, column]))
  const names = new Set([...numbers, ...categories].map(({column}) => column))
  refuseMissing(
    [...names].filter((name) => !byName.has(name)),
    table,
  )
  const warnings: string[] = []
  if (table.label.unknown > 0) {
    warnings.push(
      `${table.label.unknown} rows have a label that the model does not know, and count as unlabelled; its classes are ${listed(artifact.classes)}.`,
    )
  }
  const choice: FeatureChoice = {
    numbers: numbers.map(({column, missing}) => {
      const found = asNumbers(byName.get(column), column)
      const gaps = missing === null ? found.values.filter(Number.isNaN).length : 0
      if (gaps > 0) {
        warnings.push(
          `${column} has ${gaps} missing numbers, but the model was trained without any: the median replaces them.`,
        )
      }
      return found
    }),
    categories: categories.map(({column}) => asTexts(byName.get(column), column)),
    leftOut: table.columns
      .filter(({name}) => !names.has(name))
      .map(({name}) => ({column: name, reason: 'not-in-model'})),
  }
  const encoded = categories.map((encoder, j) => {
    const column = choice.categories[j]
    const known = new Set(encoder.levels)
    const unknown = (column?.levels ?? []).filter((level) => !known.has(level))
    if (unknown.length > 0 && !encoder.pooled) {
      warnings.push(
        `${encoder.column} has values that the model does not know and ignores: ${listed(unknown)}.`,
      )
    }
    return {encoder, ...placesIn(encoder, column?.levels ?? [])}
  })
  const indicators = numbers.map(({missing}) => missing !== null)
  return {layout: {choice, indicators, categories: encoded}, warnings}
}

function refuseMissing(names: readonly string[], table: Table): void {
  const [first] = names
  if (first === undefined) return
  const near = names.flatMap((name) => {
    const similar = nearNames(table.header, name)
    return similar.length > 0 ? [`${listed(similar)} for ${name}`] : []
  })
  throw new PermanentError(
    `The file lacks ${names.length === 1 ? 'a column' : `${names.length} columns`} that the model needs: ${listed(names)}.`,
    {
      code: 'model-column-missing',
      line: 1,
      column: first,
      suggestions: [
        ...(near.length > 0
          ? [`Similar columns of the file: ${listed(near)}. Rename what the model should use.`]
          : []),
        'Add the columns under the names the model uses; their order does not matter, and cells may be empty.',
      ],
    },
  )
}

function asNumbers(column: NumberColumn | TextColumn | undefined, name: string): NumberColumn {
  if (column?.kind === 'number') return column
  throw new PermanentError(
    `The column ${name} is numeric in the model, but has text in this file, such as ${listed((column?.levels ?? []).slice(0, 3))}.`,
    {
      code: 'model-column-not-numeric',
      column: name,
      suggestions: ['Write plain numbers in it, and leave the cell empty if a number is missing.'],
    },
  )
}

function asTexts(column: NumberColumn | TextColumn | undefined, name: string): TextColumn {
  if (column?.kind === 'text') return column
  throw new TypeError(`The column ${name} was expected as text`)
}
