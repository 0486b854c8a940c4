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

type Contrast = Reference['contrasts'][number]

/** Each contrast of statsmodels, and the report's with this C. */
async function compare(
  csv: string,
  contrasts: readonly Contrast[],
  C: number,
): Promise<{expected: Contrast; own: {value: number; standardError: number}}[]> {
  const {report} = await processFile(csv, {
    metadata: {'model-options': JSON.stringify({C, transforms: 'off'})},
  })
  return contrasts.map((expected) => {
    const own = report.coefficients
      .find((one) => one.class === expected.class)
      ?.terms.find(({column, level}) => column === expected.column && level === expected.level)?.contrast
    expect(own?.against).toBe(expected.against)
    return {expected, own: {value: own?.value ?? NaN, standardError: own?.standardError ?? NaN}}
  })
}

describe('effects of categories', () => {
  it.each(references)('are the contrasts of statsmodels: $name', async ({csv, contrasts}) => {
    for (const {expected, own} of await compare(csv, contrasts, 1e6)) {
      expect(Math.abs(own.value - expected.value) / expected.standardError).toBeLessThan(1e-5)
      expect(own.standardError / expected.standardError).toBeCloseTo(1, 5)
    }
  })

  it.each(references)('are near them with the penalty: $name', async ({csv, contrasts}) => {
    for (const {expected, own} of await compare(csv, contrasts, 1)) {
      const ratio = own.standardError / expected.standardError
      // The penalty pulls effects to 0 and narrows their intervals, most for a level of few rows.
      expect(Math.abs(own.value - expected.value) / expected.standardError).toBeLessThan(0.35)
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
