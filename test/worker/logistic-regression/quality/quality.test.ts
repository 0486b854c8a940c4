import {existsSync, readFileSync} from 'node:fs'
import {describe, expect, it} from 'vitest'
import {processFile} from '../../../support/process-file.ts'
import {randomFrom} from '../../../support/random.ts'

const statements = new URL('../../../../../shared/data/financial_statements.csv', import.meta.url)

describe('real financial statements (UCI data set 365: 5,910 Polish companies)', () => {
  it('are predicted out of fold better than by a plain scikit-learn pipeline (AUC .864, log loss .213)', async ({
    skip,
  }) => {
    if (!existsSync(statements)) skip('skipped: ../shared/data/financial_statements.csv is not there')
    const {report} = await processFile(readFileSync(statements), {labelColumn: 'bankrupt'})
    expect(report.rows).toEqual({total: 5910, labelled: 5910, predicted: 0})
    expect(report.leftOut).toEqual([{column: 'company_id', reason: 'identifier'}])
    expect(report.model.converged).toBe(true)
    expect(report.metrics.folds).toBe(5)
    expect(report.metrics.auc).toBeGreaterThanOrEqual(0.92)
    expect(report.metrics.logLoss).toBeLessThanOrEqual(0.135)
  }, 120_000)
})

describe('the metrics', () => {
  it('judge chance as chance: labels that nothing explains', async () => {
    const {uniform: random} = randomFrom(1)
    const rows = Array.from({length: 2000}, () => `${random()},${random()},${random() < 0.3 ? 1 : 0}\n`)
    const {report} = await processFile(`a,b,y\n${rows.join('')}`)
    // Three standard errors of an AUC without any information: 0.5 +- 3 * sqrt((n + 1) / (12 * n1 * n0)).
    expect(Math.abs((report.metrics.auc ?? 0) - 0.5)).toBeLessThan(0.043)
    expect(report.metrics.accuracy).toBeCloseTo(report.metrics.baseRate ?? 0, 2)
  })

  it('are not fooled by transforms: long tails without information predict nothing held out', async () => {
    const {uniform: random} = randomFrom(8)
    const columns = Array.from({length: 40}, (_, j) => `x${j}`)
    const rows = Array.from(
      {length: 500},
      () => `${columns.map(() => (1 / random() ** 2).toFixed(4)).join(',')},${random() < 0.4 ? 1 : 0}\n`,
    )
    const {report} = await processFile(`${columns.join(',')},y\n${rows.join('')}`)
    expect(report.transforms).toHaveLength(40)
    // Three standard errors of an AUC without any information.
    expect(Math.abs((report.metrics.auc ?? 0) - 0.5)).toBeLessThan(0.08)
  })

  it('are not taken in by a fit that has learned its rows by heart', async () => {
    const {uniform: random} = randomFrom(7)
    const columns = Array.from({length: 60}, (_, j) => `x${j}`)
    const rows = Array.from(
      {length: 150},
      () => `${columns.map(() => random().toFixed(4)).join(',')},${random() < 0.5 ? 1 : 0}\n`,
    )
    const {report} = await processFile(`${columns.join(',')},y\n${rows.join('')}`)
    // On the rows it was trained on, such a fit has an AUC above 0.9; three standard errors of chance are 0.14.
    expect(Math.abs((report.metrics.auc ?? 0) - 0.5)).toBeLessThan(0.15)
  })

  it('are those of the probabilities in the result', async () => {
    const rows = Array.from(
      {length: 120},
      (_, i) => `${Math.sin(i)},${Math.cos(2 * i)},${Math.sin(i) + Math.cos(i * i) > 0 ? 1 : 0}`,
    )
    const {report, lines} = await processFile(`a,b,y\n${rows.join('\n')}\n`)
    const judged = lines.slice(1).map((line) => {
      const [, , y, prediction, , p] = line.split(',')
      return {y: Number(y), hit: y === prediction, p: Number(p)}
    })
    const mean = (f: (row: {y: number; hit: boolean; p: number}) => number): number =>
      judged.reduce((sum, row) => sum + f(row), 0) / judged.length
    const pairs = judged.flatMap((a) =>
      judged.filter((b) => a.y > b.y).map((b) => (a.p > b.p ? 1 : a.p === b.p ? 0.5 : 0)),
    )
    expect(report.metrics.accuracy).toBeCloseTo(
      mean(({hit}) => Number(hit)),
      10,
    )
    expect(report.metrics.brier).toBeCloseTo(
      mean(({y, p}) => (p - y) ** 2),
      5,
    )
    expect(report.metrics.logLoss).toBeCloseTo(
      mean(({y, p}) => -Math.log(y === 1 ? p : 1 - p)),
      4,
    )
    expect(report.metrics.auc).toBeCloseTo(pairs.reduce((sum: number, win) => sum + win, 0) / pairs.length, 3)
  })
})
