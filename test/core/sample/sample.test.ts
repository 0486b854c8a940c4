import {describe, expect, it} from 'vitest'
import {SAMPLE_ROWS, SAMPLE_TRUTH, generateSample} from '../../../src/core/sample/index.ts'
import {processFile} from '../../support/process-file.ts'

const sample = (options?: Parameters<typeof generateSample>[0]): string =>
  [...generateSample(options)].join('')
const cellsOf = (text: string): string[][] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => line.split(','))

describe('the sample', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(sample({rows: 50, seed: 3})).toBe(sample({rows: 50, seed: 3}))
    expect(sample({rows: 50, seed: 3})).not.toBe(sample({rows: 50, seed: 4}))
    expect(sample({rows: 2000}).startsWith(sample({rows: 700}))).toBe(true)
  })

  it('has gaps, rows to predict, and both classes', () => {
    const [header = [], ...rows] = cellsOf(sample())
    expect(rows).toHaveLength(SAMPLE_ROWS)
    expect(header).toHaveLength(16)
    expect(rows.every((row) => row.length === header.length)).toBe(true)
    const labels = rows.map((row) => row.at(-1))
    for (const label of ['0', '1', ''])
      expect(labels.filter((found) => found === label).length).toBeGreaterThan(50)
    expect(rows.flatMap((row) => row.slice(0, -1)).filter((cell) => cell === '').length).toBeGreaterThan(100)
  })

  it('has no gap where it is to be complete, and otherwise the same companies', () => {
    const complete = cellsOf(sample({complete: true})).flat()
    const usual = cellsOf(sample()).flat()
    expect(complete).not.toContain('')
    expect(usual.map((cell, i) => (cell === '' ? complete[i] : cell))).toEqual(complete)
  })

  it('recovers its true coefficients, each within four standard errors', async () => {
    const {report} = await processFile(sample({rows: 100_000, complete: true}), {
      labelColumn: SAMPLE_TRUTH.label,
    })
    const [fitted] = report.coefficients
    if (fitted === undefined) throw new Error('Two classes have one set of coefficients')
    const {intercept, standardError, terms} = fitted
    const truth: Record<string, number> = {...SAMPLE_TRUTH.coefficients, ...SAMPLE_TRUTH.sectors}
    expect(terms.map(({column, level}) => level ?? column).toSorted()).toEqual(Object.keys(truth).toSorted())
    const estimates = [
      {name: 'intercept', value: intercept, standardError, true: SAMPLE_TRUTH.intercept},
      ...terms.map((term) => ({
        name: term.level ?? term.column,
        ...term,
        true: truth[term.level ?? term.column] ?? NaN,
      })),
    ]
    const errors = estimates.map(
      (estimate) => Math.abs(estimate.value - estimate.true) / (estimate.standardError ?? NaN),
    )
    const far = estimates.filter((_, i) => !((errors[i] ?? NaN) < 4))
    expect(far).toEqual([])
    // Standard errors that were far too wide would let anything pass.
    expect(Math.max(...errors)).toBeGreaterThan(0.8)
    expect(report.leftOut).toEqual([{column: 'company_id', reason: 'identifier'}])
  }, 120_000)
})
