import type {InputFile, Output, ProcessContext, Processor} from '../processor.ts'
import {collectGarbage} from '../garbage.ts'
import {startHelpers} from '../threads.ts'
import {readPretrained} from './scoring/artifact.ts'
import {readFile} from './formats/source.ts'
import {handOn} from './kept-memory.ts'
import {distributionOfTexts} from './table/distribution.ts'
import {chooseFeatures} from './table/features.ts'
import {dealFolds, heldOutRows, orderByFold} from './training/folds.ts'
import {chooseLabel} from './table/label.ts'
import {learn} from './training/learn.ts'
import {type Artifact, reservePredictions} from './training/model.ts'
import {Pacer} from './pacer.ts'
import {helpersIn, memoryForTable} from './table/memory.ts'
import {measureAndWrite} from './quality/measure-aside.ts'
import {layOut} from './encoding/preprocessing.ts'
import {logReading, logRows, makeReport} from './quality/report.ts'
import {parts} from './scoring/parts.ts'
import {writePredicted} from './scoring/stream.ts'
import {labelledRows, unlabelledRows} from './table/rows.ts'
import {score} from './scoring/score.ts'
import {stopwatch} from './stopwatch.ts'
import {chooseTransforms, noTransforms, shapesOf} from './training/tails.ts'
import {readDriftBound, readModelOptions, unreadMetadata} from './options.ts'
import {applyThreshold, chooseThreshold} from './training/threshold.ts'

/** Of a table: collecting the garbage takes less than touching new memory of that size. */
const LARGE_BYTES = 32 * 1024 * 1024

/**
 * Learns from the labelled rows of a CSV file and predicts the others. The result is the file with predictions
 * appended; `report.json` reports their quality, `model.json` is the model. If the file or the pipeline names a
 * pre-trained model, that predicts all rows.
 */
export const logisticRegression: Processor = {name: 'logistic-regression', process, parts}

async function process(input: InputFile, output: Output, context: ProcessContext): Promise<void> {
  const {environment, signal} = context
  const memoryBytes = memoryForTable(environment)
  // Threads that wait take a third of their memory.
  const most = helpersIn(memoryBytes / 4)
  const pacer = new Pacer(signal, startHelpers(environment, input.sizeBytes, most))
  const pretrained = await readPretrained(input, context)
  if (pretrained !== undefined) return score(input, pretrained, output, context, pacer)
  const options = readModelOptions(input, environment)
  const driftBound = readDriftBound(input)
  const lap = stopwatch()
  const table = await readFile(input, chooseLabel(input, environment, options), pacer, {
    memoryBytes,
  })
  pacer.helpers = Math.min(pacer.helpers, helpersIn(memoryBytes - table.bytes))
  const {rows, label} = table
  const classes = label.classes.length
  const readMs = lap()
  logRows(table, readMs, context)

  const choice = await chooseFeatures(table, options, pacer)
  const labelled = labelledRows(label.codes)
  await pacer.pause()
  const layout = layOut(choice, labelled)
  await pacer.pause()
  const dealt = await dealFolds(label.codes, classes, options, pacer)
  await pacer.pause()
  const unlabelled = unlabelledRows(label.codes)
  if (pacer.due) await pacer.pause()
  const folded = orderByFold(labelled, dealt, unlabelled)
  await pacer.pause()
  const shapes = await shapesOf(choice.numbers, folded, pacer)
  const transforms =
    options.transforms === 'off'
      ? noTransforms(choice.numbers.length, folded)
      : await chooseTransforms(choice.numbers, shapes, label, folded, pacer)
  const distributions = [
    ...shapes.map(({distribution}) => distribution),
    ...choice.categories.map((column) => distributionOfTexts(column, labelled)),
  ]
  if (pacer.due) await pacer.pause()
  const predictions = reservePredictions(rows, classes, pacer.helpers > 0)
  const {preprocessing, fit, penalty, model} = await learn(
    layout,
    label,
    folded,
    transforms,
    options,
    predictions,
    pacer,
  )
  // What the design matrix took is free for the metrics.
  if (table.bytes >= LARGE_BYTES) collectGarbage()
  const fitMs = lap()
  const {iterations, converged} = fit
  context.log(converged ? 'INFO' : 'WARNING', `Fitted ${labelled.length} labelled rows`, {
    rows: labelled.length,
    classes,
    iterations,
    converged,
    durationMs: fitMs,
  })

  await pacer.pause()
  const heldOut = heldOutRows(folded, dealt)
  const threshold = chooseThreshold(options, predictions, label.codes, heldOut, classes)
  if (threshold !== undefined) applyThreshold(predictions, threshold)
  const scorer = {layout, preprocessing, parameters: fit.parameters, threshold}
  // The labelled rows were predicted by models that did not learn from them.
  const file = {input, table, scorer, predictions, fixed: labelled}
  const {
    quality,
    written: predicted,
    predictMs,
    writeMs,
  } = await measureAndWrite(
    {rows: heldOut, codes: label.codes, classes: label.classes, predictions},
    ({metrics: {auc, logLoss}}, durationMs) =>
      context.log('INFO', `Predicted ${rows} rows`, {
        rows,
        folds: folded.folds.length,
        auc,
        logLoss,
        durationMs,
      }),
    () => writePredicted(file, output, context.tasks, pacer),
    pacer,
  )
  await pacer.pause()
  const written = table.sample?.of ?? rows
  context.log('INFO', `Wrote ${written} rows`, {rows: written, durationMs: writeMs})

  const report = makeReport({
    input,
    table,
    choice,
    trained: {preprocessing, fit},
    penalty,
    options,
    threshold,
    folds: folded.folds.length,
    quality,
    predicted,
    pretrained: undefined,
    warnings: [
      ...(driftBound === undefined
        ? []
        : [
            `--fail-on-drift ${driftBound} had no effect: the file trained a model of its own, so there is none whose training data it could have drifted from.`,
          ]),
      ...unreadMetadata(input),
    ],
    timings: {readMs, fitMs, predictMs, writeMs},
  })
  logReading(report, context)
  for (const column of table.columns) handOn(column.kind === 'number' ? column.values : column.codes)
  handOn(label.codes)
  output.sidecar('report.json', report)
  output.sidecar('model.json', {
    format: 'cloud-runner/logistic-regression',
    version: 1,
    label: label.name,
    classes: label.classes,
    ...(threshold === undefined ? {} : {threshold}),
    distributions,
    preprocessing,
    model,
  } satisfies Artifact)
}
