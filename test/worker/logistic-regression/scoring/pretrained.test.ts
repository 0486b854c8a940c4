import {describe, expect, it} from 'vitest'
import type {Artifact} from '../../../../worker/logistic-regression/training/model.ts'
import {schemaChecker} from '../../../support/json-schema.ts'
import {type FileOptions, type Processed, faultOf, processFile} from '../../../support/process-file.ts'
import {randomFrom} from '../../../support/random.ts'

const URI = 'gs://models/model.json'
const violationsOf = schemaChecker(new URL('../../../../worker/report.schema.json', import.meta.url))

/** Rows of gaps, far tails, rare levels and levels that only unlabelled rows have. */
function table(classes: string): {header: string[]; rows: string[][]} {
  const {uniform: random} = randomFrom(23)
  const rows = Array.from({length: 500}, (_, i) => {
    const x = random()
    const place = Math.min(classes.length - 1, Math.floor((0.6 * x + 0.4 * random()) * classes.length))
    const isLabelled = i % 5 !== 0
    return [
      String(x),
      i % 9 === 0 ? '' : String(Math.exp(9 * x + random())),
      isLabelled ? `t${i % 130}` : `t${i % 150}`,
      i % 11 === 0 ? 'NA' : i % 40 === 1 ? 'x' : `0${i % 3}`,
      isLabelled ? (classes[place] ?? '') : '',
    ]
  })
  return {header: ['x', 'wild', 'tag', 'code', 'y'], rows}
}

const text = (header: readonly string[], rows: readonly (readonly string[])[]): string =>
  [header, ...rows].map((row) => `${row.join(',')}\n`).join('')

const withModel = (model: Artifact | string, more: FileOptions = {}): FileOptions => ({
  ...more,
  metadata: {model: URI},
  objects: {[URI]: typeof model === 'string' ? model : JSON.stringify(model, null, 2)},
})

/** What was appended to the rows with these indexes. */
const appended = ({lines}: Processed, rows: readonly number[], fields: number): string[] =>
  rows.map((row) => (lines[row + 1] ?? '').split(',').slice(-fields).join(','))

describe('a model that was trained before', () => {
  it.each(['01', 'abc'])(
    'gives the very probabilities of the run that wrote it, with the classes %s',
    async (classes) => {
      const {header, rows} = table(classes)
      const first = await processFile(text(header, rows))
      expect(first.model.preprocessing.numbers.map(({transform}) => transform.kind)).toContain(
        'normal-scores',
      )
      expect(first.model.preprocessing.categories[0]).toMatchObject({pooled: true})
      const second = await processFile(text(header, rows), withModel(first.model))
      const unlabelled = rows.flatMap((row, i) => (row[4] === '' ? [i] : []))
      expect(unlabelled).toHaveLength(100)
      const fields = classes.length + 1
      expect(appended(second, unlabelled, fields)).toEqual(appended(first, unlabelled, fields))
      expect(second.model).toEqual(first.model)
      expect(second.lines[0]).toBe(first.lines[0])
    },
  )

  it('gives the very digits where the rows to learn from are kept as floats', {timeout: 60_000}, async () => {
    const {uniform} = randomFrom(11)
    const names = Array.from({length: 120}, (_, j) => `x${j}`)
    const lines = Array.from({length: 36_000}, (_, i) => {
      const cells = names.map(() => uniform().toFixed(4))
      return `${cells.join(',')},${i % 40 === 7 ? '' : Number(Number(cells[0]) + uniform() > 1)}\n`
    })
    const content = `${names.join(',')},y\n${lines.join('')}`
    const first = await processFile(content)
    const unlabelled = lines.flatMap((line, i) => (line.endsWith(',\n') ? [i] : []))
    const rows = unlabelled.map((i) => lines[i] ?? '').join('')
    const second = await processFile(`${names.join(',')},y\n${rows}`, withModel(first.model))
    expect(appended(second, [...unlabelled.keys()], 3)).toEqual(appended(first, unlabelled, 3))
  })

  it('finds its columns by name, and needs no label column', async () => {
    const {header, rows} = table('01')
    const {model, ...first} = await processFile(text(header, rows))
    // Without its one text, the column of codes would be one of numbers.
    const unlabelled = rows.flatMap((row, i) => (row[4] === '' ? [i] : []))
    expect(unlabelled.filter((i) => rows[i]?.[3] === 'x')).toEqual([])
    const turned = unlabelled
      .map((i) => rows[i] ?? [])
      .map(([x = '', wild = '', tag = '', code = '']) => [code, 'new', tag, wild, x])
    const second = await processFile(text(['code', 'added', 'tag', 'wild', 'x'], turned), withModel(model))
    expect(appended(second, [...unlabelled.keys()], 3)).toEqual(appended({...first, model}, unlabelled, 3))
    expect(second.report.leftOut).toEqual([{column: 'added', reason: 'not-in-model'}])
    expect(second.report.label).toMatchObject({column: 'y', chosenBy: 'model'})
    expect(second.report.rows).toEqual({total: 100, labelled: 0, predicted: 100})
    expect(second.report.metrics).toMatchObject({folds: 0, auc: null})
  })

  it('scores the file it was trained on where another column has the name of the label', async () => {
    const {header, rows} = table('01')
    const twice = header.map((name) => (name === 'x' ? 'y' : name))
    const first = await processFile(text(twice, rows))
    expect(first.report.label).toMatchObject({column: 'y', chosenBy: 'last-column'})
    const second = await processFile(text(twice, rows), withModel(first.model))
    const unlabelled = rows.flatMap((row, i) => (row[4] === '' ? [i] : []))
    expect(appended(second, unlabelled, 3)).toEqual(appended(first, unlabelled, 3))
    expect(second.report.rows).toEqual({total: 500, labelled: 0, predicted: 500})
    expect(second.report.leftOut).toEqual([{column: 'y (column 5)', reason: 'not-in-model'}])
  })

  it('is the pipeline’s where the file names neither a model nor a label column', async () => {
    const {header, rows} = table('01')
    const {model} = await processFile(text(header, rows))
    const other = await processFile(text(header, rows.slice(0, 200)))
    const ofPipeline = {
      environment: {MODEL: 'gs://models/pipeline.json', LABEL_COLUMN: 'code'},
      objects: {'gs://models/pipeline.json': JSON.stringify(model), [URI]: JSON.stringify(other.model)},
    }
    const usedOn = async (more: FileOptions) =>
      (await processFile(text(header, rows), {...ofPipeline, ...more})).report
    expect((await usedOn({})).model.pretrained?.uri).toBe('gs://models/pipeline.json')
    expect((await usedOn({})).label).toMatchObject({column: 'y', chosenBy: 'model'})
    expect((await usedOn({metadata: {model: URI}})).model.pretrained?.uri).toBe(URI)
    expect(await usedOn({labelColumn: 'y'})).toMatchObject({
      model: {pretrained: null},
      label: {column: 'y', chosenBy: 'object'},
    })
    expect((await usedOn({environment: {MODEL: ' '}})).model.pretrained).toBeNull()
  })

  it('is judged by the rows that have a label, and named in the report', async () => {
    const {header, rows} = table('01')
    const {model, report} = await processFile(text(header, rows))
    const second = await processFile(text(header, rows), withModel(model))
    expect(violationsOf(second.report)).toEqual([])
    expect(second.report.model.pretrained).toMatchObject({uri: URI})
    // A model's file does not tell.
    expect(second.report.model.penalty).toEqual({l2: null})
    expect(second.report.metrics.auc).toBeGreaterThan(report.metrics.auc ?? NaN)
    expect(second.report.warnings[0]).toContain('training included rows of this file')
    expect(second.report.coefficients[0]?.intercept).toBe(report.coefficients[0]?.intercept)
    expect(second.report.coefficients[0]?.terms.map(({value}) => value)).toEqual(
      report.coefficients[0]?.terms.map(({value}) => value),
    )
  })

  it('says what it does not know: categories, labels, gaps', async () => {
    const train = Array.from({length: 60}, (_, i) => [
      String(Math.sin(i)),
      'ab'[i % 2] ?? '',
      String((i * 7) % 3 === 0 ? 1 : 0),
    ])
    const {model} = await processFile(text(['x', 'kind', 'y'], train))
    const {report, lines} = await processFile(
      text(
        ['x', 'kind', 'y'],
        [
          ['0.5', 'c', '7'],
          ['', 'a', '1'],
          ['0.5', '', '0'],
        ],
      ),
      withModel(model),
    )
    expect(lines).toHaveLength(4)
    expect(report.rows).toEqual({total: 3, labelled: 2, predicted: 1})
    expect(report.warnings.slice(1)).toEqual([
      '1 rows have a label that the model does not know, and count as unlabelled; its classes are 0, 1.',
      'x has 1 missing numbers, but the model was trained without any: the median replaces them.',
      'kind has values that the model does not know and ignores: c.',
    ])
  })

  it('refuses a file that lacks a column, or has texts for numbers', async () => {
    const {header, rows} = table('01')
    const {model} = await processFile(text(header, rows))
    const lacking = rows.map(([, wild = '', tag = '', code = '']) => [wild, tag, code])
    const fault = await faultOf(text(['wildd', 'tag', 'code'], lacking), withModel(model))
    expect(fault).toMatchObject({code: 'model-column-missing', line: 1, column: 'x'})
    expect(fault.message).toBe('The file lacks 2 columns that the model needs: x, wild.')
    expect(fault.suggestions).toContain(
      'Similar columns of the file: wildd for wild. Rename what the model should use.',
    )
    const wrong = await faultOf(
      text(
        header,
        rows.map((row, i) => (i === 7 ? ['much', ...row.slice(1)] : row)),
      ),
      withModel(model),
    )
    expect(wrong).toMatchObject({code: 'model-column-not-numeric', column: 'x'})
  })
})

/** The artifact as JSON with another value at a path. */
function changed(artifact: Artifact, path: string, value: unknown): string {
  const copy: unknown = structuredClone(artifact)
  const keys = path.split('.')
  const last = keys.pop() ?? ''
  const parent = keys.reduce((part, key) => Reflect.get(Object(part), key), copy)
  Reflect.set(Object(parent), last, value)
  return JSON.stringify(copy)
}

describe('what is not a model', () => {
  it.each([
    ['format', 'onnx', 'format must be "cloud-runner/logistic-regression"'],
    ['version', 2, 'version must be 1'],
    ['classes', ['0'], 'classes must be two or more different names'],
    ['preprocessing', undefined, 'preprocessing must be an object'],
    ['preprocessing.numbers.0.scale', 0, 'preprocessing.numbers[0].scale must be a number above 0'],
    ['preprocessing.numbers.0.transform.kind', 'log', 'kind must be "identity" or "normal-scores"'],
    ['preprocessing.numbers.1.transform.from.3', -1e9, 'transform.from must be two or more rising numbers'],
    [
      'preprocessing.categories.0.commonest',
      -1,
      'preprocessing.categories[0].commonest must be a whole number',
    ],
    ['preprocessing.categories.0.pooled', 'yes', 'preprocessing.categories[0].pooled must be true or false'],
    ['model.classifiers.1.weights.0', [1, 2], 'model.classifiers[1].weights must be one row of'],
    ['model.classifiers.0.weights.0.0', null, 'model.classifiers[0].weights[0][0] must be a number'],
    ['model.classifiers', [], 'model.classifiers must be a list of 2'],
  ])('is refused: another %s, %j', async (path, value, message) => {
    const {header, rows} = table('01')
    const {model} = await processFile(text(header, rows))
    const fault = await faultOf(text(header, rows), withModel(changed(model, path, value)))
    expect(fault.code).toBe('model-invalid')
    expect(fault.message).toContain(`The model ${URI} cannot be used: `)
    expect(fault.message).toContain(message)
  })

  it('is refused if it is missing or not JSON', async () => {
    const {header, rows} = table('01')
    expect(await faultOf(text(header, rows), withModel('{"format": '))).toMatchObject({code: 'model-invalid'})
    expect(await faultOf(text(header, rows), {metadata: {model: 'gs://a/b'}})).toMatchObject({
      code: 'object-missing',
    })
  })
})
