import {faultIn} from '../core/files/files.ts'
import {describeLeftOut} from '../core/files/left-out.ts'
import type {ManyResults} from '../core/results/many-results.ts'
import type {Results} from '../core/results/results.ts'
import {type Strongest, strongestEffects} from '../core/results/strongest.ts'
import {bytes, count, counted, tame, widthOf} from './format.ts'
import {fileTable, showState} from './show-files.ts'
import {pairs, table} from './table.ts'
import {again, commandFor, suggest, synopsis, type Render} from '../core/suggestion.ts'

/** Characters per cell in the preview; the file has all of them. */
const CELL = 24
const MOST_EFFECTS = 3

const figure = (value: number | null): string => value?.toFixed(3) ?? 'unknown'

/** The model's quality, on rows it had not seen. */
export function showQuality(report: NonNullable<Results['report']>): string[] {
  const {rows, label, metrics} = report
  const isJudged = rows.labelled > 0
  const classes = label.classes.map(({name, rows: members}) => `${name} ${count(members)}`).join(', ')
  const predicted = (report.predictions ?? []).map((one) => `${one.class} ${count(one.rows)}`).join(', ')
  return pairs([
    {
      label: 'rows',
      value: `${count(rows.total)}: ${count(rows.labelled)} labelled, ${count(rows.predicted)} to predict`,
    },
    {label: 'label', value: isJudged ? `${label.column}: ${classes}` : label.column},
    ...(isJudged || predicted === '' ? [] : [{label: 'predicted', value: predicted}]),
    ...(metrics.auc === null
      ? []
      : [
          {
            label: 'AUC',
            value: report.model.pretrained
              ? `${figure(metrics.auc)}, of a model trained earlier`
              : `${figure(metrics.auc)} in ${metrics.folds} folds`,
          },
        ]),
    ...(isJudged
      ? [
          {label: 'log loss', value: figure(metrics.logLoss)},
          {
            label: 'accuracy',
            value: `${figure(metrics.accuracy)}; always predicting the most common class: ${figure(metrics.baseRate)}`,
          },
        ]
      : []),
    ...(report.model.options === undefined
      ? []
      : [{label: 'options', value: tame(showOptions(report.model.options))}]),
    ...effects(strongestEffects(report, MOST_EFFECTS), report.coefficients.length > 1),
    ...(report.leftOut.length === 0
      ? []
      : [{label: 'left out', value: tame(describeLeftOut(report.leftOut))}]),
    ...report.warnings.map((value) => ({label: 'warning', value})),
  ])
}

/** As `upload --set` takes them. */
function showOptions(options: object): string {
  return Object.entries(options)
    .map(([name, value]) => `${name}=${String(value)}`)
    .join(' ')
}

/** The strongest effects on the log odds, a line each. */
function effects(strongest: readonly Strongest[], isOneOfSeveral: boolean): {label: string; value: string}[] {
  return strongest.map(({name, change, against, class: of}, i) => ({
    label: i === 0 ? 'strongest' : '',
    value: tame(
      `${change > 0 ? '+' : '−'}${Math.abs(change).toPrecision(2)} ${name}${against === undefined ? '' : `, against ${against}`}${isOneOfSeveral ? `, for ${of}` : ''}`,
    ),
  }))
}

/** The first rows of a result: the first column, then the last ones, or those around the prediction if it has many. */
export function showPreview({columns, rows, omitted = 0}: NonNullable<Results['preview']>): string[] {
  const prediction = columns.lastIndexOf('prediction')
  const last = columns.length - 4
  const from = prediction > 0 ? Math.min(last, prediction - 1) : last
  const shown = columns
    .map((_, index) => index)
    .filter((index) => index === 0 || (index >= from && index < from + 4))
  const cell = (whole: string) => {
    const text = tame(whole.slice(0, 2 * CELL)).replaceAll(/\s+/g, ' ')
    return text.length > CELL ? `${text.slice(0, CELL - 1)}…` : text
  }
  const left = columns.length - shown.length + omitted
  return [
    ...table(
      shown.map((index) => ({heading: cell(columns[index] ?? '')})),
      rows.map((row) => shown.map((index) => cell(row[index] ?? ''))),
      widthOf(process.stdout),
    ),
    ...(left > 0 ? [`(${counted(left, 'column')} more)`] : []),
  ]
}

/** The outcome for an object. */
export function showResults(results: Results, render: Render): string[] {
  const {file, report, preview, previewFault, written, outputs, previous, run} = results
  const which = run === undefined ? '' : `, run ${run.number}`
  const ofRun = run === undefined ? [] : ['--run', String(run.number)]
  const head = `${file.object}${which}: ${showState(file.state)}`
  if (file.state !== 'done') {
    return [
      head,
      faultIn(file),
      ...(previous === undefined ? [] : showPrevious(file, previous, render)),
      ...(file.error?.suggestions ?? []).map(render),
      render(suggest`Logs: ${commandFor('logs', file.object)}`),
    ].filter((line) => line !== '')
  }
  if (outputs !== undefined) return [head, ...showOutputs(results, outputs, ofRun, render)]
  const version = run === undefined ? '' : `#${file.result?.generation ?? ''}`
  return [
    file.result
      ? `${head}, ${bytes(file.result.sizeBytes)}, gs://${file.result.bucket}/${file.result.object}${version}`
      : head,
    ...(report ? ['', ...showQuality(report)] : []),
    ...(preview ? ['', ...showPreview(preview)] : []),
    ...(previewFault === undefined ? [] : ['', tame(`No preview: ${previewFault}.`)]),
    '',
    written
      ? `Written: ${written.file} (${bytes(written.sizeBytes)})`
      : render(suggest`The whole file: ${commandFor('results', file.object, ...ofRun, '--output', 'FILE')}`),
  ]
}

function showPrevious(
  {object: name, generation}: Results['file'],
  {bucket, object, sizeBytes, writtenAt, inputGeneration, run}: NonNullable<Results['previous']>,
  render: Render,
): string[] {
  const of = inputGeneration === generation ? 'the run before' : 'an earlier upload'
  return [
    `The result of ${of}, written at ${writtenAt}, is kept: gs://${bucket}/${object} (${bytes(sizeBytes)})`,
    ...(run === undefined
      ? []
      : [render(suggest`Read it: ${commandFor('results', name, '--run', String(run))}`)]),
  ]
}

function showOutputs(
  {file: {object, result}, written}: Pick<Results, 'file' | 'written'>,
  outputs: NonNullable<Results['outputs']>,
  ofRun: readonly string[],
  render: Render,
): string[] {
  const isSaved = written !== undefined || outputs.some(({file}) => file !== undefined)
  return [
    ...outputs.map(({name, contentType, sizeBytes, file}) =>
      [
        `gs://${result?.bucket ?? ''}/${name}`,
        contentType,
        bytes(sizeBytes),
        ...(file ? [`→ ${file}`] : []),
      ].join('  '),
    ),
    ...(written ? [`Written: ${written.file} (${bytes(written.sizeBytes)})`] : []),
    ...(isSaved
      ? []
      : ['', render(suggest`All of them: ${synopsis('results', object, ...ofRun, '--output', 'FOLDER/')}`)]),
  ]
}

/** The outcomes of several objects; of many saved ones, only those that have nothing to save. @param now as for `fileTable` */
export function showManyResults(
  {files}: ManyResults,
  folder: string | undefined,
  now: number,
  render: Render,
): string[] {
  if (folder === undefined) {
    return [...fileTable(files, now), '', render(suggest`Save them: ${again('--output', 'results/')}`)]
  }
  const others = files.filter(({written}) => written === undefined)
  const written = files.flatMap((file) => file.written ?? [])
  const size = written.reduce((sum, {sizeBytes}) => sum + sizeBytes, 0)
  return [
    ...(others.length === 0 ? [] : [...fileTable(others, now), '']),
    `Written: ${counted(written.length, 'file')} to ${folder} (${bytes(size)})`,
  ]
}
