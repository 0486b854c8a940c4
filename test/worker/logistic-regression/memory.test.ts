import {gunzipSync, gzipSync} from 'node:zlib'
import {describe, expect, it} from 'vitest'
import {schemaChecker} from '../../support/json-schema.ts'
import {processFile} from '../../support/process-file.ts'
import {randomFrom} from '../../support/random.ts'
import {handOn, reserveNumbers} from '../../../worker/logistic-regression/kept-memory.ts'

const violationsOf = schemaChecker(new URL('../../../worker/report.schema.json', import.meta.url))

/** Room for two or three thousand rows of these columns. */
const LITTLE = {environment: {MEMORY_LIMIT: '160.25Mi'}}

/** Rows with a number, a number with decimal commas, a category and a label, of which `share` are filled in. */
function fileOf(rows: number, share: number): string {
  const {uniform, normal} = randomFrom(6)
  const lines = Array.from({length: rows}, (_, i) => {
    const [x, z] = [normal(), normal()]
    const level = ['red', '"gr;een"', 'blue', ''][i % 4] ?? ''
    const y = uniform() < 1 / (1 + Math.exp(-(1.5 * x - z + Number(i % 4 === 1)))) ? 'yes' : 'no'
    const label = uniform() < share ? y : ''
    // Odd line ends and blank lines, which the result keeps and drops.
    const end = i % 97 === 0 ? '\n\n' : i % 31 === 0 ? '\n' : '\r\n'
    return `${level};${x.toFixed(4)};"${z.toFixed(3).replace('.', ',')}";${label}${end}`
  })
  return `\ufeff"color";x;z;y\r\n${lines.join('')}`
}

describe('a file that memory has no room for', () => {
  it('has the same result as with room, if there is room for what it learns from', async () => {
    const content = fileOf(9000, 0.15)
    const whole = await processFile(content)
    const streamed = await processFile(content, LITTLE)
    expect(streamed.bytes.equals(whole.bytes)).toBe(true)
    const {warnings, timings: _, ...report} = streamed.report
    const {warnings: __, timings: ___, ...expected} = whole.report
    expect(violationsOf(streamed.report)).toEqual([])
    const rows = {...expected.rows, sampled: expected.rows.labelled}
    expect(report).toEqual({...expected, rows})
    expect(warnings[0]).toMatch(/^Memory has no room for all of the file/)
    expect(streamed.model).toEqual(whole.model)
  })

  it('is predicted to the last bit as its model predicts it, however few rows have a label', async () => {
    const plain = fileOf(5000, 1)
      .replaceAll(/"(-?\d+),(\d+)";/g, '$1.$2;')
      .replaceAll('"gr;een"', 'green')
    for (const every of [1.5, 3, 20, 200]) {
      let row = 0
      const content = plain.replaceAll(/;(yes|no)/g, (label) => (row++ % every < 1 ? label : ';'))
      const {lines, model, report} = await processFile(content)
      expect(report.rows.labelled).toBeGreaterThan(20)
      const scored = await processFile(content, {
        metadata: {model: 'gs://models/m.json'},
        objects: {'gs://models/m.json': JSON.stringify(model)},
      })
      const unlabelled = (line: string): boolean => line.split(';')[3] === ''
      expect(lines.filter(unlabelled)).toHaveLength(report.rows.predicted)
      expect(scored.lines.filter(unlabelled)).toEqual(lines.filter(unlabelled))
    }
  })

  it('learns from a random sample of its rows, and predicts all', async () => {
    const content = fileOf(30_000, 0.9)
    const whole = await processFile(content)
    const streamed = await processFile(content, LITTLE)
    expect(streamed.lines.map((line) => line.split(';').slice(0, -3).join(';'))).toEqual(
      whole.lines.map((line) => line.split(';').slice(0, -3).join(';')),
    )
    const {rows, label, metrics, warnings, predictions} = streamed.report
    expect(label).toEqual(whole.report.label)
    expect(rows).toEqual({...whole.report.rows, sampled: rows.sampled})
    expect(rows.sampled).toBeGreaterThan(1000)
    expect(rows.sampled).toBeLessThan(4000)
    expect(Math.abs((metrics.auc ?? NaN) - (whole.report.metrics.auc ?? NaN))).toBeLessThan(0.03)
    expect(
      warnings.filter((text) => text.includes(`${rows.sampled?.toLocaleString('en')} of its `)),
    ).toHaveLength(1)
    expect(streamed.logs.filter(({message}) => message === warnings[0])).toHaveLength(1)
    expect(predictions?.reduce((sum, one) => sum + one.rows, 0)).toBe(rows.predicted)
    // Chosen at random, but always the same ones.
    expect((await processFile(content, LITTLE)).bytes.equals(streamed.bytes)).toBe(true)
  })

  it.each<[what: string, last: (a: number, b: number) => string, rows: number]>([
    ['a total', (a, b) => `Total;${a};${b};`, 9000],
    ['a row that says so only', (a, b) => `Total;${a + 1};${b};`, 9001],
    ['a row of sums', (a, b) => `B1;${a};${b};`, 9001],
  ])('ends as with room in %s', async (_, last, count) => {
    const {normal} = randomFrom(8)
    const rows = Array.from(
      {length: 9000},
      (__, i) => [`B${i % 7}`, normal() + 3, i % 17, i % 5 === 0] as const,
    )
    const [a, b] = rows.reduce(([x, z], row) => [x + row[1], z + row[2]], [0, 0])
    const content = ['branch;a;b;y', ...rows.map((row) => row.join(';')), last(a, b), ''].join('\n')
    const whole = await processFile(content)
    const streamed = await processFile(content, LITTLE)
    expect([whole.report.rows.total, streamed.report.rows.total]).toEqual([count, count])
    expect([whole.lines.length, streamed.lines.length]).toEqual([count + 1, count + 1])
    expect(streamed.report.rows.sampled).toBeLessThan(5000)
    expect(streamed.report.warnings.slice(1)).toEqual(whole.report.warnings)
  })

  it('of JSON Lines has the same result, too', async () => {
    const {uniform, normal} = randomFrom(2)
    const lines = Array.from({length: 9000}, (_, i) => {
      const x = normal()
      const label = i % 8 === 0 ? {y: uniform() < 1 / (1 + Math.exp(-2 * x)) ? 'a' : 'b'} : {}
      return `${JSON.stringify({x, z: i % 7, ...label})}\n`
    })
    const [content, options] = [lines.join(''), {object: 'file.jsonl', labelColumn: 'y'}]
    const whole = await processFile(content, options)
    const streamed = await processFile(content, {...options, ...LITTLE})
    expect(streamed.report.rows).toEqual({...whole.report.rows, sampled: whole.report.rows.labelled})
    expect(streamed.bytes.equals(whole.bytes)).toBe(true)
  })

  it('knows a class of two rows', async () => {
    const rare = fileOf(12_000, 1)
      .replace(/yes(?=\r?\n)/g, 'no')
      .split('no')
    const content = `${rare.slice(0, 11_000).join('no')}rare${rare.slice(11_000, 11_500).join('no')}rare${rare.slice(11_500).join('no')}`
    const {report} = await processFile(content, LITTLE)
    expect(report.label.classes.map(({name, rows}) => [name, name === 'rare' ? rows : 0])).toEqual([
      ['no', 0],
      ['rare', 2],
    ])
  })

  it('counts labels that a model does not know as with room', async () => {
    const model = JSON.stringify((await processFile(fileOf(2000, 1))).model)
    const options = {metadata: {model: 'gs://models/m.json'}, objects: {'gs://models/m.json': model}}
    let rows = 0
    const content = fileOf(20_000, 0.5).replaceAll('yes', (yes) => (rows++ % 9 === 0 ? 'maybe' : yes))
    const whole = await processFile(content, options)
    const streamed = await processFile(content, {...options, ...LITTLE})
    const {label, predictions} = streamed.report
    expect({...streamed.report.rows, sampled: undefined}).toEqual({...whole.report.rows, sampled: undefined})
    expect([label, predictions]).toEqual([whole.report.label, whole.report.predictions])
    const unknown = (report: typeof whole.report) =>
      report.warnings.filter((one) => one.includes('does not know'))
    expect(unknown(streamed.report)).toEqual(unknown(whole.report))
    expect(unknown(whole.report)).toHaveLength(1)
  })

  it('is scored by a model as with room, packed as it is', async () => {
    const model = JSON.stringify((await processFile(fileOf(2000, 1))).model)
    const options = {
      object: 'file.csv.gz',
      metadata: {model: 'gs://models/m.json'},
      objects: {'gs://models/m.json': model},
    }
    const content = gzipSync(fileOf(20_000, 0))
    const whole = await processFile(content, options)
    const streamed = await processFile(content, {...options, ...LITTLE})
    expect(gunzipSync(streamed.bytes).equals(gunzipSync(whole.bytes))).toBe(true)
    expect(streamed.report.rows.sampled).toBeLessThan(4000)
    expect(streamed.report.predictions).toEqual(whole.report.predictions)
  })
})

describe('memory that files hand on', () => {
  it('shows in no result, one after the other or at the same time', async () => {
    const contents = [fileOf(3000, 0.8), fileOf(40, 0.9), fileOf(700, 0.5), numbersOf(300, 30)]
    const first: Buffer[] = []
    for (const content of contents) first.push((await processFile(content)).bytes)
    for (let i = 0; i < contents.length; i++) {
      const again = await Promise.all(
        [i, i + 1, i].map((place) => processFile(contents[place % contents.length] ?? '')),
      )
      again.forEach(({bytes}, j) =>
        expect(bytes.equals(first[(i + (j % 2)) % contents.length] ?? Buffer.alloc(0))).toBe(true),
      )
    }
  })
})

/** Rows with that many numbers, some of them missing, and a label. */
function numbersOf(rows: number, columns: number): string {
  const {uniform, normal} = randomFrom(9)
  const line = (): string => {
    const numbers = Array.from({length: columns}, normal)
    const label = uniform() < 1 / (1 + Math.exp(-(numbers[0] ?? 0))) ? 1 : 0
    return [...numbers.map((value) => (uniform() < 0.05 ? '' : value.toFixed(3))), label].join(',')
  }
  const names = Array.from({length: columns}, (_, j) => `x${j}`)
  return [`${names.join(',')},y`, ...Array.from({length: rows}, line)].join('\n')
}

describe('a large file', () => {
  it('has what was learned from freed before its predictions are measured', async () => {
    const {normal} = randomFrom(8)
    const row = (): string => Array.from({length: 20}, () => Math.round(20 * normal())).join()
    const some = Array.from({length: 1000}, row)
    const lines = Array.from({length: 205_000}, (_, i) => `${some[i % 1000]},${(i * 7919) % 3 > 1 ? 1 : 0}\n`)
    const kernels: number[] = []
    const onLog = (message: string): void => {
      const {external, arrayBuffers} = process.memoryUsage()
      if (message.startsWith('Predicted')) kernels.push(external - arrayBuffers)
    }
    await processFile(`a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,y\n${lines.join('')}`, {onLog})
    // The design matrix alone had 39 MB.
    expect(kernels[0]).toBeLessThan(16 * 1024 * 1024)
  }, 60_000)

  it('takes the room of what is kept of small ones', () => {
    const small = reserveNumbers(1000)
    handOn(small)
    expect(small.length).toBe(1000)
    reserveNumbers(1_000_000)
    expect(small.length).toBe(0)
  })
})
