import {gunzipSync, gzipSync} from 'node:zlib'
import * as fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {schemaChecker} from '../../../support/json-schema.ts'
import {faultOf, processFile} from '../../../support/process-file.ts'

const violationsOf = schemaChecker(new URL('../../../../worker/report.schema.json', import.meta.url))

const records = Array.from({length: 60}, (_, i) => ({
  amount: i % 7 === 3 ? null : Math.round(1e6 * Math.sin(i)) / 1e4,
  zip: `0${1000 + (i % 4)}`,
  member: i % 3 === 0,
  since: `2024-0${1 + (i % 9)}-1${i % 10}`,
  note: `a "quoted" text, with\nlines ${i % 5}`,
  y: i % 6 === 5 ? null : (i * 7) % 3 === 0 ? 1 : 0,
}))
const linesOf = (rows: readonly object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('')
const csvOf = (rows: readonly Record<string, unknown>[]): string =>
  [
    Object.keys(rows[0] ?? {}).join(','),
    ...rows.map((row) =>
      Object.values(row)
        .map((cell) =>
          typeof cell === 'string'
            ? `"${cell.replaceAll('"', '""')}"`
            : cell === null
              ? ''
              : JSON.stringify(cell),
        )
        .join(','),
    ),
    '',
  ].join('\n')
const parsed = (lines: readonly string[]) => lines.map((line): Record<string, unknown> => JSON.parse(line))

describe('JSON Lines', () => {
  it('are read like the same table in CSV, but for texts of digits', async () => {
    const numbers = records.map(({amount, member, note, y}) => ({amount, member, note, y}))
    const [fromLines, fromCsv] = [await processFile(linesOf(numbers)), await processFile(csvOf(numbers))]
    expect(fromLines.report.coefficients).toEqual(fromCsv.report.coefficients)
    expect(fromLines.report.metrics).toEqual(fromCsv.report.metrics)
    expect(violationsOf(fromLines.report)).toEqual([])
    expect(fromLines.report.assumptions[0]).toContain('The file is JSON Lines')
    const {report} = await processFile(linesOf(records))
    const zip = report.coefficients[0]?.terms.filter(({column}) => column === 'zip')
    expect(zip?.map(({level}) => level)).toEqual(['01000', '01001', '01002', '01003'])
    expect(report.leftOut).toEqual([{column: 'since', reason: 'date'}])
  })

  it('get their predictions as last keys, with types, and stay as they are otherwise', async () => {
    const {lines, report} = await processFile(linesOf(records))
    expect(lines).toHaveLength(60)
    lines.forEach((line, i) => expect(line.startsWith(JSON.stringify(records[i]).slice(0, -1))).toBe(true))
    const result = parsed(lines)
    expect(Object.keys(result[0] ?? {})).toEqual([
      ...Object.keys(records[0] ?? {}),
      'prediction',
      'probability_0',
      'probability_1',
    ])
    for (const {prediction, probability_0: none, probability_1: one} of result) {
      expect([0, 1]).toContain(prediction)
      expect(Number(none) + Number(one)).toBeCloseTo(1, 5)
    }
    expect(report.rows).toEqual({total: 60, labelled: 50, predicted: 10})
  })

  it.each([
    [['no', 'yes'], 'no'],
    [[false, true], false],
    [[1.5, 2], 1.5],
  ])('predict classes in the type of the label: %j', async (classes, first) => {
    const rows = records.map(({amount}, i) => ({amount, b: i % 5, y: classes[i < 4 ? 0 : i % 2]}))
    const result = parsed((await processFile(linesOf(rows))).lines)
    expect(new Set(result.map(({prediction}) => typeof prediction))).toEqual(new Set([typeof first]))
    expect(classes).toContain(result[0]?.['prediction'])
  })

  it('predict texts if the label is text, whatever its classes look like', async () => {
    for (const other of [1, 'all texts']) {
      const rows = records.map((_, i) => ({a: other === 1 ? i % 5 : `${i % 5}`, y: `${i % 2}`}))
      const result = parsed((await processFile(linesOf(rows))).lines)
      expect(new Set(result.map(({prediction}) => prediction))).toEqual(new Set(['0', '1']))
    }
  })

  it('may have NUL in texts and keys', async () => {
    const rows = records.map(({y}, i) => ({'zip\0': `0${i % 3}\0`, b: i % 5, y}))
    const {lines, report} = await processFile(linesOf(rows))
    expect(lines[7]?.startsWith(JSON.stringify(rows[7]).slice(0, -1))).toBe(true)
    expect(report.coefficients[0]?.terms).toContainEqual(
      expect.objectContaining({column: 'zip\ufffd', level: '01\ufffd'}),
    )
  })

  it('may lack keys, have them in any order, blank lines, blanks, a mark, CR LF and no last line end', async () => {
    const rows = records.map(({amount, member, y}, i) =>
      i % 4 === 0 ? {y, member} : {member, amount, ...(i === 50 ? {late: 7} : {}), y},
    )
    const text = `\ufeff${rows.map((row) => ` ${JSON.stringify(row)} `).join('\r\n\r\n')}`
    const {lines, report} = await processFile(text, {labelColumn: 'y', chunkBytes: 7})
    expect(report.rows.total).toBe(60)
    const kept = parsed(lines).map((row) =>
      Object.fromEntries(Object.entries(row).filter(([name]) => !/^pr(ediction|obability)/.test(name))),
    )
    expect(kept).toEqual(JSON.parse(JSON.stringify(rows)))
  })

  it('are read as CSV is if every value is a text', async () => {
    const texts = records.map(({amount, y}) => ({amount: String(amount ?? ''), y: String(y ?? '')}))
    const {report} = await processFile(linesOf(texts))
    expect(report.coefficients[0]?.terms[0]).toMatchObject({column: 'amount', kind: 'numeric'})
  })

  it('are unpacked and packed, and scored with a model from CSV', async () => {
    const rows = records.map(({amount, zip, member, y}) => ({amount, zip, member, y}))
    const {model} = await processFile(csvOf(rows), {metadata: {'model-options': '{"exclude": ["zip"]}'}})
    const {bytes, report} = await processFile(gzipSync(linesOf(rows)), {
      object: 'june.jsonl.gz',
      metadata: {model: 'gs://models/m.json'},
      objects: {'gs://models/m.json': JSON.stringify(model)},
    })
    const lines = gunzipSync(bytes).toString('utf8').trim().split('\n')
    expect(lines).toHaveLength(60)
    expect(report.leftOut).toEqual([{column: 'zip', reason: 'not-in-model'}])
  })

  it('keep any texts of keys and values', async () => {
    const text = fc.string({unit: 'grapheme', maxLength: 12})
    const cell = fc.oneof(text, fc.double(), fc.boolean(), fc.constant(null))
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.dictionary(text, cell, {maxKeys: 4}), {minLength: 4, maxLength: 9}),
        async (rows) => {
          const labelled = rows.map((row, i) => ({...row, 'the label': i % 2}))
          const {lines} = await processFile(linesOf(labelled), {labelColumn: 'the label'})
          const kept = JSON.parse(JSON.stringify(labelled))
          parsed(lines).forEach((row, i) => expect(row).toMatchObject(kept[i]))
        },
      ),
      {numRuns: 60},
    )
  })

  it.each<[what: string, content: string, fault: object]>([
    ['a line that is cut off', `${linesOf(records)}{"amount": 1`, {code: 'not-json', line: 61}],
    ['a line of CSV', `${linesOf(records)}1,2,3\n`, {code: 'not-json', line: 61}],
    ['a list of rows in a line', `${linesOf(records)}[{"a": 1}]\n`, {code: 'not-json', line: 61}],
    [
      'an object in a cell',
      '{"a": 1, "b": {"c": 2}, "y": 1}\n',
      {code: 'nested-value', line: 1, column: 'b'},
    ],
    [
      'a list in a cell',
      '{"a": 1, "y": 1}\n\n{"a": [2], "y": 0}\n',
      {code: 'nested-value', line: 3, column: 'a'},
    ],
    ['lines without keys', '{}\n{}\n', {code: 'no-header', line: 1}],
    ['a document of several lines', '{\n "a": 1\n}\n', {code: 'not-csv', line: 1}],
    ['a list', '[{"a": 1}, {"a": 2}]\n', {code: 'not-csv', line: 1}],
  ])('are refused by line: %s', async (_, content, fault) => {
    expect(await faultOf(content)).toMatchObject(fault)
  })

  it.each(['NaN', 'Infinity', '-Infinity'])('are refused by name if they have %s', async (number) => {
    const content = `${linesOf(records)}{"amount": ${number}, "y": 1}\n`
    expect(await faultOf(content)).toMatchObject({
      code: 'not-json',
      line: 61,
      message: `Line 61 has the number ${number}, which JSON does not have.`,
    })
  })

  it('keep the digits of whole numbers that no double holds', async () => {
    const long = (i: number) => 2n ** 53n + BigInt(i)
    const text = records
      .map((_, i) => `{"id": ${long(i)}, "a": ${i % 7}, "y": ${long((i * 7) % 3 > 0 ? 1 : 0)}}`)
      .join('\n')
    const {lines, report} = await processFile(text)
    expect(report.leftOut).toEqual([{column: 'id', reason: 'identifier'}])
    expect(report.label.classes.map(({name}) => name)).toEqual(['9007199254740992', '9007199254740993'])
    lines.forEach((line, i) => expect(line).toContain(`"id": ${long(i)},`))
  })

  it('have numbers beyond any double as missing ones', async () => {
    const rows = records.map(({y}, i) => `{"a": ${['1e400', '-1e999', '1e-400'][i] ?? i % 5}, "y": ${y}}`)
    const {lines, report} = await processFile(rows.join('\n'))
    expect(report.warnings).toEqual(['Cells like inf or #DIV/0! among numbers were treated as missing: a.'])
    expect(lines[0]).toMatch(/^\{"a": 1e400, "y": /)
  })

  it('are refused if a line is not UTF-8', async () => {
    const content = Buffer.concat([Buffer.from(linesOf(records)), Buffer.from('{"a": "\xe4"}\n', 'latin1')])
    expect(await faultOf(content)).toMatchObject({code: 'not-utf8', line: 61})
  })
})
