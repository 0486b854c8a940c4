import {readFileSync} from 'node:fs'
import {Readable} from 'node:stream'
import {parquetMetadata, parquetReadObjects} from 'hyparquet'
import {parquetWriteBuffer} from 'hyparquet-writer'
import {describe, expect, it} from 'vitest'
import {schemaChecker} from '../../../support/json-schema.ts'
import {openRanges} from '../../../../worker/logistic-regression/formats/parquet/bytes.ts'
import {PermanentError} from '../../../../worker/processor.ts'
import {type Processed, faultOf, processFile} from '../../../support/process-file.ts'
import {randomFrom} from '../../../support/random.ts'

const violationsOf = schemaChecker(new URL('../../../../worker/report.schema.json', import.meta.url))

/** Of pyarrow; see make_fixtures.py. */
const fixture = (name: string): Buffer =>
  readFileSync(new URL(`../../../fixtures/parquet/${name}`, import.meta.url))
const options = {labelColumn: 'y'}

const rowsOf = async ({bytes}: Pick<Processed, 'bytes'>): Promise<Record<string, unknown>[]> =>
  parquetReadObjects({file: new Uint8Array(bytes).buffer})

describe('Parquet', () => {
  it.each(['none', 'snappy'])('is read by row groups, with its types: %s', async (codec) => {
    const {report} = await processFile(fixture(`${codec}.parquet`), options)
    expect(violationsOf(report)).toEqual([])
    expect(report.rows).toEqual({total: 120, labelled: 105, predicted: 15})
    const kinds = new Map(report.coefficients[0]?.terms.map(({column, kind}) => [column, kind]))
    expect([...kinds.keys()]).toEqual(
      expect.arrayContaining(['whole', 'large', 'real', 'single', 'price', 'member', 'zip', 'kind']),
    )
    expect(
      report.coefficients[0]?.terms.flatMap(({column, level}) => (column === 'zip' ? level : [])),
    ).toEqual(expect.arrayContaining(['01000', '01001', '01002', '01003']))
    expect(report.leftOut).toEqual([
      {column: 'born', reason: 'date'},
      {column: 'seen', reason: 'date'},
      {column: '__index_level_0__', reason: 'identifier'},
    ])
    expect(report.assumptions[0]).toContain('The file is Parquet')
  })

  it('gives the model that the same numbers in CSV give', async () => {
    const leave = {metadata: {'model-options': '{"exclude": ["zip", "member", "born", "seen"]}'}}
    const fromParquet = await processFile(fixture('snappy.parquet'), {...options, ...leave})
    const fromCsv = await processFile(fixture('numbers.csv'), options)
    const rounded = ({report}: Processed) =>
      report.coefficients[0]?.terms.map(({column, level, standardized}) => [
        column,
        level,
        Number(standardized.toPrecision(9)),
      ])
    expect(rounded(fromParquet)).toEqual(rounded(fromCsv))
    expect(fromParquet.report.metrics.auc).toBe(fromCsv.report.metrics.auc)
  })

  it('keeps the bytes of its columns in the result, and has the predictions as typed columns', async () => {
    for (const codec of ['none', 'snappy', 'zstd', 'gzip', 'brotli']) {
      const input = fixture(`${codec}.parquet`)
      const processed = await processFile(input, {...options, chunkBytes: 1000})
      const {row_groups: groups, metadata_length: length} = parquetMetadata(new Uint8Array(input).buffer)
      expect(groups).toHaveLength(3)
      const footerStart = input.length - 8 - length
      expect(processed.bytes.subarray(0, footerStart).equals(input.subarray(0, footerStart))).toBe(true)
      if (codec !== 'none' && codec !== 'snappy') continue
      const [before, after] = [await rowsOf({bytes: input}), await rowsOf(processed)]
      expect(after).toHaveLength(120)
      after.forEach((row, i) => {
        expect(row).toMatchObject(before[i] ?? {})
        expect(Object.keys(row).slice(-3)).toEqual(['prediction', 'probability_0', 'probability_1'])
        expect([0n, 1n]).toContain(row['prediction'])
        expect(Number(row['probability_0']) + Number(row['probability_1'])).toBeCloseTo(1, 12)
      })
    }
  })

  it('can be given back its own result', async () => {
    const first = await processFile(fixture('snappy.parquet'), options)
    const second = await processFile(first.bytes, {
      metadata: {model: 'gs://models/m.json'},
      objects: {'gs://models/m.json': JSON.stringify(first.model)},
    })
    const rows = await rowsOf(second)
    expect(Object.keys(rows[0] ?? {}).slice(-3)).toEqual([
      'prediction_2',
      'probability_0_2',
      'probability_1_2',
    ])
    const unlabelled = rows.filter(({y}) => y === null || y === undefined)
    expect(unlabelled).toHaveLength(15)
    for (const row of unlabelled) expect(row['probability_1_2']).toBe(row['probability_1'])
  })

  it('has numbers that are those of their texts, across row groups', async () => {
    const rows = 3000
    const {uniform: random} = randomFrom(7)
    const numbers = Array.from({length: rows}, () => random())
    const columns = {
      real: numbers.map((value, i) => [null, -0, NaN, Infinity, -Infinity, 5e-324, 1.7e308][i] ?? value),
      large: numbers.map((value) => 2n ** 53n + BigInt(Math.floor(value * 1e6)) + 1n),
      small: numbers.map((value, i) => (i % 50 === 0 ? null : Math.floor(value * 100))),
      code: numbers.map((value) => Math.floor(value * 1e4) % 4),
      y: numbers.map((value, i) => (i % 10 === 9 ? null : Number(value + random() > 1))),
    }
    const written = parquetWriteBuffer({
      columnData: [
        {name: 'real', data: columns.real, type: 'DOUBLE', nullable: true},
        {name: 'large', data: columns.large, type: 'INT64'},
        {name: 'small', data: columns.small, type: 'INT32', nullable: true},
        {name: 'code', data: columns.code, type: 'INT32'},
        {name: 'y', data: columns.y, type: 'INT32', nullable: true},
      ],
      rowGroupSize: 70,
    })
    const cell = (value: number | bigint | null | undefined) =>
      value === null || Number.isNaN(value) ? '' : String(value)
    const lines = numbers.map((_, i) =>
      Object.values(columns)
        .map((column) => cell(column[i]))
        .join(),
    )
    const csv = `${Object.keys(columns).join()}\n${lines.join('\n')}\n`
    const [fromParquet, fromCsv] = await Promise.all([processFile(Buffer.from(written)), processFile(csv)])
    expect(fromParquet.model).toEqual(fromCsv.model)
    expect(fromParquet.report.leftOut).toEqual(fromCsv.report.leftOut)
    expect(fromParquet.report.warnings).toEqual(fromCsv.report.warnings)

    // Also if memory has room for some rows only, and the others are read again.
    const little = {environment: {MEMORY_LIMIT: '160.1Mi'}}
    const [some, same] = [await processFile(Buffer.from(written), little), await processFile(csv, little)]
    expect(some.report.rows).toEqual(same.report.rows)
    expect(some.report.rows.sampled).toBeLessThan(rows)
    expect(some.model).toEqual(same.model)
    const last = (await rowsOf(some)).map((row) => Number(row['probability_1']).toPrecision(6))
    expect(last).toEqual(same.lines.slice(1).map((line) => Number(line.split(',').at(-1)).toPrecision(6)))
  })

  it('has columns of as many numbers as the file has rows', async () => {
    const {uniform} = randomFrom(3)
    const data = Array.from({length: 200}, (_, i) => [i + 1, uniform(), i % 3 === 0 ? 1 : 0] as const)
    const names = ['counter', 'x', 'y']
    const bytes = parquetWriteBuffer({
      columnData: names.map((name, i) => ({name, data: data.map((row) => row[i] ?? 0), type: 'DOUBLE'})),
    })
    const csv = [names, ...data].map((row) => row.join()).join('\n')
    const [fromParquet, fromCsv] = await Promise.all([processFile(Buffer.from(bytes)), processFile(csv)])
    expect(fromCsv.report.leftOut).toEqual([{column: 'counter', reason: 'identifier'}])
    expect(fromParquet.report.leftOut).toEqual(fromCsv.report.leftOut)
  })

  it('is scored by a model that takes numbers for texts, and without a label', async () => {
    const lines = Array.from(
      {length: 60},
      (_, i) => `{"code":"${i % 3}","y":${Number(i % 7 < 1 + (i % 3) * 2)}}\n`,
    )
    const {model} = await processFile(lines.join(''), options)
    expect(model.preprocessing.categories[0]?.levels).toEqual(['0', '1', '2'])
    const bytes = parquetWriteBuffer({columnData: [{name: 'code', data: [2, 0, 1], type: 'INT32'}]})
    const scored = await processFile(Buffer.from(bytes), {
      metadata: {model: 'gs://models/m.json'},
      objects: {'gs://models/m.json': JSON.stringify(model)},
    })
    const found = (await rowsOf(scored)).map((row) => Number(row['probability_1']))
    const [ofTwo = NaN, ofNone = NaN, ofOne = NaN] = found
    expect(ofTwo).toBeGreaterThan(ofOne)
    expect(ofOne).toBeGreaterThan(ofNone)

    const numeric = await processFile(
      `x,y\n${Array.from({length: 40}, (_, i) => `${i % 11},${Number(i % 11 > (i % 5) + 2)}\n`).join('')}`,
      options,
    )
    const alone = parquetWriteBuffer({
      columnData: [{name: 'x', data: [1.5, null, 9], type: 'DOUBLE', nullable: true}],
    })
    const rows = await rowsOf(
      await processFile(Buffer.from(alone), {
        metadata: {model: 'gs://models/m.json'},
        objects: {'gs://models/m.json': JSON.stringify(numeric.model)},
      }),
    )
    expect(rows.map(({prediction}) => Number(prediction))).toEqual([0, expect.any(Number), 1])
  })

  it('is read as CSV is if every column is text', async () => {
    const {report} = await processFile(fixture('texts.parquet'), options)
    expect(report.coefficients[0]?.terms[0]).toMatchObject({column: 'a', kind: 'numeric'})
    expect(report.rows.predicted).toBe(5)
  })

  it('may have one column besides the label, with gaps', async () => {
    const bytes = parquetWriteBuffer({
      columnData: [
        {name: 'a', data: Array.from({length: 30}, (_, i) => (i % 4 === 0 ? null : i % 7)), type: 'DOUBLE'},
        {name: 'spam', data: Array.from({length: 30}, (_, i) => i % 2 === 0), type: 'BOOLEAN'},
      ],
    })
    const {report, ...processed} = await processFile(Buffer.from(bytes))
    expect(report.label.classes.map(({name}) => name)).toEqual(['false', 'true'])
    expect(new Set((await rowsOf({...processed})).map(({prediction}) => typeof prediction))).toEqual(
      new Set(['boolean']),
    )
  })

  it('has predictions of text if the label is text', async () => {
    const data = Array.from({length: 30}, (_, i) => i % 7)
    const bytes = parquetWriteBuffer({
      columnData: [
        {name: 'a', data, type: 'INT32'},
        {name: 'y', data: data.map((value) => String(value % 2)), type: 'STRING'},
      ],
    })
    const rows = await rowsOf(await processFile(Buffer.from(bytes)))
    expect(['0', '1']).toContain(rows[0]?.['prediction'])
  })

  it('is refused if memory has no room for a row group', async () => {
    const data = Array.from({length: 200_000}, (_, i) => i % 7)
    const columnData = 'abcdefgh'.split('').map((name) => ({name, data, type: 'INT32' as const}))
    const bytes = parquetWriteBuffer({columnData, rowGroupSize: 200_000})
    const fault = await faultOf(Buffer.from(bytes), {environment: {MEMORY_LIMIT: '180Mi'}})
    expect(fault).toMatchObject({code: 'row-group-too-large'})
    expect(fault.message).toMatch(/^Row group 1 of the Parquet file, 200000 rows, takes about \d+ MB/)
    expect(fault.suggestions[0]).toMatch(/row_group_size=\d+/)
  })

  it('is not taken for broken if the storage sends too few bytes', async () => {
    const opened = openRanges({
      bucket: 'b',
      object: 'a.parquet',
      generation: '1',
      sizeBytes: 9,
      contentType: '',
      metadata: {},
      open: async () => Readable.from([Buffer.from('PAR1')]),
    })
    await expect(opened).rejects.toThrow('The storage sent only 4 of 9 bytes of a.parquet.')
    await expect(opened).rejects.not.toBeInstanceOf(PermanentError)
  })

  const snappy = fixture('snappy.parquet')
  const damaged = Buffer.from(snappy)
  damaged.fill(0xff, 30, 300)
  const changed = (at: number, to: (byte: number) => number, name = 'snappy.parquet'): Buffer => {
    const bytes = fixture(name)
    bytes[at] = to(bytes[at] ?? 0)
    return bytes
  }
  const firstChunk = parquetMetadata(new Uint8Array(snappy).buffer).row_groups[0]?.columns[0]?.meta_data
  const dataPage = Number(firstChunk?.data_page_offset)
  const badFooter = Buffer.from(snappy)
  badFooter
    .fill(0xff, snappy.length - 8 - snappy.readUInt32LE(snappy.length - 8))
    .write('PAR1', snappy.length - 4)
  snappy.copy(badFooter, snappy.length - 8, snappy.length - 8)
  it.each<[what: string, content: Buffer, fault: object, message: RegExp]>([
    [
      'it is cut off',
      snappy.subarray(0, 9000),
      {code: 'broken-parquet'},
      /its 9000 bytes do not end with the footer/,
    ],
    ['it is only the start', snappy.subarray(0, 5), {code: 'broken-parquet'}, /5 bytes/],
    [
      'a column is damaged',
      damaged,
      {code: 'broken-parquet', column: 'whole'},
      /column whole of row group 1, rows 1 to 50, is damaged: page \d, at byte \d+ of the file, has no valid header\./,
    ],
    [
      'a page has another size than its header says',
      // The size in memory: the second varint after the type.
      changed(dataPage + 3, (byte) => byte ^ 0x02),
      {code: 'broken-parquet', column: 'whole'},
      /row group 1, rows 1 to 50, is damaged: its data, bytes \d+ to \d+ of the file, cannot be decoded\./,
    ],
    [
      'a page reaches beyond its column',
      Buffer.concat([snappy.subarray(0, dataPage + 5), Buffer.from([0xfe]), snappy.subarray(dataPage + 6)]),
      {code: 'broken-parquet', column: 'whole'},
      /page \d, at byte \d+ of the file, (has a size that reaches beyond its column|has no valid header)\./,
    ],
    [
      'a page differs from its checksum',
      changed(120, (byte) => byte ^ 0x01, 'checksums.parquet'),
      {code: 'broken-parquet', column: 'a'},
      /column a of row group 1, rows 1 to 20, is damaged: page 1, at byte 4 of the file, does not match its checksum\./,
    ],
    [
      'something follows its end',
      Buffer.concat([snappy, Buffer.from('\n')]),
      {code: 'broken-parquet'},
      /so it is cut off, or something follows its end/,
    ],
    ['the footer is damaged', badFooter, {code: 'broken-parquet'}, /cannot be read/],
    [
      'its codec is unknown',
      fixture('lz4.parquet'),
      {code: 'codec-unknown', column: 'whole'},
      /compressed with LZ4/,
    ],
    [
      'a column is encrypted',
      fixture('encrypted.parquet'),
      {code: 'encrypted-column', column: 'a'},
      /A column of the Parquet file is encrypted: a\./,
    ],
    [
      'columns are nested',
      fixture('nested.parquet'),
      {code: 'nested-column', column: 'tags'},
      /nested.*tags, place/,
    ],
  ])('is refused if %s', async (_, content, fault, message) => {
    const found = await faultOf(content, options)
    expect(found).toMatchObject(fault)
    expect(found.message).toMatch(message)
    expect(found.suggestions.join(' ')).toMatch(/pandas|to_parquet/)
  })

  it('is refused if it is packed as a whole', async () => {
    const {gzipSync} = await import('node:zlib')
    expect(await faultOf(gzipSync(snappy), {object: 'a.parquet.gz'})).toMatchObject({code: 'not-csv'})
  })

  it('is refused or read wherever one byte is wrong, never with words of the parser', async () => {
    const errors = new Set<string>()
    const messages: string[] = []
    for (let at = 0; at < snappy.length; at += 97) {
      await processFile(
        changed(at, (byte) => byte ^ 0x55),
        options,
      ).catch((error: unknown) => {
        errors.add(error instanceof Error ? error.name : String(error))
        messages.push(error instanceof Error ? error.message : '')
      })
    }
    expect([...errors]).toEqual(['PermanentError'])
    expect(messages.length).toBeGreaterThan(20)
    expect(
      messages.filter((text) => /undefined|NaN|thrift|typed array|DataView|parquet /.test(text)),
    ).toEqual([])
  })

  it('is read if its pages match their checksums', async () => {
    expect((await processFile(fixture('checksums.parquet'))).report.rows.total).toBe(20)
  })
})
