import * as fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {crossValidate} from '../../../worker/logistic-regression/cross-validation.ts'
import {dealFolds, orderByFold} from '../../../worker/logistic-regression/folds.ts'
import type {Label} from '../../../worker/logistic-regression/label.ts'
import {measure} from '../../../worker/logistic-regression/metrics.ts'
import type {Predictions} from '../../../worker/logistic-regression/model.ts'
import {Pacer} from '../../../worker/logistic-regression/pacer.ts'
import {layOut} from '../../../worker/logistic-regression/preprocessing.ts'
import type {NumberColumn} from '../../../worker/logistic-regression/table.ts'
import {type TransformChoice, chooseTransforms} from '../../../worker/logistic-regression/tails.ts'
import {train} from '../../../worker/logistic-regression/train.ts'
import {type Transform, applier, fitNormalScores} from '../../../worker/logistic-regression/transforms.ts'
import {processFile} from '../../support/process-file.ts'

const pacer = new Pacer(new AbortController().signal)

function generator(seed: number) {
  let state = seed
  const uniform = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647
  const normal = (): number => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform())
  return {uniform, normal}
}

/** Of the last distinct two below 0 the greater one was mapped a rounding below the other. */
const NEIGHBORS = [
  ...Array<number>(8).fill(-2.467237241243647e-305),
  -4.412899121086801e-307,
  ...Array<number>(5).fill(-4.4128991210868e-307),
  -4.412899121086799e-307,
  ...Array<number>(13).fill(0),
]

describe('the map to normal scores', () => {
  it('gives any continuous shape that of a normal distribution', () => {
    const {normal} = generator(3)
    const ranked = Float64Array.from({length: 5000}, () => Math.exp(3 * normal()) - 5).toSorted()
    const apply = applier(fitNormalScores(ranked))
    const scores = ranked.map((value) => apply(value))
    const moment = (power: number): number => scores.reduce((sum, z) => sum + z ** power, 0) / scores.length
    expect(moment(1)).toBeCloseTo(0, 1)
    expect(moment(2)).toBeCloseTo(1, 1)
    expect(moment(4)).toBeCloseTo(3, 0)
    expect(apply(-5)).toBe(scores[0])
    expect(apply(1e300)).toBe(scores.at(-1))
    expect(apply(NaN)).toBeNaN()
  })

  it('never changes the order, and is finite whatever the numbers', () => {
    const numbers = fc.array(fc.double({noNaN: true, noDefaultInfinity: true}), {
      minLength: 20,
      maxLength: 300,
    })
    fc.assert(
      fc.property(numbers, (values) => {
        const ranked = Float64Array.from(values).toSorted()
        const apply = applier(fitNormalScores(ranked))
        const scores = [-Number.MAX_VALUE, ...ranked, Number.MAX_VALUE].map(apply)
        expect(scores.filter((score) => !(Math.abs(score) < 7))).toEqual([])
        scores.slice(1).forEach((score, i) => expect(score).toBeGreaterThanOrEqual(scores[i] ?? NaN))
      }),
      {examples: [[NEIGHBORS]]},
    )
  })

  it('puts a value that many rows share where their normal scores lie on average', () => {
    const ranked = Float64Array.from({length: 1000}, (_, i) => (i < 700 ? 0 : i))
    const apply = applier(fitNormalScores(ranked))
    // The mean of a normal variable below its 70th percentile: -density / 0.7.
    expect(apply(0)).toBeCloseTo(-0.497, 1)
    expect(apply(900)).toBeCloseTo(1.285, 1)
  })
})

const SHAPES: Record<string, (random: ReturnType<typeof generator>) => number> = {
  normal: ({normal}) => normal(),
  uniform: ({uniform}) => uniform(),
  exponential: ({uniform}) => -Math.log(uniform()),
  'log-normal': ({normal}) => Math.exp(normal()),
  'wide log-normal': ({normal}) => Math.exp(1.5 * normal()),
  "Student's with 3 degrees of freedom": ({normal}) =>
    normal() / Math.sqrt((normal() ** 2 + normal() ** 2 + normal() ** 2) / 3),
  'mostly zero': ({uniform}) => (uniform() < 0.7 ? 0 : -10 * Math.log(uniform())),
  counts: ({uniform}) => Math.floor(-3 * Math.log(uniform())),
  'zero and one': ({uniform}) => Math.round(uniform()),
}

/** Out-of-fold log loss of a model with these transforms, or with those that half of the folds choose for the others. */
async function heldOutLoss(column: NumberColumn, label: Label, fixed?: Transform[]): Promise<number> {
  const rows = Uint32Array.from(label.codes, (_, row) => row)
  const layout = layOut({numbers: [column], categories: [], leftOut: []}, rows)
  const folded = orderByFold(rows, dealFolds(label.codes, 2))
  const chosen = await chooseTransforms([column], label, folded, pacer)
  const transforms: TransformChoice =
    fixed === undefined
      ? chosen
      : {all: fixed, halves: chosen.halves.map(({folds}) => ({folds, transforms: fixed}))}
  const trained = await train(layout, label, folded, transforms.all, undefined, pacer)
  const predictions: Predictions = {
    labels: new Int16Array(rows.length),
    probabilities: new Float64Array(2 * rows.length),
  }
  await crossValidate(layout, label, folded, transforms, trained, predictions, pacer)
  const {metrics} = await measure(rows, label.codes, label.classes, predictions, pacer)
  return metrics.logLoss ?? NaN
}

function numberColumn(values: Float64Array): NumberColumn {
  return {kind: 'number', index: 0, name: 'x', values, decimalComma: false, noNumbers: 0}
}

function labelOf(codes: Int32Array): Label {
  return {name: 'y', index: 1, chosenBy: 'last-column', classes: ['0', '1'], codes, unknown: 0}
}

describe('the choice of transforms', () => {
  it('of one half of the folds looks at no label of the other', async () => {
    const {normal, uniform} = generator(9)
    const values = Float64Array.from({length: 2000}, () => Math.exp(1.2 * normal()))
    const column = numberColumn(values)
    const codes = Int32Array.from(values, (x) => Number(uniform() < 1 / (1 + Math.exp(-2 * Math.log(x)))))
    const rows = Uint32Array.from(values, (_, row) => row)
    const folded = orderByFold(rows, dealFolds(codes, 2))
    const before = await chooseTransforms([column], labelOf(codes), folded, pacer)
    for (const {folds, transforms} of before.halves) {
      const mirrored = codes.slice()
      for (const fold of folds) {
        const {start, end} = folded.folds[fold] ?? {start: 0, end: 0}
        for (const row of folded.rows.subarray(start, end)) mirrored[row] = 1 - (codes[row] ?? 0)
      }
      const after = await chooseTransforms([column], labelOf(mirrored), folded, pacer)
      expect(after.halves.find((half) => half.folds[0] === folds[0])?.transforms).toEqual(transforms)
      expect(transforms[0]?.kind).toBe('normal-scores')
    }
    expect(before.halves.flatMap(({folds}) => folds).toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4])
  })

  it.each(Object.keys(SHAPES))(
    'costs nothing where the log odds follow the number itself: %s',
    async (shape) => {
      const lost = async (seed: number, count: number): Promise<number> => {
        const random = generator(seed)
        const values = Float64Array.from({length: count}, () => SHAPES[shape]?.(random) ?? NaN)
        const mean = values.reduce((sum, x) => sum + x, 0) / count
        const spread = Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / count)
        const codes = Int32Array.from(values, (x) =>
          Number(random.uniform() < 1 / (1 + Math.exp(0.5 - (1.2 * (x - mean)) / spread))),
        )
        const [column, label] = [numberColumn(values), labelOf(codes)]
        return (await heldOutLoss(column, label)) - (await heldOutLoss(column, label, []))
      }
      // The choice is by what the rows show: half of a few hundred may go wrong by a little, thousands do not.
      let lostWithFew = 0
      for (let seed = 11; seed <= 111; seed += 10) lostWithFew += (await lost(seed, 400)) / 11
      expect(lostWithFew).toBeLessThan(0.008)
      expect(await lost(12, 4000)).toBeLessThan(0.0005)
    },
  )

  it('maps a column with far tails whose order is what counts', async () => {
    const {normal, uniform} = generator(5)
    const rows = Array.from({length: 800}, () => {
      const z = normal()
      return `${Math.exp(3 * z)},${normal()},${uniform() < 1 / (1 + Math.exp(-1.5 * z)) ? 1 : 0}\n`
    })
    const {report, model} = await processFile(`wild,tame,y\n${rows.join('')}`)
    expect(model.preprocessing.numbers.map(({transform}) => transform.kind)).toEqual([
      'normal-scores',
      'identity',
    ])
    expect(report.metrics.auc).toBeGreaterThan(0.78)
  })

  it('leaves codes, counts of few, and numbers without tails as they are', async () => {
    const {normal, uniform} = generator(6)
    const rows = Array.from(
      {length: 400},
      () =>
        `${uniform() < 0.02 ? 1000 : Math.round(uniform() * 3)},${normal()},${uniform()},${uniform() < 0.4 ? 1 : 0}\n`,
    )
    const {model} = await processFile(`code,bell,flat,y\n${rows.join('')}`)
    expect(model.preprocessing.numbers.map(({transform}) => transform.kind)).toEqual([
      'identity',
      'identity',
      'identity',
    ])
  })
})
