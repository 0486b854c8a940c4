import type {Report} from '../contract.ts'
import type {InputFile} from '../processor.ts'
import {DELIMITER_NAMES} from './csv/dialect.ts'
import {describeCoefficients} from './coefficients.ts'
import type {CrossValidation} from './cross-validation.ts'
import {type FeatureChoice, describeReading} from './features.ts'
import type {TrainedModel} from './train.ts'
import type {Table} from './table.ts'

/** What `report.json` is made of. */
export interface Findings {
  input: InputFile
  table: Table
  choice: FeatureChoice
  trained: TrainedModel
  validation: CrossValidation
  timings: Report['timings']
}

/** Puts the report together. */
export function makeReport({input, table, choice, trained, validation, timings}: Findings): Report {
  const {label} = table
  const counts = label.classes.map(() => 0)
  for (const code of label.codes) if (code >= 0) counts[code] = (counts[code] ?? 0) + 1
  const labelled = counts.reduce((sum, count) => sum + count, 0)
  return {
    object: input.object,
    generation: input.generation,
    rows: {total: table.rows, labelled, predicted: table.rows - labelled},
    label: {
      column: label.name,
      classes: label.classes.map((name, i) => ({name, rows: counts[i] ?? 0})),
      chosenBy: label.chosenBy,
    },
    metrics: validation.metrics,
    coefficients: describeCoefficients(trained.fit, trained.preprocessing, label.classes),
    leftOut: choice.leftOut,
    assumptions: [
      `Fields are delimited by ${DELIMITER_NAMES[table.shape.dialect.delimiter]}, as in the header.`,
      ...(label.chosenBy === 'last-column'
        ? [`The label is the last column, ${label.name}, since none was named.`]
        : []),
      'Empty cells, NA, NaN, null and ? are missing values; a row with a missing label is to be predicted.',
      ...describeReading(table.columns, choice),
    ],
    warnings: warningsAbout(label.classes, counts, choice, trained, validation),
    model: {
      form: 'ml-logistic-regression',
      penalty: {l2: 1},
      iterations: trained.fit.iterations,
      converged: trained.fit.converged,
    },
    timings,
  }
}

function warningsAbout(
  classes: readonly string[],
  counts: readonly number[],
  choice: FeatureChoice,
  {fit}: TrainedModel,
  {metrics}: CrossValidation,
): string[] {
  const single = classes.filter((_, i) => counts[i] === 1)
  const warnings: string[] = []
  if (single.length > 0) {
    warnings.push(
      `Only one row has the class ${single.join(', ')}: the model knows it, but that row could not be held out and is not in the metrics.`,
    )
  }
  if (metrics.folds === 0) warnings.push('No class has two rows, so there are no metrics.')
  else if (metrics.folds < 5)
    warnings.push(`The metrics come from ${metrics.folds} folds only, since a class has few rows.`)
  if (choice.numbers.length + choice.categories.length === 0) {
    warnings.push('No column was left to learn from: every row gets the shares of the classes.')
  }
  if (!fit.converged) warnings.push(`The fit had not converged after ${fit.iterations} iterations.`)
  return warnings
}
