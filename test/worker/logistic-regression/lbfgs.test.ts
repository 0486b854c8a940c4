import {Readable} from 'node:stream'
import {expect, it} from 'vitest'
import {Design} from '../../../worker/logistic-regression/design.ts'
import {chooseFeatures} from '../../../worker/logistic-regression/features.ts'
import {fitByLbfgs} from '../../../worker/logistic-regression/lbfgs.ts'
import {fitByNewton} from '../../../worker/logistic-regression/newton.ts'
import {type Objective, outputsFor, parametersOf} from '../../../worker/logistic-regression/objective.ts'
import {Pacer} from '../../../worker/logistic-regression/pacer.ts'
import {fitPreprocessing, layOut} from '../../../worker/logistic-regression/preprocessing.ts'
import {readTable} from '../../../worker/logistic-regression/table.ts'

const pacer = new Pacer(new AbortController().signal)

async function objectiveOf(text: string): Promise<Objective> {
  const bytes = Buffer.from(text)
  const input = {
    bucket: 'in',
    object: 'file.csv',
    generation: '1',
    sizeBytes: bytes.length,
    contentType: undefined,
    metadata: {},
    open: async () => Readable.from([bytes]),
  }
  const table = await readTable(input, {name: 'y', chosenBy: 'object'}, pacer)
  const rows = Uint32Array.from({length: table.rows}, (_, i) => i)
  const layout = layOut(chooseFeatures(table), rows)
  const design = new Design(layout, await fitPreprocessing(layout, rows, pacer), rows)
  return {design, classes: table.label.codes, outputs: outputsFor(table.label.classes.length)}
}

it.each([2, 4])('L-BFGS finds the optimum of Newton’s method with %d classes', async (classes) => {
  const row = (i: number): string =>
    `${Math.sin(i)},${Math.cos(3 * i)},${'abc'[i % 3]},${Math.floor(Math.abs(2 * Math.sin(i) + Math.cos(i * i)) * 1.3) % classes}\n`
  const objective = await objectiveOf(`a,b,kind,y\n${Array.from({length: 200}, (_, i) => row(i)).join('')}`)
  const start = new Float64Array(parametersOf(objective))
  const newton = await fitByNewton(objective, start, pacer)
  const lbfgs = await fitByLbfgs(objective, start, pacer)
  expect(newton.converged && lbfgs.converged).toBe(true)
  expect(lbfgs.loss).toBeCloseTo(newton.loss, 9)
  newton.parameters.forEach((value, i) =>
    expect(Math.abs(value - (lbfgs.parameters[i] ?? NaN))).toBeLessThan(1e-5),
  )
})
