import {describe, expect, it} from 'vitest'
import type {Report} from '../../../../worker/contract.ts'
import {Pacer} from '../../../../worker/logistic-regression/pacer.ts'
import {intervalAround, shareOf} from '../../../../worker/logistic-regression/quality/intervals.ts'
import {measure} from '../../../../worker/logistic-regression/quality/metrics.ts'
import {schemaChecker} from '../../../support/json-schema.ts'
import {processFile} from '../../../support/process-file.ts'
import {randomFrom} from '../../../support/random.ts'

const violationsOf = schemaChecker(new URL('../../../../worker/report.schema.json', import.meta.url))

function reportOn(classes: string, rows = 400): Promise<{report: Report}> {
  const {uniform: random} = randomFrom(17)
  const text = Array.from({length: rows}, (_, i) => {
    const [x, noise] = [random(), random()]
    const place = Math.min(classes.length - 1, Math.floor((0.75 * x + 0.25 * noise) * classes.length))
    const wild = Math.exp(9 * x + noise)
    return `${x},${wild},${i % 30 === 0 ? '' : random()},${'rgb'[i % 3]},${i % 25 === 0 ? '' : classes[place]}\n`
  })
  return processFile(`x,wild,gaps,color,y\n${text.join('')}`)
}

/** By the trapezoidal rule. */
function areaUnder(points: readonly (readonly [number, number])[]): number {
  return points.reduce((sum, [x, y], i) => {
    const [x0, y0] = points[i - 1] ?? [0, y]
    return sum + ((x - x0) * (y + y0)) / 2
  }, 0)
}

describe('report.json', () => {
  it.each(['01', 'abcd'])('keeps to its published schema, with the classes %s', async (classes) => {
    const {report} = await reportOn(classes)
    expect(violationsOf(report)).toEqual([])
  })

  it('follows the schema even if no row was held out and no column was left', async () => {
    const {report} = await processFile('id,y\n1,0\n2,1\n3,\n')
    expect(violationsOf(report)).toEqual([])
    expect(report.curves).toEqual([])
    expect(report.classes.map(({recall}) => recall)).toEqual([
      {value: null, interval: null},
      {value: null, interval: null},
    ])
  })

  it('says its form and version, which the schema holds it to', async () => {
    const {report} = await reportOn('01')
    expect(report).toMatchObject({format: 'cloud-runner/report', version: 1})
    expect(violationsOf({...report, version: 2})[0]).toContain('$.version')
  })

  it('has a schema that notices a field too many, one too few, and a wrong type', async () => {
    const {report} = await reportOn('01')
    const {warnings: _, ...lacking} = report
    expect(violationsOf(lacking)).toEqual(['$: warnings is lacking'])
    expect(violationsOf({...report, more: 1})).toEqual(['$: more is not in the schema'])
    expect(violationsOf({...report, rows: {...report.rows, total: '7'}})[0]).toContain('$.rows.total')
  })

  it.each(['01', 'abcd'])(
    'draws curves that agree with its figures, with the classes %s',
    async (classes) => {
      const {report} = await reportOn(classes)
      const areas = report.curves.map(({roc}) => areaUnder(roc))
      expect(report.curves.map((one) => one.class)).toEqual(classes.length === 2 ? ['1'] : classes.split(''))
      expect(areas.reduce((sum, area) => sum + area, 0) / areas.length).toBeCloseTo(
        report.metrics.auc ?? NaN,
        2,
      )
      for (const {roc, precisionRecall, calibration, histogram, class: name} of report.curves) {
        const members = report.label.classes.find((one) => one.name === name)?.rows
        expect(roc.at(-1)).toEqual([1, 1])
        expect(precisionRecall.at(-1)?.[0]).toBe(1)
        expect(roc.length).toBeLessThanOrEqual(202)
        expect(histogram.own.reduce((sum, rows) => sum + rows, 0)).toBe(members)
        expect(calibration.reduce((sum, {rows}) => sum + rows, 0)).toBe(report.rows.labelled)
        expect(calibration.reduce((sum, {rows, observed}) => sum + rows * observed, 0)).toBeCloseTo(
          members ?? NaN,
          1,
        )
        const predicted = calibration.map((part) => part.predicted)
        expect(predicted).toEqual(predicted.toSorted((a, b) => a - b))
      }
      const all = report.confusion.flat().reduce((sum, rows) => sum + rows, 0)
      const right = report.confusion.reduce((sum, row, k) => sum + (row[k] ?? 0), 0)
      expect(all).toBe(report.rows.labelled)
      expect(right / all).toBeCloseTo(report.metrics.accuracy ?? NaN, 10)
      report.classes.forEach(({precision, recall, rows, predicted}, k) => {
        expect((recall.value ?? 0) * rows).toBeCloseTo(report.confusion[k]?.[k] ?? NaN, 8)
        expect((precision.value ?? 0) * predicted).toBeCloseTo(report.confusion[k]?.[k] ?? NaN, 8)
      })
    },
  )

  it('draws no curves of a class that was never held out', async () => {
    const rows = Array.from({length: 40}, (_, i) => `${Math.sin(i)},${i === 3 ? 'lonely' : 'ab'[i % 2]}\n`)
    const {report} = await processFile(`x,y\n${rows.join('')}`)
    expect(report.curves.map((one) => one.class)).toEqual(['a', 'b'])
    expect(report.classes.find((one) => one.class === 'lonely')).toMatchObject({
      rows: 0,
      recall: {value: null},
    })
    expect(violationsOf(report)).toEqual([])
  })

  it('lists coefficients with their intervals, per normal score for a mapped column', async () => {
    const {report} = await reportOn('01')
    const terms = report.coefficients[0]?.terms ?? []
    for (const {value, standardError, interval} of terms) {
      expect(interval).toEqual(intervalAround(value, standardError ?? NaN))
    }
    const wild = terms.find(({column}) => column === 'wild')
    expect(wild?.unit).toBe('normal-score')
    expect(wild?.quartiles?.change).toBeCloseTo(1.349 * (wild?.value ?? NaN), 1)
    expect(report.transforms.map(({column}) => column)).toEqual(['wild'])
    expect(report.assumptions.join(' ')).toContain('bell shape before the fit: wild.')
    expect(terms.filter(({column}) => column !== 'wild').every(({unit}) => unit === 'input')).toBe(true)
  })
})

describe('intervals', () => {
  it('of shares are those of Wilson', () => {
    expect(shareOf(8, 10).interval?.map((end) => end.toFixed(4))).toEqual(['0.4902', '0.9433'])
    expect(shareOf(0, 10).interval?.map((end) => end.toFixed(4))).toEqual(['0.0000', '0.2775'])
    expect(shareOf(10, 10).interval?.[1]).toBe(1)
    expect(shareOf(0, 0)).toEqual({value: null, interval: null})
  })

  it('hold the true AUC and the true log loss about 95 times of 100', async () => {
    const {uniform: random} = randomFrom(99)
    let aucHeld = 0
    let lossHeld = 0
    const rounds = 300
    const pacer = new Pacer(new AbortController().signal)
    // Of uniform probabilities that are true, the AUC is 5/6 and the mean log loss 1/2.
    for (let round = 0; round < rounds; round++) {
      const probabilities = new Float64Array(400)
      const codes = new Int32Array(200)
      for (let row = 0; row < 200; row++) {
        const p = random()
        probabilities[2 * row] = 1 - p
        probabilities[2 * row + 1] = p
        codes[row] = random() < p ? 1 : 0
      }
      const labels = Int16Array.from(codes, (_, row) => ((probabilities[2 * row + 1] ?? 0) > 0.5 ? 1 : 0))
      const rows = Uint32Array.from(codes, (_, row) => row)
      const {metrics} = await measure(rows, codes, ['0', '1'], {labels, probabilities}, pacer)
      const {intervals} = metrics
      const holds = (interval: readonly number[] | null, value: number): boolean =>
        (interval?.[0] ?? Infinity) <= value && value <= (interval?.[1] ?? -Infinity)
      if (holds(intervals.auc, 5 / 6)) aucHeld++
      if (holds(intervals.logLoss, 0.5)) lossHeld++
    }
    expect(aucHeld / rounds).toBeGreaterThan(0.9)
    expect(aucHeld / rounds).toBeLessThan(0.99)
    expect(lossHeld / rounds).toBeGreaterThan(0.9)
    expect(lossHeld / rounds).toBeLessThan(0.99)
  })
})
