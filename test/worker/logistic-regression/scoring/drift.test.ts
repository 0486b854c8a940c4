import {describe, expect, it} from 'vitest'
import {faultOf, processFile} from '../../../support/process-file.ts'
import {schemaChecker} from '../../../support/json-schema.ts'
import {randomFrom} from '../../../support/random.ts'

const violationsOf = schemaChecker(new URL('../../../../worker/report.schema.json', import.meta.url))

/** Rows of three columns: numbers, few categories, and numbers that never change their distribution. */
const file = (rows: number, seed: number, {shift = 0, colors = 'rgb', missing = 0} = {}): string => {
  const {normal, uniform} = randomFrom(seed)
  const lines = Array.from({length: rows}, () => {
    const x = uniform() < missing ? '' : String(normal() + shift)
    const color = colors[Math.floor(uniform() * colors.length)] ?? ''
    return `${x},${color},${uniform()},${uniform() < 0.4 ? 1 : 0}\n`
  })
  return `x,color,steady,y\n${lines.join('')}`
}

const {model} = await processFile(file(3000, 1))

const score = async (content: string, metadata: Record<string, string> = {}) =>
  processFile(content, options(metadata))
const options = (metadata: Record<string, string> = {}) => ({
  metadata: {model: 'gs://models/m.json', ...metadata},
  objects: {'gs://models/m.json': JSON.stringify(model)},
})

describe('the drift of a file that is scored', () => {
  it('is near 0 for rows of the same kind', async () => {
    const {report} = await score(file(3000, 2))
    expect(report.drift?.map(({column}) => column).toSorted()).toEqual(['color', 'steady', 'x'])
    for (const {psi, newLevels, beyondRange} of report.drift ?? []) {
      expect(psi).toBeGreaterThanOrEqual(0)
      expect(psi).toBeLessThan(0.03)
      expect(newLevels).toEqual([])
      expect(beyondRange).toBeLessThan(0.01)
    }
    expect(report.warnings.join(' ')).not.toContain('drifted')
    expect(violationsOf(report)).toEqual([])
  })

  it('is the population stability index of deciles', async () => {
    const shifted = file(3000, 3, {shift: 1})
    const {report, logs} = await score(shifted)
    const cuts = model.distributions?.find(({column}) => column === 'x')
    const quantiles = cuts?.kind === 'number' ? cuts.quantiles : []
    const counts = (text: string): number[] => {
      const bins = Array.from({length: quantiles.length + 1}, () => 0)
      for (const line of text.trim().split('\n').slice(1)) {
        const bin = quantiles.filter((cut) => Number(line.split(',')[0]) > cut).length
        bins[bin] = (bins[bin] ?? 0) + 1
      }
      return bins
    }
    const [expected, actual] = [counts(file(3000, 1)), counts(shifted)]
    const psi = expected.reduce((sum, e, i) => {
      const [before, now] = [e / 3000, (actual[i] ?? 0) / 3000]
      return sum + (now - before) * Math.log(now / before)
    }, 0)
    const [first] = report.drift ?? []
    expect(first?.column).toBe('x')
    expect(first?.psi).toBeCloseTo(psi, 2)
    const warning = report.warnings.find((text) => text.includes('drifted'))
    expect(warning).toMatch(/drifted from the model's training data .*: x \(\d\.\d\d\)\.$/)
    expect(logs.map(({message}) => message)).toContain(warning)
  })

  it('counts new values, missing ones and numbers beyond the range', async () => {
    const {report} = await score(file(2000, 4, {colors: 'rgbyz', missing: 0.5}))
    const of = (column: string) => report.drift?.find((one) => one.column === column)
    expect(of('color')?.newLevels.toSorted()).toEqual(['y', 'z'])
    expect(of('color')?.psi).toBeGreaterThan(0.25)
    expect(of('x')?.psi).toBeGreaterThan(0.25)
    const far = await score(file(2000, 5, {shift: 9}))
    expect(far.report.drift?.[0]?.beyondRange).toBeGreaterThan(0.9)
    expect(far.report.warnings.join(' ')).toContain('beyond the range of the training data: x (')
  })

  it('refuses the file from a given index on', async () => {
    const drifted = file(500, 6, {shift: 1})
    expect(await faultOf(drifted, options({'fail-on-drift': '0.25'}))).toMatchObject({
      code: 'drifted',
      column: 'x',
    })
    expect((await score(drifted, {'fail-on-drift': '50'})).report.drift?.[0]?.column).toBe('x')
    for (const bound of ['much', '0', '-1', 'NaN'])
      expect((await faultOf(drifted, options({'fail-on-drift': bound}))).code).toBe('drift-bound-invalid')
  })

  it.each([1, 10, 50, 99])('refuses no file of %d rows, in which it is high by chance', async (rows) => {
    const {report} = await score(file(rows, 8, {shift: 3}), {'fail-on-drift': '0.25'})
    expect(report.drift?.[0]?.psi).toBeGreaterThan(0.25)
    expect(report.warnings).toContainEqual(
      expect.stringContaining('--fail-on-drift 0.25 had no effect: the file has fewer than 100 rows'),
    )
    expect((await faultOf(file(rows, 8), options({'fail-on-drift': 'much'}))).code).toBe(
      'drift-bound-invalid',
    )
  })

  it('is judged by a bound only if there is something to drift from, and the report says so', async () => {
    const bound = {'fail-on-drift': '0.25'}
    const trained = await processFile(file(200, 9), {metadata: bound})
    const {distributions: _, ...older} = model
    const scored = await processFile(file(200, 9), {
      ...options(bound),
      objects: {'gs://models/m.json': JSON.stringify(older)},
    })
    for (const [{report, logs}, why] of [
      [trained, 'the file trained a model of its own'],
      [scored, 'the model does not have the distributions'],
    ] as const) {
      const warning = report.warnings.find((text) => text.startsWith('--fail-on-drift 0.25 had no effect'))
      expect(warning).toContain(why)
      expect(logs.map(({message}) => message)).toContain(warning)
    }
    expect((await faultOf(file(200, 9), {metadata: {'fail-on-drift': 'much'}})).code).toBe(
      'drift-bound-invalid',
    )
  })

  it('is unknown with a model that does not know its training data, and the file is scored all the same', async () => {
    const {distributions: _, ...older} = model
    const {report} = await processFile(file(100, 7), {
      ...options(),
      objects: {'gs://models/m.json': JSON.stringify(older)},
    })
    expect(report.drift).toBeUndefined()
    expect(report.warnings.filter((text) => text.includes('had no effect'))).toEqual([])
    const broken = {...model, distributions: [{...model.distributions?.[0], shares: [1]}]}
    const fault = await faultOf(file(100, 7), {
      ...options(),
      objects: {'gs://models/m.json': JSON.stringify(broken)},
    })
    expect(fault.message).toContain('distributions[0].shares must be a list of')
  })
})
