import {expect, it} from 'vitest'
import {Pacer} from '../../../../worker/logistic-regression/pacer.ts'
import {fitByRows} from '../../../../worker/logistic-regression/solver/dual.ts'
import {EXACT, fitByNewton} from '../../../../worker/logistic-regression/solver/newton.ts'
import {type Objective, parametersOf} from '../../../../worker/logistic-regression/solver/objective.ts'
import {objectiveOf} from '../../../support/objective.ts'

const pacer = new Pacer(new AbortController().signal)

/** 60 rows of 80 numbers, some missing, and a category. */
const csv = [
  `${Array.from({length: 80}, (_, j) => `x${j}`).join(',')},kind,y`,
  ...Array.from({length: 60}, (_, i) => {
    const numbers = Array.from({length: 80}, (__, j) =>
      (i * j) % 37 === 5 ? '' : Math.sin(i * (j + 1) * 1.7),
    )
    return `${numbers.join(',')},${'abc'[i % 3]},${Number(Math.sin(1.7 * i) + Math.cos(i * i) > 0)}`
  }),
].join('\n')

it('finds the optimum of Newton’s method over the weights, on all rows and without some', async () => {
  const all = await objectiveOf(`${csv}\n`)
  const last = all.classes.length
  const without: Objective = {
    ...all,
    ranges: [
      {start: 0, end: 13},
      {start: 25, end: last},
    ],
  }
  const model = await fitByRows(all, undefined, pacer)
  for (const [objective, start] of [
    [all, undefined],
    [without, undefined],
    [without, model.parameters],
  ] as const) {
    const weights = await fitByNewton(objective, new Float64Array(parametersOf(all)), EXACT, pacer)
    const rows = await fitByRows(objective, start, pacer)
    expect(weights.converged && rows.converged).toBe(true)
    expect(rows.loss).toBeCloseTo(weights.loss, 9)
    const largest = Math.max(...weights.parameters.map(Math.abs))
    weights.parameters.forEach((value, j) =>
      expect(Math.abs(value - (rows.parameters[j] ?? NaN)) / largest).toBeLessThan(1e-9),
    )
  }
})
