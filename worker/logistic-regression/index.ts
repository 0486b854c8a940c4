import type {InputFile, Output, ProcessContext, Processor} from '../processor.ts'
import {readPretrained} from './artifact.ts'
import {crossValidate} from './cross-validation.ts'
import {Design} from './design.ts'
import {chooseFeatures} from './features.ts'
import {dealFolds, orderByFold} from './folds.ts'
import {chooseLabel} from './label.ts'
import {type Artifact, type Predictions, classWeights, predict, toModel} from './model.ts'
import {Pacer} from './pacer.ts'
import {memoryForTable} from './memory.ts'
import {measure} from './metrics.ts'
import {layOut} from './preprocessing.ts'
import {makeReport} from './report.ts'
import {writeResult} from './result.ts'
import {labelledRows, unlabelledRows} from './rows.ts'
import {score} from './score.ts'
import {stopwatch} from './stopwatch.ts'
import {readTable} from './table.ts'
import {chooseTransforms} from './tails.ts'
import {train} from './train.ts'

/**
 * Learns from the rows of a CSV file that have a label, and predicts those that have none. The result is the file
 * with predictions appended; `report.json` tells how good they are, `model.json` is the model. Where the file names a
 * model that was trained before, that one predicts all rows.
 */
export const logisticRegression: Processor = {name: 'logistic-regression', process}

async function process(input: InputFile, output: Output, context: ProcessContext): Promise<void> {
  const pacer = new Pacer(context.signal)
  const pretrained = await readPretrained(input, context)
  if (pretrained !== undefined) return score(input, pretrained, output, context, pacer)
  const lap = stopwatch()
  const table = await readTable(input, chooseLabel(input, context.environment), pacer, {
    memoryBytes: memoryForTable(context.environment),
  })
  const {rows, label} = table
  const classes = label.classes.length
  const readMs = lap()
  context.log('INFO', `Read ${rows} rows`, {rows, columns: table.header.length, durationMs: readMs})

  const choice = await chooseFeatures(table, pacer)
  const labelled = labelledRows(label.codes)
  const layout = layOut(choice, labelled)
  await pacer.pause()
  const dealt = dealFolds(label.codes, classes)
  await pacer.pause()
  const folded = orderByFold(labelled, dealt)
  await pacer.pause()
  const transforms = await chooseTransforms(choice.numbers, label, folded, pacer)
  const trained = await train(layout, label, folded, transforms.all, undefined, pacer)
  const fitMs = lap()
  const {iterations, converged} = trained.fit
  context.log(converged ? 'INFO' : 'WARNING', `Fitted ${labelled.length} labelled rows`, {
    rows: labelled.length,
    classes,
    iterations,
    converged,
    durationMs: fitMs,
  })

  const predictions: Predictions = {
    labels: new Int16Array(rows),
    probabilities: new Float64Array(rows * classes),
  }
  await crossValidate(layout, label, folded, transforms, trained, predictions, pacer)
  await pacer.pause()
  const quality = await measure(
    folded.rows.subarray(folded.neverHeldOut.end),
    label.codes,
    label.classes,
    predictions,
    pacer,
  )
  await pacer.pause()
  const {parameters} = trained.fit
  await predict(trained.objective.design, folded.neverHeldOut, parameters, classes, predictions, pacer)
  const unlabelled = unlabelledRows(label.codes)
  const design = new Design(layout, trained.preprocessing, unlabelled)
  await predict(design, {start: 0, end: unlabelled.length}, parameters, classes, predictions, pacer)
  const predictMs = lap()
  const {auc, logLoss} = quality.metrics
  context.log('INFO', `Predicted ${rows} rows`, {
    rows,
    folds: folded.folds.length,
    auc,
    logLoss,
    durationMs: predictMs,
  })

  await writeResult(input, table, predictions, output, pacer)
  const writeMs = lap()
  context.log('INFO', `Wrote ${rows} rows`, {rows, durationMs: writeMs})

  output.sidecar(
    'report.json',
    makeReport({
      input,
      table,
      choice,
      trained,
      folds: folded.folds.length,
      quality,
      pretrained: undefined,
      timings: {readMs, fitMs, predictMs, writeMs},
    }),
  )
  output.sidecar('model.json', {
    format: 'cloud-runner/logistic-regression',
    version: 1,
    label: label.name,
    classes: label.classes,
    preprocessing: trained.preprocessing,
    model: toModel(classWeights(trained.fit.parameters, classes)),
  } satisfies Artifact)
}
