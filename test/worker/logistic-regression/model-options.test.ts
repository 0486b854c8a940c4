import {readFileSync} from 'node:fs'
import {describe, expect, it} from 'vitest'
import {
  MODEL_OPTIONS,
  type ModelOptions,
  checkModelOptions,
  readOptionText,
} from '../../../worker/model-options.ts'
import {faultOf, processFile} from '../../support/process-file.ts'
import {randomFrom} from '../../support/random.ts'
import {schemaChecker} from '../../support/json-schema.ts'

const violationsOf = schemaChecker(new URL('../../../worker/report.schema.json', import.meta.url))

const {normal, uniform} = randomFrom(3)
const rows = Array.from({length: 400}, () => {
  const x = normal()
  const z = normal()
  const label = uniform() < 1 / (1 + Math.exp(1.2 - 1.5 * x)) ? 'bad' : 'good'
  return {x, z, price: Math.round(100 * Math.exp(x + z)), label}
})
const file = `x,z,code,y\n${rows.map(({x, z, label}, i) => `${x},${z},${i % 4},${label}\n`).join('')}`
const numbers = `x,z,price\n${rows.map(({x, z, price}) => `${x},${z},${price}\n`).join('')}`

const run = async (options: ModelOptions, content = file, more: Parameters<typeof processFile>[1] = {}) =>
  processFile(content, {...more, metadata: {'model-options': JSON.stringify(options)}})
const columnsOf = ({report}: Awaited<ReturnType<typeof run>>) =>
  report.coefficients[0]?.terms.map(({column}) => column)

describe('options of the model', () => {
  it.each([0.01, 1, 100])('set the penalty: with C = %d the penalized loss is lowest', async (C) => {
    const {report, model} = await run({C, transforms: 'off', exclude: ['code']})
    expect(report.model.penalty.l2).toBeCloseTo(1 / C, 9)
    const terms = report.coefficients[0]?.terms ?? []
    const weights = terms.map(({standardized}) => standardized)
    const [, second] = model.model.classifiers
    const intercept = -2 * (second?.weights[0]?.at(-1) ?? NaN)
    const gradient = weights.map((weight) => weight / C)
    for (const row of rows) {
      const values = model.preprocessing.numbers.map(
        ({mean, scale}, j) => ((j === 0 ? row.x : row.z) - mean) / scale,
      )
      const score = values.reduce((sum, value, j) => sum + value * (weights[j] ?? 0), intercept)
      const residual = 1 / (1 + Math.exp(-score)) - Number(row.label === 'good')
      values.forEach((value, j) => (gradient[j] = (gradient[j] ?? 0) + residual * value))
    }
    for (const slope of gradient) expect(Math.abs(slope)).toBeLessThan(1e-6)
  })

  it('are missed by name in other metadata, with a warning', async () => {
    const metadata = {C: '0.1', c: '1', Label_Column: 'y', id: '7', 'label-column': 'y', source: 'erp'}
    const {report} = await processFile(file, {metadata})
    expect(report.warnings.filter((warning) => warning.includes('metadata'))).toEqual([
      "The metadata C had no effect: set it with upload --set 'C=0.1', or as JSON in the metadata model-options.",
      "The metadata c had no effect: set it with upload --set 'C=1', or as JSON in the metadata model-options.",
      'The metadata Label_Column had no effect: its name is label-column.',
    ])
  })

  it('choose C by the loss on held-out rows', async () => {
    const {report, bytes} = await run({C: 'auto'})
    const named = await Promise.all([0.001, 0.01, 0.1, 1, 10, 100, 1000].map((C) => run({C})))
    const losses = named.map((one) => one.report.metrics.logLoss ?? Infinity)
    expect(report.metrics.logLoss).toBe(Math.min(...losses))
    // As if that C had been named.
    expect(named[losses.indexOf(Math.min(...losses))]?.bytes.equals(bytes)).toBe(true)
    expect(report.assumptions.join(' ')).toMatch(/C = [\d.]+ had the lowest loss on held-out rows/)
    expect(violationsOf(report)).toEqual([])
  })

  it('choose C by the loss in which the classes count alike, if they do in training', async () => {
    const few = `x,z,y\n${rows
      .slice(120, 180)
      .map(({x, z, label}, i) => `${x},${z},${i % 3 === 0 ? label : 'good'}\n`)
      .join('')}`
    const lossOf = ({lines}: Awaited<ReturnType<typeof run>>): number => {
      const [bad, good] = ['bad', 'good'].map((name) => {
        const losses = lines.flatMap((line) => {
          const fields = line.split(',')
          return fields[2] === name ? [-Math.log(Number(fields[name === 'bad' ? 4 : 5]))] : []
        })
        return losses.reduce((sum, loss) => sum + loss, 0) / losses.length
      })
      return ((bad ?? NaN) + (good ?? NaN)) / 2
    }
    const path = [0.001, 0.01, 0.1, 1, 10, 100, 1000]
    const losses: number[] = []
    for (const C of path) losses.push(lossOf(await run({C, classWeight: 'balanced'}, few)))
    const {report} = await run({C: 'auto', classWeight: 'balanced'}, few)
    expect(1 / (report.model.penalty.l2 ?? NaN)).toBeCloseTo(
      path[losses.indexOf(Math.min(...losses))] ?? NaN,
      9,
    )
  })

  it('set the threshold, in the result, the figures and the model', async () => {
    const {report, lines, model} = await run({threshold: 0.2, positiveClass: 'bad'})
    expect(report.label.classes.map(({name}) => name)).toEqual(['good', 'bad'])
    expect(lines[0]).toContain('probability_good,probability_bad')
    for (const line of lines.slice(1)) {
      const [prediction, , bad] = line.split(',').slice(-3)
      expect(prediction).toBe(Number(bad) >= 0.2 ? 'bad' : 'good')
    }
    const predicted = lines.filter((line) => line.split(',').at(-3) === 'bad').length
    expect(report.classes[1]?.predicted).toBe(predicted)
    const scored = await processFile(file, {
      metadata: {model: 'gs://models/m.json'},
      objects: {'gs://models/m.json': JSON.stringify(model)},
    })
    expect(scored.report.model.threshold).toBe(0.2)
    expect(scored.lines.some((line) => /,bad,0\.7\d*,0\.2/.test(line))).toBe(true)
  })

  it('balance the classes, and say so', async () => {
    const rare = file.replaceAll(/^.*bad$/gm, (row, at: number) => (at % 4 === 0 ? row : ''))
    const [plain, balanced] = [await run({}, rare), await run({classWeight: 'balanced'}, rare)]
    const [, good] = plain.report.classes
    expect(good?.recall.value).toBeGreaterThan(0.95)
    expect(balanced.report.classes[0]?.recall.value).toBeGreaterThan(
      0.2 + (plain.report.classes[0]?.recall.value ?? NaN),
    )
    expect(balanced.report.metrics.auc).toBeCloseTo(plain.report.metrics.auc ?? NaN, 1)
    expect(balanced.report.model.options).toEqual({classWeight: 'balanced'})
    expect(balanced.report.assumptions.join(' ')).toContain(
      'All classes have the same total weight in the fit',
    )
    expect(violationsOf(balanced.report)).toEqual([])
  })

  it('take the threshold with the highest F1 score', async () => {
    const f1 = ({classes: [, positive]}: Awaited<ReturnType<typeof run>>['report']) => {
      const [precision, recall] = [positive?.precision.value ?? 0, positive?.recall.value ?? 0]
      return (2 * precision * recall) / (precision + recall)
    }
    const best = f1((await run({maximize: 'f1'})).report)
    for (const threshold of [0.2, 0.4, 0.5, 0.6, 0.8])
      expect(f1((await run({threshold})).report)).toBeLessThanOrEqual(best)
  })

  it('choose the columns, and name those left out', async () => {
    const excluded = await run({exclude: ['code'], id: ['z']})
    expect(columnsOf(excluded)).toEqual(['x'])
    expect(excluded.report.leftOut).toEqual([
      {column: 'z', reason: 'identifier'},
      {column: 'code', reason: 'excluded'},
    ])
    expect(columnsOf(await run({include: ['z']}))).toEqual(['z'])
    expect(excluded.report.model.options).toEqual({exclude: ['code'], id: ['z']})
    expect(violationsOf(excluded.report)).toEqual([])
  })

  it('set folds, seed and transforms', async () => {
    const ten = await run({folds: 10})
    expect(ten.report.metrics.folds).toBe(10)
    const other = await run({seed: 7})
    expect(other.report.metrics.logLoss).not.toBe((await run({})).report.metrics.logLoss)
    const far = file.replaceAll(/^([-\d.]+),/gm, (_, x: string) => `${Math.exp(3 * Number(x))},`)
    expect((await run({}, far)).report.transforms).toHaveLength(1)
    expect((await run({transforms: 'off'}, far)).report.transforms).toEqual([])
  })

  it('blame a class with few rows for few folds only if fewer than asked for', async () => {
    const few = /only \d folds/
    expect((await run({folds: 3})).report.warnings.join(' ')).not.toMatch(few)
    const rare = `x,z,y\n${rows.map(({x, z}, i) => `${x},${z},${i < 2 ? 'rare' : 'good'}\n`).join('')}`
    expect((await run({folds: 3}, rare)).report.warnings.join(' ')).toContain('only 2 folds')
  })

  it('split a label of numbers at its median', async () => {
    const {report} = await run({bins: 2}, numbers, {labelColumn: 'price'})
    const [low, high] = report.label.classes
    expect([low?.name, high?.name]).toEqual([
      expect.stringMatching(/^up to \d/),
      expect.stringMatching(/^above \d/),
    ])
    expect(Math.abs((low?.rows ?? 0) - (high?.rows ?? 0))).toBeLessThan(20)
    expect(report.metrics.auc).toBeGreaterThan(0.9)
    const {suggestions} = await faultOf(numbers, {labelColumn: 'price'})
    expect(suggestions.join(' ')).toContain('--label-column price --bins 2')
    expect((await faultOf(numbers)).suggestions.join(' ')).toContain('--label-column price --bins 2')
  })

  it('of the pipeline give way to those of the file', async () => {
    const {report} = await run({C: 10}, file, {environment: {MODEL_OPTIONS: '{"C": 0.1, "folds": 3}'}})
    expect(report.model.options).toEqual({C: 10, folds: 3})
  })

  it.each<[ofPipeline: ModelOptions, ofFile: ModelOptions]>([
    [{threshold: 0.3}, {maximize: 'f1'}],
    [{maximize: 'f1'}, {threshold: 0.3}],
    [{include: ['x']}, {exclude: ['x']}],
    [{exclude: ['x']}, {include: ['x']}],
  ])('of the pipeline, %j, give way to those of the file that they exclude', async (ofPipeline, ofFile) => {
    const environment = {MODEL_OPTIONS: JSON.stringify({...ofPipeline, folds: 3})}
    const {report} = await run(ofFile, file, {environment})
    expect(report.model.options).toEqual({...ofFile, folds: 3})
  })
})

it('the smaller of two probabilities keeps its digits far below 1e-10', async () => {
  const far = `${file.replaceAll(/^(.*),\d,(\w+)$/gm, '$1,$2').replace('code,', '')}40,0,\n`
  const {report, lines} = await run({transforms: 'off'}, far)
  const [model] = report.coefficients
  const odds = (model?.intercept ?? 0) + 40 * (model?.terms[0]?.value ?? 0)
  const [bad, good] = (lines.at(-1) ?? '').split(',').slice(-2).map(Number)
  expect(Math.min(bad ?? 1, good ?? 1)).toBeLessThan(1e-15)
  expect(Math.min(bad ?? 1, good ?? 1) * Math.exp(Math.abs(odds))).toBeCloseTo(1, 5)
})

describe('options that cannot be used', () => {
  it.each<[string, string]>([
    ['{"c": 1}', 'model-option-invalid'],
    ['{"C": 0}', 'model-option-invalid'],
    ['{"threshold": 1}', 'model-option-invalid'],
    ['{"threshold": 0.5, "maximize": "f1"}', 'model-option-invalid'],
    ['{"exclude": "x"}', 'model-option-invalid'],
    ['[1]', 'model-option-invalid'],
    ['C=1', 'model-option-invalid'],
    ['{"exclude": ["zz"]}', 'option-column-missing'],
    ['{"include": ["y"]}', 'option-column-missing'],
    ['{"positiveClass": "ugly"}', 'option-class-missing'],
    ['{"bins": 2}', 'bins-need-numbers'],
  ])('%s are refused as %s', async (options, code) => {
    const fault = await faultOf(file, {metadata: {'model-options': options}})
    expect(fault.code).toBe(code)
    expect(fault.suggestions.length).toBeGreaterThan(0)
  })

  it('are named as they were typed', () => {
    const option = readOptionText('C=1e400')
    if ('fault' in option) throw new Error(option.fault.message)
    expect(checkModelOptions({[option.name]: option.value})).toMatchObject({
      fault: {message: expect.stringContaining('not "1e400"')},
    })
    expect(checkModelOptions(JSON.parse('{"C": 1e400}'))).toMatchObject({
      fault: {message: expect.stringContaining('not Infinity')},
    })
    expect(readOptionText('=1')).toMatchObject({fault: {message: 'A model option has no name.'}})
  })

  it('need two classes for a threshold', async () => {
    const three = file.replaceAll(/^(.*),0,\w+$/gm, '$1,0,ugly')
    expect((await faultOf(three, {metadata: {'model-options': '{"threshold": 0.3}'}})).code).toBe(
      'option-needs-two-classes',
    )
  })
})

it('the options are documented as they are declared', () => {
  const docs = readFileSync(new URL('../../../docs/model.md', import.meta.url), 'utf8')
  for (const [name, {rule, does}] of Object.entries(MODEL_OPTIONS))
    expect(docs).toContain(`| \`${name}\` | ${rule} | ${does} |`)
  expect(checkModelOptions({})).toEqual({options: {}})
})
