import {expect, it} from 'vitest'
import {Pacer} from '../../../../worker/logistic-regression/pacer.ts'
import {fit} from '../../../../worker/logistic-regression/solver/fit.ts'
import type {Objective} from '../../../../worker/logistic-regression/solver/objective.ts'
import {Pass} from '../../../../worker/logistic-regression/solver/pass.ts'
import {refitWithout} from '../../../../worker/logistic-regression/training/refit.ts'
import {objectiveOf} from '../../../support/objective.ts'
import {randomFrom} from '../../../support/random.ts'

const pacer = new Pacer(new AbortController().signal)

/** Scores of the first rows of the design; of more than two classes less those of the first, since only that counts. */
function scoresOf({design, outputs}: Objective, parameters: Float64Array): Float64Array {
  const count = design.encode(0, design.rows.length)
  const scores = new Pass(design, outputs, parameters).score(count).slice()
  const base = outputs === 1 ? new Float64Array(count) : scores.filter((__, i) => i % outputs === 0)
  return scores.map((score, i) => score - (base[Math.floor(i / outputs)] ?? NaN))
}

/** Largest difference of the log odds between the quick way and a fit of its own, with a fifth of the rows left out. */
async function errorOf(text: string): Promise<number> {
  const objective = await objectiveOf(text)
  const fitted = await fit(objective, undefined, pacer)
  const {length} = objective.classes
  const left = {start: Math.floor(length / 5), end: Math.floor((2 * length) / 5)}
  const quick = await refitWithout(objective, left, fitted, pacer)
  const ranges = [
    {start: 0, end: left.start},
    {start: left.end, end: length},
  ]
  const exact = (await fit({...objective, ranges}, undefined, pacer)).parameters
  const [found, expected] = [scoresOf(objective, quick), scoresOf(objective, exact)]
  return found.reduce((worst, score, i) => Math.max(worst, Math.abs(score - (expected[i] ?? NaN))), 0)
}

function tableOf(rows: number, classes: number, noise: number): string {
  const {uniform: random} = randomFrom(1)
  const row = (): string => {
    const [a, b, c] = [random(), random(), random()]
    const score = (a + b * b - 1 + noise * (random() - 0.5)) * classes + classes / 2
    const label = Math.min(classes - 1, Math.max(0, Math.floor(score)))
    return `${a},${b},${c},${'pqrs'[Math.floor(4 * c)]},${label}\n`
  }
  return `a,b,c,kind,y\n${Array.from({length: rows}, row).join('')}`
}

it.each([
  ['many rows, from one step', 20_000, 2, 2],
  ['many rows and classes', 8000, 4, 2],
  ['few rows, from several steps', 120, 2, 2],
  ['few rows of many classes', 150, 5, 2],
  ['rows that are nearly separable', 200, 2, 0.05],
])('a model without some rows is that of a fit of its own: %s', async (_, rows, classes, noise) => {
  expect(await errorOf(tableOf(rows, classes, noise))).toBeLessThan(1e-3)
})
