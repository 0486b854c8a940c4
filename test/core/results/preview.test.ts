import {readFile} from 'node:fs/promises'
import {Readable} from 'node:stream'
import {gzipSync} from 'node:zlib'
import {type ColumnSource, parquetWriteBuffer} from 'hyparquet-writer'
import {expect, test} from 'vitest'
import type {ObjectStore} from '../../../src/core/ports/objects.ts'
import {NoPreview} from '../../../src/core/results/parquet-preview.ts'
import {type Preview, readPreview} from '../../../src/core/results/preview.ts'
import {results} from '../../../src/core/results/results.ts'
import {render} from '../../../src/core/suggestion.ts'
import {showResults} from '../../../src/cli/show-results.ts'
import {startLocalPipeline} from '../../support/local-pipeline.ts'
import {processFile} from '../../support/process-file.ts'
import {putUnnoticed} from '../../support/unnoticed-uploads.ts'

/** Of pyarrow; see make_fixtures.py. */
const fixture = (name: string): Promise<Buffer> =>
  readFile(new URL(`../../fixtures/parquet/${name}`, import.meta.url))

const parquet = (columnData: ColumnSource[], options: {rowGroupSize?: number} = {}): Buffer =>
  Buffer.from(parquetWriteBuffer({columnData, codec: 'UNCOMPRESSED', ...options}))

/** Stores results in a local cloud; previews each, with the bytes that were read by range. */
async function startPreviews() {
  const {cloud, pipeline, signal, step} = await startLocalPipeline()
  await cloud.infrastructure.apply(pipeline, {image: undefined, signal, step})
  return async (content: string | Buffer, name: string): Promise<Preview & {bytesRead: number}> => {
    const object = await cloud.objects.upload({
      bucket: pipeline.names.outputBucket,
      name,
      source: {stream: Readable.from([Buffer.from(content)])},
      signal,
    })
    let bytesRead = 0
    const read: ObjectStore['read'] = (bucket, key, options) => {
      if (options.range) bytesRead += options.range.end - options.range.start
      return cloud.objects.read(bucket, key, options)
    }
    const preview = await readPreview({...cloud.objects, read}, object, 5, signal)
    if (preview === undefined) throw new Error(`${name} has no preview`)
    return {...preview, bytesRead}
  }
}

const numbers = (rows: number): number[] => Array.from({length: rows}, (_, i) => (i * 7919) % 1009)

test('a result in Parquet is previewed, with the cells that CSV would have', async () => {
  const preview = await startPreviews()
  for (const codec of ['none', 'snappy', 'zstd', 'gzip', 'brotli']) {
    const {bytes} = await processFile(await fixture(`${codec}.parquet`), {labelColumn: 'y'})
    const {columns, rows, omitted} = await preview(bytes, `${codec}.parquet`)
    expect(columns.join()).toBe(
      'whole,large,real,single,price,member,zip,kind,born,seen,__index_level_0__,y,prediction,probability_0,probability_1',
    )
    expect(rows.map((row) => row.slice(0, -2).join())).toEqual([
      '-50,1099511627776,0,0,0.00,true,01000,kind "0", ä,2024-02-29,2024-02-29T12:30:15.123Z,0,0,0',
      '-13,1099511628632,8.56,1.75,2.11,false,01001,kind "1", ä,2023-11-24,2024-02-29T13:30:15.123Z,7,0,1',
      '24,1099511628479,7.03,1.375,4.22,false,01002,kind "2", ä,2023-08-19,2024-02-29T14:30:15.123Z,14,1,1',
      '-40,1099511628326,5.5,1,6.33,true,01003,kind "0", ä,2023-05-14,2024-02-29T15:30:15.123Z,21,0,0',
      ',1099511628173,,0.625,,,,kind "1", ä,2023-02-06,2024-02-29T16:30:15.123Z,28,1,0',
    ])
    expect(Number(rows[0]?.at(-1)) + Number(rows[0]?.at(-2))).toBeCloseTo(1, 12)
    expect(omitted).toBeUndefined()
  }
})

test('nested and binary cells of Parquet are previewed as text', async () => {
  const preview = await startPreviews()
  const nested = await preview(await fixture('nested.parquet'), 'nested.parquet')
  expect(nested.columns.slice(-2)).toEqual(['tags', 'place'])
  expect(nested.rows.map((row) => row.slice(-2))).toEqual(
    Array.from({length: 5}, () => ['["a"]', '{"lat":1}']),
  )
  const binary = parquetWriteBuffer({
    columnData: [{name: 'b', data: [new Uint8Array([255, 2])]}],
    schema: [
      {name: 'root', num_children: 1},
      {name: 'b', type: 'FIXED_LEN_BYTE_ARRAY', type_length: 2, repetition_type: 'REQUIRED'},
    ],
  })
  expect((await preview(Buffer.from(binary), 'binary.parquet')).rows).toEqual([['ff02']])
})

test('the format of a result is told by its content', async () => {
  const preview = await startPreviews()
  const bytes = parquet([{name: 'a', data: numbers(2), type: 'INT32'}])
  const rows = {columns: ['a'], rows: [['0'], ['856']]}
  expect(await preview(bytes, 'a.csv')).toMatchObject(rows)
  expect(await preview('a\n0\n856\n', 'a.parquet')).toMatchObject(rows)
  for (const name of ['PARENT', 'PAR1'])
    expect(await preview(`${name}\n1\n`, 'a.csv')).toMatchObject({columns: [name], rows: [['1']]})
})

test('the delimiter of a preview is the one with which the rows fit the header', async () => {
  const preview = await startPreviews()
  const names = ['Preis (netto, in EUR, ohne Porto, je m2)', 'zahlt']
  expect(await preview(`${names.join(';')}\n-2,38;0\n1,5;1\n`, 'a.csv')).toMatchObject({
    columns: names,
    rows: [
      ['-2,38', '0'],
      ['1,5', '1'],
    ],
  })
  expect(await preview('"a","y"\n"1",-2.3,0\n"2",1.5,1\n', 'r.csv')).toMatchObject({
    columns: ['', 'a', 'y'],
    rows: [
      ['1', '-2.3', '0'],
      ['2', '1.5', '1'],
    ],
  })
})

test('only the pages of Parquet that have the first rows are read', async () => {
  const preview = await startPreviews()
  const tall = parquet(
    ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => ({
      name,
      data: numbers(500_000),
      type: 'DOUBLE',
      encoding: 'PLAIN',
    })),
    {rowGroupSize: 500_000},
  )
  const {rows, bytesRead} = await preview(tall, 'tall.parquet')
  expect(rows.map((row) => row.join())).toEqual(
    ['0', '856', '703', '550', '397'].map((cell) => Array(6).fill(cell).join()),
  )
  expect(bytesRead).toBeLessThan(tall.length / 2)

  const names = Array.from({length: 300}, (_, i) => `c${i}`)
  const wide = parquet(
    names.map((name) => ({name, data: numbers(10_000), type: 'DOUBLE', encoding: 'PLAIN'})),
    {rowGroupSize: 10_000},
  )
  const found = await preview(wide, 'wide.parquet')
  expect(found.bytesRead).toBeLessThan(18 * 1024 * 1024)
  expect(found.columns[0]).toBe('c0')
  expect(found.columns.slice(-4)).toEqual(['c296', 'c297', 'c298', 'c299'])
  expect(found.columns.length + (found.omitted ?? 0)).toBe(300)
  expect(found.omitted).toBeGreaterThan(0)
  expect(new Set(found.rows.map((row) => row.length))).toEqual(new Set([found.columns.length]))

  const small = await preview(parquet(names.map((name) => ({name, data: numbers(3)}))), 'small.parquet')
  expect(small.columns).toEqual(names)
  expect(small.rows).toHaveLength(3)
})

test('rows of Parquet are previewed across row groups, also if there are none', async () => {
  const preview = await startPreviews()
  const groups = parquet([{name: 'a', data: numbers(7), type: 'INT32'}], {rowGroupSize: 2})
  expect((await preview(groups, 'groups.parquet')).rows.flat()).toEqual(['0', '856', '703', '550', '397'])
  const none = parquet([{name: 'a', data: [], type: 'INT32'}])
  const empty = await preview(none, 'empty.parquet')
  expect(empty).toMatchObject({columns: ['a'], rows: []})
  expect(empty.bytesRead).toBe(none.length)
})

test('a result in Parquet that cannot be previewed says why', async () => {
  const preview = await startPreviews()
  const snappy = await fixture('snappy.parquet')
  const damaged = Buffer.from(snappy)
  damaged.fill(0xff, 30, 300)
  const cases: [content: Buffer, fault: RegExp, name?: string][] = [
    [await fixture('encrypted.parquet'), /^column a is encrypted$/],
    [Buffer.from('PARE\0\0\0\0PARE'), /^it is encrypted$/],
    [await fixture('lz4.parquet'), /^column whole cannot be read \(.*LZ4/],
    [snappy.subarray(0, 9000), /^its footer is damaged \(/],
    [Buffer.from('PAR1\0'), /^its footer is damaged/],
    [damaged, /^column whole cannot be read/],
    [gzipSync(snappy), /^it is compressed as a whole$/, 'packed.parquet.gz'],
  ]
  for (const [content, fault, name = 'bad.parquet'] of cases) {
    const found: unknown = await preview(content, name).catch((error: unknown) => error)
    expect(found).toBeInstanceOf(NoPreview)
    expect(found).toMatchObject({message: expect.stringMatching(fault)})
  }
})

test('results says why there is no preview, and is otherwise complete', async () => {
  const context = await startLocalPipeline()
  const [input] = await putUnnoticed(context, ['x.parquet'])
  await context.cloud.objects.upload({
    bucket: context.pipeline.names.outputBucket,
    name: input.name,
    source: {stream: Readable.from([await fixture('encrypted.parquet')])},
    metadata: {'source-generation': input.generation},
    signal: context.signal,
  })
  const found = await results({object: input.name}, context)
  expect(found).toMatchObject({file: {state: 'done'}, previewFault: 'column a is encrypted'})
  expect(showResults(found, render)).toContain('No preview: column a is encrypted.')
})
