import {readFileSync} from 'node:fs'
import {describe, expect, it} from 'vitest'
import {processFile} from '../../../support/process-file.ts'

interface Reference {
  name: string
  csv: string
  /** By maximum likelihood, without a penalty. */
  contrasts: {
    class: string
    column: string
    level: string
    against: string
    value: number
    standardError: number
  }[]
}

const fixture = new URL('../../../fixtures/statsmodels/reference.json', import.meta.url)
const references: Reference[] = JSON.parse(readFileSync(fixture, 'utf8'))

describe('effects of categories', () => {
  it.each(references)('are the contrasts of statsmodels, but for the penalty: $name', async (reference) => {
    const {report} = await processFile(reference.csv)
    const found = report.coefficients.flatMap((one) =>
      one.terms.map((term) => ({class: one.class, column: term.column, level: term.level, ...term.contrast})),
    )
    for (const expected of reference.contrasts) {
      const own = found.find(
        (one) =>
          one.class === expected.class && one.column === expected.column && one.level === expected.level,
      )
      expect(own?.against).toBe(expected.against)
      const off = Math.abs((own?.value ?? NaN) - expected.value) / expected.standardError
      const ratio = (own?.standardError ?? NaN) / expected.standardError
      // The penalty pulls effects to 0 and narrows their intervals, most for a level of few rows.
      expect(off).toBeLessThan(0.35)
      expect(ratio).toBeGreaterThan(expected.standardError < 0.25 ? 0.9 : 0.7)
      expect(ratio).toBeLessThan(1)
    }
  })

  it('have intervals free of what only the penalty holds', async () => {
    const churn = references.find(({name}) => name === 'churn')
    const {report} = await processFile(churn?.csv ?? '')
    const terms = report.coefficients[0]?.terms ?? []
    const twoYears = terms.find(({level}) => level === 'Two year')
    expect(twoYears?.interval?.[1]).toBeGreaterThan(0)
    expect(twoYears?.contrast?.interval?.[1]).toBeLessThan(-1)
    expect(terms.find(({level}) => level === 'Month-to-month')?.contrast).toEqual({
      against: 'Month-to-month',
      value: 0,
    })
  })
})
