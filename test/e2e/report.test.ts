import {readFile} from 'node:fs/promises'
import {join} from 'node:path'
import {parquetReadObjects} from 'hyparquet'
import {parquetWriteBuffer} from 'hyparquet-writer'
import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import {Cli} from '../support/cli.ts'

let cli: Cli

beforeAll(async () => {
  cli = await Cli.create()
  await cli.json(['setup'])
  await cli.json(['sample', '--output', 'train.csv'])
  await cli.json(['upload', 'train.csv', '--label-column', 'bankrupt', '--wait'])
}, 120_000)

afterAll(async () => {
  await cli[Symbol.asyncDispose]()
})

describe('report', () => {
  test('writes one HTML page, and does not overwrite it', async () => {
    const {exitCode, stdout} = await cli.run(['report', 'train.csv'])
    expect([exitCode, stdout]).toEqual([0, expect.stringContaining('train.csv.report.html')])
    const page = await readFile(join(cli.folder, 'train.csv.report.html'), 'utf8')
    expect(page).toMatch(/^<!doctype html>[\s\S]*<figcaption>ROC curve[\s\S]*<\/html>\n$/)
    const again = await cli.run(['report', 'train.csv'])
    expect([again.exitCode, again.stderr]).toEqual([1, expect.stringContaining('--force')])
    expect((await cli.run(['report', 'train.csv', '--force'])).exitCode).toBe(0)
    const piped = await cli.run(['report', 'train.csv', '--output', '-'])
    expect(piped.stdout).toBe(page)
  })

  test('writes one page for each of several files into a folder, and lists those without', async () => {
    await cli.write('bad.csv', 'a,b\n1\n')
    await cli.run(['upload', 'bad.csv', '--wait'])
    const {exitCode, stdout} = await cli.run(['report', '*.csv', '--output', 'quality/'])
    expect(stdout).toMatch(/^No report for bad\.csv: the file failed\./m)
    expect(stdout).toContain(`Written: 1 page to ${join(cli.folder, 'quality')}`)
    expect(exitCode).toBe(3)
    const page = await readFile(join(cli.folder, 'quality', 'train.csv.report.html'), 'utf8')
    expect(page).toContain('ROC curve')
    expect((await cli.run(['report', '*.csv'])).exitCode).toBe(2)
    const refused = async (...args: string[]) => (await cli.run([...args, '--run', '1'])).stderr
    expect(await refused('results', 'train.csv', 'bad.csv')).toContain(
      'cloud-runner results OBJECT --run 1\n',
    )
    expect(await refused('report', '*.csv')).toContain('cloud-runner report OBJECT --run 1\n')
  })

  test('and results take the name of a file that could be a glob', async () => {
    await cli.json(['upload', 'train.csv', '--name', 't[1].csv', '--label-column', 'bankrupt', '--wait'])
    const report = await cli.json(['report', 't[1].csv', '--output', 'one.html'])
    expect(report).toMatchObject({object: 't[1].csv', file: join(cli.folder, 'one.html')})
    const results = await cli.json(['results', 't[1].csv', '--output', 'one.csv'])
    expect(results).toMatchObject({written: {file: join(cli.folder, 'one.csv')}})
  })

  test('opens it with the browser that the user names', async () => {
    const shown = await cli.run(['report', 'train.csv', '--open', '--output', 'shown.html'], {
      environment: {BROWSER: 'true'},
    })
    expect(shown.exitCode).toBe(0)
    const none = await cli.run(['report', 'train.csv', '--open', '--output', 'none.html'], {
      environment: {BROWSER: 'no-such-browser'},
    })
    expect(none.exitCode).toBe(1)
    expect(none.stderr).toContain(`file://${join(cli.folder, 'none.html')}`)
  })

  test('reports what is wrong or missing in the input', async () => {
    expect((await cli.run(['report', 'train.csv', '--output', '-', '--json'])).exitCode).toBe(2)
    expect((await cli.run(['report', 'none.csv'])).stderr).toContain('No object none.csv')
  })
})

test('a label of numbers fails with the command that splits it', async () => {
  const rows = Array.from({length: 200}, (_, i) => `${(i * 37) % 101},${(i * 37) % 101}.${i}\n`)
  await cli.write('rooms.csv', `rooms,rent (EUR)\n${rows.join('')}`)
  const upload = ['upload', 'rooms.csv', '--label-column', 'rent (EUR)', '--wait']
  const failed = await cli.run(upload)
  expect(failed.exitCode).toBe(3)
  expect(failed.stdout + failed.stderr).toContain("--label-column 'rent (EUR)' --bins 2")
  await cli.json([...upload, '--bins', '2'])
  const {report} = await cli.json(['results', 'rooms.csv'])
  expect(report).toMatchObject({metrics: {baseRate: 0.5}, model: {options: {bins: 2}}})
})

describe('a result has the format of its file', () => {
  const rows = Array.from({length: 60}, (_, i) => ({
    size: ((i * 37) % 101) / 4,
    kind: `0${i % 3}`,
    y: i % 6 === 5 ? null : Number((i * 37) % 101 > 50),
  }))
  const columnOf = <K extends keyof (typeof rows)[number]>(key: K) => rows.map((row) => row[key])
  const upload = ['--label-column', 'y', '--wait']
  const scored = rows.map((row) => ({
    ...row,
    prediction: row.y ?? expect.toBeOneOf([0, 1]),
    probability_0: expect.any(Number),
    probability_1: expect.any(Number),
  }))

  test('JSON Lines', async () => {
    await cli.write('rows.jsonl', rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
    await cli.json(['upload', 'rows.jsonl', ...upload])
    await cli.json(['results', 'rows.jsonl', '--output', 'scored.jsonl'])
    const lines = (await readFile(join(cli.folder, 'scored.jsonl'), 'utf8')).trimEnd().split('\n')
    expect(lines.map((line): unknown => JSON.parse(line))).toEqual(scored)
    expect((await cli.run(['results', 'rows.jsonl'])).stdout).toMatch(/^AUC\s+1\.000 in 5 folds$/m)
  })

  test('Parquet', async () => {
    const columnData = [
      {name: 'size', data: columnOf('size'), type: 'DOUBLE' as const},
      {name: 'kind', data: columnOf('kind'), type: 'STRING' as const},
      {name: 'y', data: columnOf('y'), type: 'INT32' as const, nullable: true},
    ]
    await cli.write('rows.parquet', new Uint8Array(parquetWriteBuffer({columnData, rowGroupSize: 25})))
    await cli.json(['upload', 'rows.parquet', ...upload])
    await cli.json(['results', 'rows.parquet', '--output', 'scored.parquet'])
    const written = await readFile(join(cli.folder, 'scored.parquet'))
    const read = await parquetReadObjects({file: new Uint8Array(written).buffer})
    expect(read.map((row) => ({...row, prediction: Number(row['prediction'])}))).toEqual(scored)
    const {preview} = await cli.json(['results', 'rows.parquet'])
    expect(preview).toMatchObject({
      columns: ['size', 'kind', 'y', 'prediction', 'probability_0', 'probability_1'],
      rows: expect.arrayContaining([['0', '00', '0', '0', expect.any(String), expect.any(String)]]),
    })
  })
})

describe('model export', () => {
  test('writes a model by which upload scores another file', async () => {
    const exported = await cli.json(['model', 'export', 'train.csv', '--output', 'model.json'])
    expect(exported).toMatchObject({object: 'train.csv', file: join(cli.folder, 'model.json')})
    await cli.json(['sample', '--output', 'june.csv'])
    const {exitCode} = await cli.run(['upload', 'june.csv', '--model', 'model.json', '--wait'])
    expect(exitCode).toBe(0)
    expect((await cli.run(['results', 'june.csv'])).stdout).toContain('of a model trained earlier')
  })

  test('is what --fail-on-drift needs, of the file or of the pipeline', async () => {
    const bound = ['upload', 'june.csv', '--fail-on-drift', '0.25', '--wait']
    const without = await cli.run(bound)
    expect([without.exitCode, without.stderr]).toEqual([2, expect.stringContaining('needs a model')])
    expect((await cli.run([...bound, '--model', 'model.json'])).exitCode).toBe(0)
    await cli.json(['setup', '--model', 'model.json'])
    expect((await cli.run(bound)).exitCode).toBe(0)
  })

  test('goes with no label column of its own, and with models only', async () => {
    const both = await cli.run(['upload', 'june.csv', '--model', 'model.json', '--label-column', 'x'])
    const none = await cli.run(['upload', 'june.csv', '--model', 'june.csv'])
    expect([both.exitCode, none.exitCode]).toEqual([2, 2])
    expect(none.stderr).toContain('june.csv is not a model')
  })
})
