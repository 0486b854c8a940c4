import LogisticRegression from 'ml-logistic-regression'
import {Matrix} from 'ml-matrix'
import {describe, expect, it} from 'vitest'
import type {ModelOptions} from '../../../../worker/model-options.ts'
import {faultOf, processFile} from '../../../support/process-file.ts'
import {schemaChecker} from '../../../support/json-schema.ts'
import {randomFrom} from '../../../support/random.ts'

const violationsOf = schemaChecker(new URL('../../../../worker/report.schema.json', import.meta.url))

const {normal, uniform} = randomFrom(11)
const rows = Array.from({length: 120}, (_, i) => {
  const [a, b] = [normal(), normal()]
  return {a, b, kind: 'uv'[i % 2] ?? '', place: Math.max(0, Math.min(2, Math.round(1 + a - b + uniform())))}
})
const fileOf = (classes: string): string =>
  `a,b,kind,y\n${rows.map(({a, b, kind, place}) => `${a},${b},${kind},${classes[Math.min(place, classes.length - 1)]}\n`).join('')}`

const optionsOf = (options: ModelOptions) => ({metadata: {'model-options': JSON.stringify(options)}})
const library = (more: ModelOptions = {}): ModelOptions => ({solver: 'ml-logistic-regression', ...more})

describe('the solver ml-logistic-regression', () => {
  it.each(['xy', 'xyz'])('takes the steps that the package takes, with the classes %s', async (classes) => {
    const steps = {numSteps: 1234, learningRate: 1e-3}
    const {model} = await processFile(fileOf(classes), optionsOf(library({...steps, transforms: 'off'})))
    const design = rows.map(({a, b, kind}) => [
      ...model.preprocessing.numbers.map(({mean, scale}, j) => ((j === 0 ? a : b) - mean) / scale),
      ...(model.preprocessing.categories[0]?.levels ?? []).map((level) => Number(level === kind)),
      1,
    ])
    const direct = new LogisticRegression(steps)
    direct.train(
      new Matrix(design),
      Matrix.columnVector(rows.map(({place}) => Math.min(place, classes.length - 1))),
    )
    const halves = classes.length === 2 ? 2 : 1
    for (const [k, {weights}] of direct.classifiers.entries()) {
      const own = weights.to1DArray()
      const found = model.model.classifiers[k]?.weights[0] ?? []
      expect(found).toHaveLength(own.length)
      own.forEach((value, j) => expect(Math.abs((found[j] ?? NaN) * halves - value)).toBeLessThan(1e-9))
    }
    expect(model.model).toMatchObject(steps)
  })

  it('is in the report, and its model scores files like any other', async () => {
    const first = await processFile(fileOf('xy'), optionsOf(library({numSteps: 20_000, learningRate: 0.01})))
    const {report} = first
    expect(violationsOf(report)).toEqual([])
    expect(report.model).toMatchObject({
      penalty: {l2: 0},
      options: {solver: 'ml-logistic-regression'},
      iterations: 20_000,
      converged: true,
    })
    expect(report.assumptions.join(' ')).toContain(
      'The fit is the training of ml-logistic-regression: 20000 steps',
    )
    expect(report.coefficients[0]?.terms.every(({interval}) => interval === undefined)).toBe(true)
    // Near the optimum without a penalty, which the other solver nearly has at the largest C.
    const exact = await processFile(fileOf('xy'), optionsOf({C: 1e4}))
    expect(report.metrics.auc).toBeCloseTo(exact.report.metrics.auc ?? NaN, 2)
    const second = await processFile(fileOf('xy'), {
      metadata: {model: 'gs://models/m.json'},
      objects: {'gs://models/m.json': JSON.stringify(first.model)},
    })
    expect(second.model).toEqual(first.model)
  })

  it.each([5e-4, 1])('warns if its steps, of length %d, end before a minimum', async (learningRate) => {
    const {report} = await processFile(fileOf('xy'), optionsOf(library({numSteps: 10, learningRate})))
    expect(report.model.converged).toBe(false)
    expect(report.warnings).toContain('The fit had not converged after 10 iterations.')
  })

  it('is refused if it would take long, with the number of steps that fits', async () => {
    const many = fileOf('xy') + fileOf('xy').split('\n').slice(1).join('\n').repeat(80)
    const fault = await faultOf(many, optionsOf(library()))
    expect(fault).toMatchObject({code: 'solver-too-slow'})
    expect(fault.message).toBe(
      'The solver ml-logistic-regression would take about 10 minutes for 50000 steps over 9720 rows and 4 columns, once for the model and once for each fold.',
    )
    const hours = await faultOf(many, optionsOf(library({numSteps: 1e6})))
    expect(hours.message).toContain('about 3 hours')
    const steps = /--set numSteps=(\d+)/.exec(fault.suggestions.join(' '))?.[1]
    expect(Number(steps)).toBeGreaterThan(1000)
    expect(Number(steps)).toBeLessThan(50_000)
  })

  it('is refused if memory has no room for its cells', async () => {
    const names = Array.from({length: 1000}, (_, j) => `c${j}`)
    const lines = Array.from(
      {length: 256},
      (_, i) => `${names.map((__, j) => (i >> (j % 8)) & 1).join(',')},`,
    )
    const many = Array.from({length: 21_000}, (_, i) => `${lines[i % 256]}${'xy'[i % 3 && 1]}\n`).join('')
    const fault = await faultOf(`${names.join(',')},y\n${many}`, optionsOf(library({numSteps: 1})))
    expect(fault).toMatchObject({code: 'solver-too-large'})
    expect(fault.suggestions).toEqual([expect.stringContaining('--set solver=exact')])
  })

  it.each<[options: ModelOptions, message: string]>([
    [library({C: 1}), 'The solver ml-logistic-regression has no model option C.'],
    [
      library({classWeight: 'balanced'}),
      'The solver ml-logistic-regression has no model option classWeight.',
    ],
    [{numSteps: 5}, 'The solver exact has no model option numSteps.'],
    [{solver: 'exact', learningRate: 0.1}, 'The solver exact has no model option learningRate.'],
  ])('has its own options: %j', async (options, message) => {
    expect(await faultOf(fileOf('xy'), optionsOf(options))).toMatchObject({
      code: 'model-option-invalid',
      message,
    })
  })
})
