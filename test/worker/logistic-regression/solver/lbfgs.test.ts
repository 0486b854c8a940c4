import {expect, it} from 'vitest'
import {Pacer} from '../../../../worker/logistic-regression/pacer.ts'
import {fitByLbfgs} from '../../../../worker/logistic-regression/solver/lbfgs.ts'
import {EXACT, fitByNewton} from '../../../../worker/logistic-regression/solver/newton.ts'
import {parametersOf} from '../../../../worker/logistic-regression/solver/objective.ts'
import {objectiveOf} from '../../../support/objective.ts'

const pacer = new Pacer(new AbortController().signal)

it.each([2, 4])('L-BFGS finds the optimum of Newton’s method with %d classes', async (classes) => {
  const row = (i: number): string =>
    `${Math.sin(i)},${Math.cos(3 * i)},${'abc'[i % 3]},${Math.floor(Math.abs(2 * Math.sin(i) + Math.cos(i * i)) * 1.3) % classes}\n`
  const objective = await objectiveOf(`a,b,kind,y\n${Array.from({length: 200}, (_, i) => row(i)).join('')}`)
  const start = new Float64Array(parametersOf(objective))
  const newton = await fitByNewton(objective, start, EXACT, pacer)
  const lbfgs = await fitByLbfgs(objective, start, undefined, pacer)
  expect(newton.converged && lbfgs.converged).toBe(true)
  expect(lbfgs.loss).toBeCloseTo(newton.loss, 9)
  newton.parameters.forEach((value, i) =>
    expect(Math.abs(value - (lbfgs.parameters[i] ?? NaN))).toBeLessThan(1e-5),
  )
})
