import {readFileSync} from 'node:fs'
import LogisticRegression from 'ml-logistic-regression'
import {Matrix} from 'ml-matrix'
import {describe, expect, it} from 'vitest'
import type {Artifact} from '../../../../worker/logistic-regression/training/model.ts'
import {type Processed, processFile} from '../../../support/process-file.ts'

interface Reference {
  name: string
  options: Record<string, string>
  csv: string
  classes: string[]
  weights: number[][]
  /** Of the weights without the intercept, in units of the design matrix; null for more than two classes. */
  standardErrors: number[] | null
  probabilities: number[][]
}

interface ManyColumns {
  rows: number
  columns: number
  /** Of the first columns. */
  weights: number[]
  probabilities: number[][]
}

const fixture = new URL('../../../fixtures/scikit-learn/reference.json', import.meta.url)
const manyColumns = new URL('../../../fixtures/scikit-learn/many-columns.json', import.meta.url)
const references: Reference[] = JSON.parse(readFileSync(fixture, 'utf8'))

/** Parameters as scikit-learn has them: the log odds of two classes, the scores of more. */
function weightsOf({model}: Artifact): number[][] {
  const rows = model.classifiers.map(({weights}) => (weights[0] ?? []).map((value) => -value))
  return rows.length === 2 ? [(rows[1] ?? []).map((value, j) => value - (rows[0]?.[j] ?? 0))] : rows
}

/** The fields that the process appended to each row. */
function appended({lines}: Processed, classes: number): {prediction: string; probabilities: number[]}[] {
  return lines.slice(1).map((line) => {
    const [prediction = '', ...probabilities] = line.split(',').slice(-classes - 1)
    return {prediction, probabilities: probabilities.map(Number)}
  })
}

const metadataOf = ({options}: Reference) => ({'model-options': JSON.stringify(options)})

const rowsOf = (count: number, row: (i: number) => string): string =>
  Array.from({length: count}, (_, i) => row(i)).join('')

describe('the fit', () => {
  it.each(references)("equals scikit-learn's at convergence: $name", async (reference) => {
    const {csv, classes, weights, probabilities} = reference
    const processed = await processFile(csv, {metadata: metadataOf(reference)})
    expect(processed.report.model.converged).toBe(true)
    expect(processed.report.label.classes.map(({name}) => name)).toEqual(classes)
    const found = weightsOf(processed.model)
    weights.forEach((row, k) =>
      row.forEach((weight, j) => expect(Math.abs((found[k]?.[j] ?? NaN) - weight)).toBeLessThan(1e-6)),
    )
    const unlabelled = csv
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.endsWith(','))
    const predicted = appended(processed, classes.length).filter((_, i) => unlabelled[i])
    expect(predicted).toHaveLength(probabilities.length)
    probabilities.forEach((row, i) =>
      row.forEach((p, k) =>
        expect(Math.abs((predicted[i]?.probabilities[k] ?? NaN) - p)).toBeLessThan(1.1e-6),
      ),
    )
  })

  it.each(references.filter(({standardErrors}) => standardErrors !== null))(
    'has the standard errors of the penalized loss: $name',
    async (reference) => {
      const {csv, weights, standardErrors} = reference
      const {report} = await processFile(csv, {metadata: metadataOf(reference)})
      const terms = report.coefficients[0]?.terms ?? []
      expect(terms).toHaveLength(standardErrors?.length ?? NaN)
      // A coefficient and its error are put into the input's units alike, so their ratio has none.
      terms.forEach(({value, standardError}, j) => {
        const ratio = (weights[0]?.[j] ?? NaN) / (standardErrors?.[j] ?? NaN)
        expect(value / (standardError ?? NaN)).toBeCloseTo(ratio, 5)
      })
    },
  )

  it("predicts ml-logistic-regression's own labels, those of the highest probability", async () => {
    for (const reference of references) {
      const {csv, classes} = reference
      const processed = await processFile(csv, {metadata: metadataOf(reference)})
      appended(processed, classes.length).forEach(({prediction, probabilities}) => {
        const highest = Math.max(...probabilities)
        expect(probabilities[classes.indexOf(prediction)]).toBe(highest)
      })
    }
  })

  it('is a model that ml-logistic-regression loads and predicts by', async () => {
    const text = `a,b,y\n${rowsOf(60, (i) => `${Math.sin(i * 3)},${Math.cos(i)},${i % 5 === 0 ? '' : 'pqr'[(i + (i % 7 > 3 ? 1 : 0)) % 3]}\n`)}`
    const processed = await processFile(text)
    const {preprocessing, model, classes} = processed.model
    const rows = text.trim().split('\n').slice(1)
    const design = rows.map((line) => {
      const cells = line.split(',')
      return [...preprocessing.numbers.map(({mean, scale}, j) => (Number(cells[j]) - mean) / scale), 1]
    })
    const predicted = LogisticRegression.load(model).predict(new Matrix(design))
    const ours = appended(processed, classes.length).map(({prediction}) => classes.indexOf(prediction))
    // The other rows were predicted by the model of their fold.
    const unlabelled = rows.flatMap((line, i) => (line.endsWith(',') ? [i] : []))
    expect(unlabelled).toHaveLength(12)
    expect(unlabelled.map((i) => ours[i])).toEqual(unlabelled.map((i) => predicted[i]))
  })

  it.each([
    ['1e-300 and 1e300', (i: number) => `${Math.sin(i)}e-300,${Math.cos(i)}e300`],
    [
      'an offset of 1e12 over a spread of 1e-3',
      (i: number) => `${1e12 + Math.round(8 * Math.sin(i)) / 8},${Math.cos(i)}`,
    ],
    ['copies of one column', (i: number) => `${Math.sin(i)},${Math.sin(i)}`],
    [
      'a constant with gaps at the end of all doubles',
      (i: number) => `${i % 3 === 0 ? 'inf' : '1e308'},${Math.cos(i)}`,
    ],
    ['units beyond doubles', (i: number) => `${i % 2}e-320,${i % 3 === 0 ? '-1e308' : '1e308'}`],
    [
      'the first and the last double',
      (i: number) => `${i % 2 ? -Number.MAX_VALUE : Number.MAX_VALUE},${Math.cos(i)}`,
    ],
    [
      'more of the last double than of the first',
      (i: number) => `${i % 3 ? -Number.MAX_VALUE : Number.MAX_VALUE},${i % 7 ? 1.7e308 : -1.7e308}`,
    ],
    ['one wild value', (i: number) => `${i === 17 ? 1e15 : Math.sin(i)},${Math.cos(i)}`],
  ])('stays finite with %s', async (_, cells) => {
    const processed = await processFile(
      `a,b,y\n${rowsOf(90, (i) => `${cells(i)},${Math.sin(i) > 0.1 * Math.cos(5 * i) ? 1 : 0}\n`)}`,
    )
    expect(processed.report.model.converged).toBe(true)
    const {intercept, terms} = processed.report.coefficients[0] ?? {intercept: NaN, terms: []}
    expect([intercept, ...terms.map(({value}) => value)].every(Number.isFinite)).toBe(true)
    // What is not finite is null in JSON.
    expect(JSON.stringify(processed.report.coefficients)).not.toContain('null')
    for (const {probabilities} of appended(processed, 2)) {
      expect(probabilities.every((p) => p >= 0 && p <= 1)).toBe(true)
    }
  })

  it("equals scikit-learn's to 1e-4 by L-BFGS, where the columns are too many for Newton’s method", async () => {
    const {rows, columns, weights, probabilities}: ManyColumns = JSON.parse(readFileSync(manyColumns, 'utf8'))
    const header = Array.from({length: columns}, (_, j) => `x${j}`).join(',')
    const row = (i: number): string =>
      `${Array.from({length: columns}, (_, j) => ((i * 7919 + j * 104_729 + i * i * j) % 1009) / 100).join(',')},${i % 6 === 0 ? '' : Number((i * 13) % 29 < 14)}\n`
    const processed = await processFile(`${header},y\n${rowsOf(rows, row)}`)
    expect(processed.report.model.converged).toBe(true)
    expect(processed.report.coefficients[0]?.terms).toHaveLength(columns)
    const [found = []] = weightsOf(processed.model)
    weights.forEach((weight, j) => expect(Math.abs((found[j] ?? NaN) - weight)).toBeLessThan(1e-4))
    const predicted = appended(processed, 2).filter((_, i) => i % 6 === 0)
    expect(predicted).toHaveLength(probabilities.length)
    probabilities.forEach(([, p = NaN], i) =>
      expect(Math.abs((predicted[i]?.probabilities[1] ?? NaN) - p)).toBeLessThan(1e-4),
    )
  })
})

describe('classes with few rows', () => {
  it('of one row are fitted, and the report says so', async () => {
    const {report, lines} = await processFile(
      `a,y\n${rowsOf(20, (i) => `${i % 6},${i === 3 ? 'c' : 'ab'[i % 2]}\n`)}`,
    )
    expect(lines[0]).toBe('a,y,prediction,probability_a,probability_b,probability_c')
    expect(report.warnings.join(' ')).toContain('Only one row has the class c')
    expect(report.metrics.folds).toBe(5)
  })

  it('of one row each leave nothing to measure', async () => {
    const {report} = await processFile('a,y\n1,0\n2,1\n3,\n')
    expect(report.metrics).toEqual({
      folds: 0,
      auc: null,
      logLoss: null,
      brier: null,
      accuracy: null,
      baseRate: null,
      intervals: {auc: null, logLoss: null, brier: null, accuracy: null},
    })
  })

  it('make fewer folds', async () => {
    const {report} = await processFile(`a,y\n${rowsOf(30, (i) => `${i % 7},${i % 10 === 0 ? 1 : 0}\n`)}`)
    expect(report.metrics.folds).toBe(3)
    expect(report.warnings.join(' ')).toContain('3 folds')
  })
})
