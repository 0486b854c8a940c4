import {describe, expect, it} from 'vitest'
import {layOut} from '../../../../worker/logistic-regression/encoding/preprocessing.ts'
import type {Transform} from '../../../../worker/logistic-regression/encoding/transforms.ts'
import {Pacer} from '../../../../worker/logistic-regression/pacer.ts'
import {measure} from '../../../../worker/logistic-regression/quality/metrics.ts'
import type {NumberColumn} from '../../../../worker/logistic-regression/table/columns.ts'
import type {Label} from '../../../../worker/logistic-regression/table/label.ts'
import {crossValidate, encodeFolds} from '../../../../worker/logistic-regression/training/cross-validation.ts'
import {
  type FoldedRows,
  dealFolds,
  orderByFold,
} from '../../../../worker/logistic-regression/training/folds.ts'
import type {Predictions} from '../../../../worker/logistic-regression/training/model.ts'
import {
  type TransformChoice,
  chooseTransforms,
  shapesOf,
} from '../../../../worker/logistic-regression/training/tails.ts'
import {train} from '../../../../worker/logistic-regression/training/train.ts'
import {processFile} from '../../../support/process-file.ts'
import {type Random, randomFrom} from '../../../support/random.ts'

const pacer = new Pacer(new AbortController().signal)

const SHAPES: Record<string, (random: Random) => number> = {
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

async function transformsOf(
  column: NumberColumn,
  label: Label,
  folded: FoldedRows,
): Promise<TransformChoice> {
  return chooseTransforms([column], await shapesOf([column], folded, pacer), label, folded, pacer)
}

/** Out-of-fold log loss of a model with these transforms, or with those that half of the folds choose for the others. */
async function heldOutLoss(column: NumberColumn, label: Label, fixed?: Transform[]): Promise<number> {
  const rows = Uint32Array.from(label.codes, (_, row) => row)
  const layout = layOut({numbers: [column], categories: [], leftOut: []}, rows)
  const folded = orderByFold(rows, await dealFolds(label.codes, 2, {}, pacer))
  const chosen = await transformsOf(column, label, folded)
  const transforms: TransformChoice =
    fixed === undefined
      ? chosen
      : {all: fixed, halves: chosen.halves.map(({folds}) => ({folds, transforms: fixed}))}
  const encoded = await encodeFolds(layout, label, folded, transforms, pacer)
  const trained = await train(encoded.all, {penalty: 1}, undefined, pacer)
  const predictions: Predictions = {
    labels: new Int16Array(rows.length),
    probabilities: new Float64Array(2 * rows.length),
  }
  await crossValidate(folded.folds, encoded, trained, 2, predictions, pacer)
  const {metrics} = await measure(rows, label.codes, label.classes, predictions, pacer)
  return metrics.logLoss ?? NaN
}

function numberColumn(values: Float64Array): NumberColumn {
  return {kind: 'number', index: 0, name: 'x', values, decimalComma: false, noNumbers: 0}
}

function labelOf(codes: Int32Array): Label {
  return {name: 'y', index: 1, chosenBy: 'last-column', classes: ['0', '1'], codes, rows: [], unknown: 0}
}

describe('the choice of transforms', () => {
  it('of one half of the folds looks at no label of the other', async () => {
    const {normal, uniform} = randomFrom(9)
    const values = Float64Array.from({length: 2000}, () => Math.exp(1.2 * normal()))
    const column = numberColumn(values)
    const codes = Int32Array.from(values, (x) => Number(uniform() < 1 / (1 + Math.exp(-2 * Math.log(x)))))
    const rows = Uint32Array.from(values, (_, row) => row)
    const folded = orderByFold(rows, await dealFolds(codes, 2, {}, pacer))
    const before = await transformsOf(column, labelOf(codes), folded)
    for (const {folds, transforms} of before.halves) {
      const mirrored = codes.slice()
      for (const fold of folds) {
        const {start, end} = folded.folds[fold] ?? {start: 0, end: 0}
        for (const row of folded.rows.subarray(start, end)) mirrored[row] = 1 - (codes[row] ?? 0)
      }
      const after = await transformsOf(column, labelOf(mirrored), folded)
      expect(after.halves.find((half) => half.folds[0] === folds[0])?.transforms).toEqual(transforms)
      expect(transforms[0]?.kind).toBe('normal-scores')
    }
    expect(before.halves.flatMap(({folds}) => folds).toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4])
  })

  it.each(Object.keys(SHAPES))(
    'costs nothing where the log odds follow the number itself: %s',
    async (shape) => {
      const lost = async (seed: number, count: number): Promise<number> => {
        const random = randomFrom(seed)
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
    const {normal, uniform} = randomFrom(5)
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
    const {normal, uniform} = randomFrom(6)
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
