import {execFileSync} from 'node:child_process'
import {fileURLToPath} from 'node:url'
import {describe, expect, it} from 'vitest'
import type {Report} from '../../../../worker/contract.ts'
import {type Processed, processFile} from '../../../support/process-file.ts'
import {STATS_PYTHON, hasModules} from '../../../support/stats-python.ts'

/** What scikit-learn and statsmodels make of a data set; see public_data.py. */
interface Facts {
  name: string
  csv: string
  /** Of the standardized columns, then the intercept: per output with C = 1, and nearly without a penalty. */
  weights: number[][]
  weakWeights: number[][]
  /** Of the rows without a label. */
  probabilities: number[][]
  /** Of held-out rows in five folds, if they are many and have two classes. */
  auc?: number
  /** In the columns' units, by maximum likelihood, with 95 % intervals. */
  logit?: {values: number[]; intervals: [number, number][]}
}

const isThere = hasModules('sklearn', 'statsmodels')
const script = fileURLToPath(new URL('../../../fixtures/scikit-learn/public_data.py', import.meta.url))
const sets: Facts[] = isThere
  ? JSON.parse(execFileSync(STATS_PYTHON, [script], {encoding: 'utf8', maxBuffer: 1e8}))
  : []

const run = (csv: string, C: number): Promise<Processed> =>
  processFile(csv, {
    labelColumn: 'label',
    metadata: {'model-options': JSON.stringify({C, transforms: 'off'})},
  })
const standardized = ({coefficients}: Report): number[][] =>
  coefficients.map(({terms}) => terms.map(({standardized: value}) => value))
/** The largest difference of the weights, relative to the largest of them. */
const distance = (found: readonly number[][], wanted: readonly number[][]): number => {
  const largest = Math.max(...wanted.flatMap((row) => row.slice(0, -1).map(Math.abs)))
  return Math.max(
    ...wanted.flatMap((row, k) =>
      row.slice(0, -1).map((value, j) => Math.abs((found[k]?.[j] ?? NaN) - value) / largest),
    ),
  )
}

describe.skipIf(!isThere)(
  `public data sets give the figures of scikit-learn and statsmodels${isThere ? '' : ', skipped: no python3 with scikit-learn and statsmodels'}`,
  () => {
    it('are eight at least', () => expect(sets.length).toBeGreaterThanOrEqual(8))

    it.each(sets)(
      '$name',
      {timeout: 120_000},
      async ({csv, weights, weakWeights, probabilities, auc, logit}) => {
        const processed = await run(csv, 1)
        expect(processed.report.leftOut).toEqual([])
        expect(distance(standardized(processed.report), weights)).toBeLessThan(1e-6)
        const unlabelled = processed.lines.filter((_, i) => i > 0 && (i - 1) % 5 === 4)
        const found = unlabelled.map((line) =>
          line
            .split(',')
            .slice(-(probabilities[0]?.length ?? 0))
            .map(Number),
        )
        const differences = probabilities.flatMap((row, i) =>
          row.map((p, k) => Math.abs(p - (found[i]?.[k] ?? NaN))),
        )
        // The result has six digits.
        expect(Math.max(...differences)).toBeLessThan(1.1e-6)
        // The folds are others.
        for (const wanted of auc === undefined ? [] : [auc])
          expect(Math.abs((processed.report.metrics.auc ?? NaN) - wanted)).toBeLessThan(0.01)
        const weak = await run(csv, 1e6)
        expect(distance(standardized(weak.report), weakWeights)).toBeLessThan(1e-4)
        const terms = weak.report.coefficients[0]?.terms ?? []
        for (const [j, value] of (logit?.values ?? []).entries()) {
          const [least = NaN, most = NaN] = logit?.intervals[j] ?? []
          const width = most - least
          expect(Math.abs((terms[j]?.value ?? NaN) - value) / width).toBeLessThan(1e-3)
          expect(Math.abs((terms[j]?.interval?.[0] ?? NaN) - least) / width).toBeLessThan(1e-3)
          expect(Math.abs((terms[j]?.interval?.[1] ?? NaN) - most) / width).toBeLessThan(1e-3)
        }
      },
    )
  },
)
