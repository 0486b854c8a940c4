import type {Report} from '../../contract.ts'
import type {ModelOptions} from '../../model-options.ts'
import type {InputFile, ProcessContext} from '../../processor.ts'
import {DELIMITER_NAMES} from '../csv/delimiters.ts'
import type {Dialect} from '../csv/dialect.ts'
import {describeOddities} from '../csv/oddities.ts'
import type {Preprocessing} from '../encoding/preprocessing.ts'
import type {Fit} from '../solver/minimum.ts'
import {describeConversions, describeDecimalCommas, describePooled, doubtsAbout} from '../table/doubts.ts'
import type {FeatureChoice} from '../table/features.ts'
import type {Label} from '../table/label.ts'
import {listed} from '../table/names.ts'
import {SAMPLE_SEED} from '../table/sample.ts'
import type {Table} from '../table/table.ts'
import {readNumber} from '../table/values.ts'
import {FOLDS} from '../training/folds.ts'
import {describeCoefficients, describeTransforms} from './coefficients.ts'
import type {Quality} from './metrics.ts'

const FORMAT_NAMES = {'json-lines': 'JSON Lines', parquet: 'Parquet'} as const

/** The inputs of `report.json`. */
export interface Findings {
  input: InputFile
  table: Table
  choice: FeatureChoice
  trained: {
    preprocessing: Preprocessing
    fit: Pick<Fit, 'parameters' | 'precision' | 'iterations' | 'converged'>
  }
  /** 1 / C; that of a pre-trained model is not known. */
  penalty: number | undefined
  options: ModelOptions
  threshold: number | undefined
  /** In cross-validation. */
  folds: number
  quality: Quality
  /** Of the rows without a label. */
  predicted: NonNullable<Report['predictions']>
  /** For a pre-trained model. */
  pretrained: {source: NonNullable<Report['model']['pretrained']>; drift: Report['drift']} | undefined
  /** What else the report warns of. */
  warnings: readonly string[]
  timings: Report['timings']
}

/** Builds the report. */
export function makeReport(findings: Findings): Report {
  const {input, table, choice, trained, quality, timings} = findings
  const {label} = table
  const transforms = describeTransforms(trained.preprocessing)
  const numbers = table.header.filter((name) => typeof readNumber(name, false) === 'number')
  const {sample} = table
  const total = sample?.of ?? table.rows
  const labelled = labelledIn(label)
  return {
    format: 'cloud-runner/report',
    version: 1,
    object: input.object,
    generation: input.generation,
    rows: {
      total,
      labelled,
      predicted: total - labelled,
      ...(sample === undefined ? {} : {sampled: table.rows}),
    },
    label: {
      column: label.name,
      classes: label.classes.map((name, i) => ({name, rows: label.rows[i] ?? 0})),
      chosenBy: label.chosenBy,
    },
    metrics: {folds: findings.folds, ...quality.metrics},
    classes: quality.classes,
    confusion: quality.confusion,
    curves: quality.curves,
    ...(labelled === total ? {} : {predictions: findings.predicted}),
    coefficients: describeCoefficients(trained.fit, trained.preprocessing, label.classes),
    transforms,
    leftOut: choice.leftOut,
    ...(findings.pretrained?.drift === undefined ? {} : {drift: findings.pretrained.drift}),
    assumptions: [
      ...(table.shape.dialect.encoding === 'UTF-16' ? ['The file is UTF-16; its result is UTF-8.'] : []),
      ...describeFormat(table.shape.dialect),
      ...(table.shape.dialect.format === 'csv' && numbers.length > 0
        ? [`The first line is the header, although names in it are numbers: ${listed(numbers)}.`]
        : []),
      ...(label.chosenBy === 'last-column'
        ? [`The label is the last column, ${label.name}, since none was named.`]
        : []),
      'Empty cells, NA, N/A, NaN, NaT, null, None, nil, <NA>, \\N, -, . and ? are missing values; a row with a missing label is predicted.',
      ...describeDecimalCommas(table.columns),
      ...describeOptions(findings),
      ...(transforms.length > 0
        ? [
            `Numbers with long tails are mapped to a bell shape before the fit: ${transforms.map(({column}) => column).join(', ')}.`,
          ]
        : []),
    ],
    warnings: [
      ...describeSample(table, findings.pretrained !== undefined),
      ...describeOddities(table.shape),
      ...describeConversions(table.columns),
      ...warningsAbout(label, findings),
      ...findings.warnings,
    ],
    model: {
      form: 'ml-logistic-regression',
      penalty: {l2: findings.penalty ?? null},
      ...(Object.keys(findings.options).length > 0 ? {options: findings.options} : {}),
      ...(findings.threshold === undefined ? {} : {threshold: findings.threshold}),
      iterations: trained.fit.iterations,
      converged: trained.fit.converged,
      pretrained: findings.pretrained?.source ?? null,
    },
    timings,
  }
}

function describeFormat({format, delimiter}: Dialect): string[] {
  if (format === 'csv') return [`Fields are delimited by ${DELIMITER_NAMES[delimiter]}, as in the header.`]
  const columns = format === 'json-lines' ? 'keys of its lines' : 'columns of its schema'
  return [
    `The file is ${FORMAT_NAMES[format]}: its columns are the ${columns}; texts stay texts, even if they look like numbers, unless every column is text.`,
  ]
}

function labelledIn({rows}: Label): number {
  return rows.reduce((sum, count) => sum + count, 0)
}

/** What memory had no room for, in sentences. */
function describeSample({sample, rows, label}: Table, isPretrained: boolean): string[] {
  if (sample === undefined) return []
  const [kept, all] = [rows, isPretrained ? sample.of : labelledIn(label)].map((count) =>
    count.toLocaleString('en'),
  )
  const use = isPretrained
    ? 'drift and metrics come from'
    : 'the model learned from, and its metrics come from,'
  return [
    `Memory has no room for all of the file: ${use} ${kept} of its ${all} ${isPretrained ? '' : 'labelled '}rows, a random sample (seed ${SAMPLE_SEED}). All rows are predicted. For more rows, set "memory" in cloud-runner.json and run cloud-runner setup.`,
  ]
}

/** What the model options changed, in sentences. */
function describeOptions({options, penalty, threshold, table: {label}, trained: {fit}}: Findings): string[] {
  const given = Object.entries(options).map(([name, value]) => `${name} = ${String(value)}`)
  return [
    ...(given.length > 0 ? [`Model options: ${given.join('; ')}.`] : []),
    ...(options.C === 'auto' && penalty !== undefined
      ? [`C = ${1 / penalty} had the lowest loss on held-out rows; the same rows give the metrics.`]
      : []),
    ...(options.solver === 'ml-logistic-regression'
      ? [
          `The fit is the training of ml-logistic-regression: ${fit.iterations} steps of gradient descent, without a penalty, each class against the others. It has no standard errors; the probabilities are the softmax of its scores.`,
        ]
      : []),
    ...(options.classWeight === undefined
      ? []
      : [
          'All classes have the same total weight in the fit, so the probabilities are those of rows of which each class has as many.',
        ]),
    ...(threshold === undefined
      ? []
      : [
          `Rows are predicted as ${label.classes[1] ?? ''} from a probability of ${Number(threshold.toPrecision(4))} on.`,
        ]),
  ]
}

function warningsAbout(
  {classes, rows: counts}: Label,
  {table, choice, trained: {fit}, options, folds, pretrained}: Findings,
): string[] {
  if (pretrained !== undefined) {
    return counts.some((count) => count > 0)
      ? [
          'The model is pre-trained: if its training included rows of this file, the metrics look better than they are.',
        ]
      : []
  }
  const single = classes.filter((_, i) => counts[i] === 1)
  const warnings = [...describePooled(choice), ...doubtsAbout(table)]
  if (single.length > 0) {
    warnings.push(
      `Only one row has the class ${single.join(', ')}: the model knows it, but that row could not be held out and is not in the metrics.`,
    )
  }
  if (folds === 0) warnings.push('No class has two rows, so there are no metrics.')
  else if (folds < (options.folds ?? FOLDS))
    warnings.push(`The metrics come from only ${folds} folds, since a class has few rows.`)
  if (choice.numbers.length + choice.categories.length === 0) {
    warnings.push('No column was left to learn from: every row is predicted by class frequency alone.')
  }
  if (!fit.converged) warnings.push(`The fit had not converged after ${fit.iterations} iterations.`)
  return warnings
}

/** Logs that a file was read. */
export function logRows(
  {rows, sample, header}: Table,
  durationMs: number,
  context: Pick<ProcessContext, 'log'>,
): void {
  const total = sample?.of ?? rows
  context.log('INFO', `Read ${total} rows`, {
    rows: total,
    ...(sample === undefined ? {} : {sampled: rows}),
    columns: header.length,
    durationMs,
  })
}

/** Logs what the report warns of, and the columns left out. */
export function logReading({warnings, leftOut}: Report, context: Pick<ProcessContext, 'log'>): void {
  for (const warning of warnings) context.log('WARNING', warning)
  if (leftOut.length === 0) return
  const names = leftOut.map(({column, reason}) => `${column} (${reason})`)
  context.log('INFO', `Left out ${listed(names)}`, {leftOut: leftOut.length})
}
