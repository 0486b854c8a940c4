import type {Report} from '../../contract.ts'
import {type NumericEncoder, type Preprocessing, type Term, termsOf} from '../encoding/preprocessing.ts'
import {atScore} from '../encoding/transforms.ts'
import type {Fit} from '../solver/minimum.ts'
import {outputsFor} from '../solver/objective.ts'
import {type ClassWeights, classWeights} from '../training/model.ts'
import {intervalAround} from './intervals.ts'

/** Above this, the standard errors cost more than the fit. */
const MOST_PARAMETERS_WITH_ERRORS = 500

/** The upper quartile of a standard normal variable. */
const UPPER_QUARTILE = 0.6744897501960817

type ClassCoefficients = Report['coefficients'][number]
type Contrast = NonNullable<ClassCoefficients['terms'][number]['contrast']>

/**
 * The coefficients in the input's units: the log odds change by `value` if the column changes by one unit; a
 * missing number counts as the median, plus the coefficient of being missing. For two classes the log odds of the
 * last one, for more the scores of each class. For a column mapped to normal scores, one unit is one score, and the
 * change between the quartiles is reported, too; the intercept is at a score of 0, the median.
 *
 * A category's value alone says little: if all levels of a column, and the intercept, shift together, only the penalty
 * changes. Its effect is the contrast with the column's commonest level, in which that shift cancels. For more than
 * two classes the same holds of a shift of all classes, so every standard error is that of the difference from the
 * mean of the classes; the penalty makes that mean 0.
 *
 * Standard errors come from the Hessian of the penalized loss at the minimum.
 */
export function describeCoefficients(
  found: Pick<Fit, 'parameters' | 'precision'>,
  preprocessing: Preprocessing,
  classes: readonly string[],
): ClassCoefficients[] {
  const outputs = outputsFor(classes.length)
  const weights: ClassWeights =
    outputs === 1 ? [found.parameters] : classWeights(found.parameters, classes.length)
  const terms = termsOf(preprocessing)
  const units = terms.map((term) => unitOf(term, preprocessing))
  const references = referencesOf(terms, preprocessing)
  return weights.map((row, k) => {
    const intercept = units.reduce(
      (sum, {mean, scale}, j) => finite(sum - finite((row[j] ?? 0) * (mean / scale))),
      row[terms.length] ?? 0,
    )
    const errorOf = standardErrors(found, k, row.length)
    const ofIntercept = errorOf((v) => {
      units.forEach(({mean, scale}, j) => (v[j] = -mean / scale))
      v[terms.length] = 1
    })
    const contrastOf = (j: number, reference: number): Contrast => {
      const against = terms[reference]?.level ?? ''
      if (j === reference) return {against, value: 0}
      const value = (row[j] ?? 0) - (row[reference] ?? 0)
      const error = errorOf((v) => {
        v[j] = 1
        v[reference] = -1
      })
      return {against, value, ...uncertainty(value, error)}
    }
    return {
      class: (outputs === 1 ? classes[1] : classes[k]) ?? '',
      intercept,
      ...uncertainty(intercept, ofIntercept),
      terms: terms.map(({column, kind, level, encoder}, j) => {
        const {scale} = units[j] ?? {scale: 1}
        const value = finite((row[j] ?? 0) / scale)
        const numeric = kind === 'numeric' ? preprocessing.numbers[encoder] : undefined
        const isMapped = numeric !== undefined && numeric.transform.kind === 'normal-scores'
        const reference = references[j]
        return {
          column,
          ...(level === undefined ? {} : {level}),
          kind,
          unit: isMapped ? 'normal-score' : 'input',
          value,
          standardized: row[j] ?? 0,
          ...uncertainty(
            value,
            errorOf((v) => (v[j] = 1 / scale)),
          ),
          ...(isMapped ? {quartiles: effectOfQuartiles(numeric, value)} : {}),
          ...(reference === undefined ? {} : {contrast: contrastOf(j, reference)}),
        }
      }),
    }
  })
}

function uncertainty(
  value: number,
  standardError: number | undefined,
): Pick<ClassCoefficients, 'standardError' | 'interval'> {
  if (standardError === undefined) return {}
  const interval = intervalAround(value, standardError)
  // For columns near the limits of doubles, errors in the input's units exceed them.
  return interval.every(Number.isFinite) ? {standardError, interval} : {}
}

/** The nearest double to a number that may exceed them all: JSON has no infinity. */
function finite(value: number): number {
  return Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, value))
}

function effectOfQuartiles({transform}: NumericEncoder, value: number) {
  const [from, to] = [atScore(transform, -UPPER_QUARTILE), atScore(transform, UPPER_QUARTILE)]
  return {from: from.value, to: to.value, change: finite(value * (to.score - from.score))}
}

/** The columns that were mapped to a normal distribution. */
export function describeTransforms({numbers}: Preprocessing): Report['transforms'] {
  return numbers.flatMap(({column, transform}) =>
    transform.kind === 'identity'
      ? []
      : [
          {
            column,
            kind: transform.kind,
            quartiles: [
              atScore(transform, -UPPER_QUARTILE).value,
              atScore(transform, 0).value,
              atScore(transform, UPPER_QUARTILE).value,
            ],
          },
        ],
  )
}

function unitOf({kind, encoder}: Term, {numbers}: Preprocessing): {mean: number; scale: number} {
  const numeric = kind === 'category' ? undefined : numbers[encoder]
  const unit = kind === 'missing' ? numeric?.missing : numeric
  return unit ?? {mean: 0, scale: 1}
}

/** Per term: for a category the term of its column's commonest level, else `undefined`. */
function referencesOf(terms: readonly Term[], {categories}: Preprocessing): (number | undefined)[] {
  const starts = categories.map((_, encoder) =>
    terms.findIndex((term) => term.kind === 'category' && term.encoder === encoder),
  )
  return terms.map(({kind, encoder}) =>
    kind === 'category' ? (starts[encoder] ?? 0) + (categories[encoder]?.commonest ?? 0) : undefined,
  )
}

/**
 * The standard error of a combination of output `k`'s parameters, which the callback fills in; with several outputs,
 * of its difference from their mean.
 */
function standardErrors(
  {precision, parameters}: Pick<Fit, 'parameters' | 'precision'>,
  k: number,
  size: number,
): (combine: (v: Float64Array) => unknown) => number | undefined {
  if (precision === undefined || parameters.length > MOST_PARAMETERS_WITH_ERRORS) return () => undefined
  return (combine) => {
    const own = new Float64Array(size)
    combine(own)
    const outputs = parameters.length / size
    if (outputs === 1) return Math.sqrt(precision.variance(own))
    const v = new Float64Array(parameters.length)
    for (let c = 0; c < outputs; c++)
      for (let j = 0; j < size; j++) v[c * size + j] = (own[j] ?? 0) * (Number(c === k) - 1 / outputs)
    return Math.sqrt(precision.variance(v))
  }
}
