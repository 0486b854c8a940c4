import {Readable} from 'node:stream'
import * as fc from 'fast-check'
import {expect, it} from 'vitest'
import {readRecords} from '../../../../worker/logistic-regression/csv/records.ts'
import {type RecordBlock, fieldText} from '../../../../worker/logistic-regression/csv/scanner.ts'
import {Pacer} from '../../../../worker/logistic-regression/pacer.ts'
import {PermanentError} from '../../../../worker/processor.ts'
import {type CsvReading, readByCsvParse} from '../../../support/csv-parse-oracle.ts'

const DOCUMENTS = Number(process.env['CSV_DOCUMENTS'] ?? 10_000)
const HEADER = 'a,"b\n""c",d'

/** @returns undefined if the file is read as more than its header and rows: csv-parse does not */
async function read(text: string, chunkBytes: number): Promise<CsvReading | undefined> {
  const bytes = Buffer.from(text)
  const records: string[][] = []
  const input = {
    bucket: 'in',
    object: 'file.csv',
    generation: '1',
    sizeBytes: bytes.length,
    contentType: undefined,
    metadata: {},
    open: async () => Readable.from(chunksOf(bytes, chunkBytes), {objectMode: false}),
  }
  let isPlain = false
  const pacer = new Pacer(new AbortController().signal)
  try {
    const {ends} = await readRecords(
      input,
      {
        needsEnds: true,
        header: (names, {form, titles, units}) => {
          isPlain = form === 'complete' && titles === 0 && units === undefined
          records.push([...names])
        },
        rows: (block) => {
          for (let column = 0; column < block.columns; column++) expectNumbers(block, column)
          for (let record = 0; record < block.records; record++) {
            const first = record * block.columns
            records.push(Array.from({length: block.columns}, (_, field) => fieldText(block, first + field)))
          }
        },
      },
      pacer,
    )
    return isPlain ? {records, ends: [...ends], fault: undefined} : undefined
  } catch (error) {
    if (!(error instanceof PermanentError)) throw error
    return isPlain ? {records, ends: [], fault: {code: error.code, column: error.column}} : undefined
  }
}

/** Each field is the number that it is to JavaScript, or among the others. */
function expectNumbers(block: RecordBlock, column: number): void {
  const {values, first, others} = block.decimals(column, 0, block.records)
  const isPlain = (text: string): boolean =>
    /^[-+]?(\d+\.?\d*|\.\d+)$/.test(text) && text.replaceAll(/\D/g, '').length <= 15
  const texts = Array.from({length: block.records}, (_, record) => {
    const field = record * block.columns + column
    return block.bytes.toString('utf8', block.starts[field], block.stops[field])
  })
  // -0 is read as 0.
  expect([...values]).toEqual(texts.map((text) => (isPlain(text) ? Number(text) + 0 : NaN)))
  const plain = texts.findIndex(isPlain)
  expect(first).toBe(plain === -1 ? block.records : plain)
  expect([...others]).toEqual(texts.flatMap((text, record) => (text === '' || isPlain(text) ? [] : [record])))
}

function* chunksOf(bytes: Buffer, size: number): Generator<Buffer> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size)
}

// Small, so that any two of the pieces meet often: quotes beside line ends beside delimiters beside characters of
// one to four bytes.
const piece = fc.constantFrom('a', '1', ' ', ',', ',', '"', '""', '\n', '\r', '\r\n', 'é', '€', '😀', ';')
const field = fc.oneof(
  {weight: 4, arbitrary: fc.constantFrom('', 'x', '-1.5', '"q"', '"a,b"', '"\r\n"', '""', '"é"""')},
  {weight: 1, arbitrary: fc.string({unit: piece, maxLength: 5})},
  {
    weight: 1,
    arbitrary: fc.string({unit: fc.constantFrom('0', '7', '9', '9', '.', '-', '+', 'e'), maxLength: 18}),
  },
)
const lineEnd = fc.constantFrom('\n', '\r\n', '\r', '\n\n', '\r\n\r', '\n\r\n')
const record = fc.oneof(
  {weight: 8, arbitrary: fc.tuple(field, field, field).map((fields) => fields.join(','))},
  {weight: 1, arbitrary: fc.string({unit: piece, maxLength: 12})},
)
const document = fc
  .tuple(
    fc.constantFrom('', '\ufeff', '\n'),
    fc.array(fc.tuple(record, lineEnd), {minLength: 1, maxLength: 8}),
    fc.boolean(),
  )
  .map(([start, records, cut]) => {
    const text = `${start}${HEADER}\n${records.map(([text_, end]) => text_ + end).join('')}`
    return cut ? text.replace(/[\r\n]+$/, '') : text
  })

it(
  `reads ${DOCUMENTS} random documents as csv-parse does: the same records, or the same fault in the same field`,
  async () => {
    const found = new Map<string, number>()
    await fc.assert(
      fc.asyncProperty(document, fc.integer({min: 1, max: 24}), async (text, chunkBytes) => {
        // Such lines are a row to csv-parse, and at the end a footer to us.
        fc.pre(!/(^|[\r\n]) +([\r\n]|$)/.test(text))
        const expected = readByCsvParse(text, ',')
        const kind = expected.fault?.code ?? 'sound'
        found.set(kind, (found.get(kind) ?? 0) + 1)
        const reading = await read(text, chunkBytes)
        fc.pre(reading !== undefined)
        expect(reading).toEqual(expected)
      }),
      {numRuns: DOCUMENTS},
    )
    // All kinds must be among them, or the test tests nothing.
    for (const kind of ['sound', 'broken-quote', 'ragged-row'])
      expect(found.get(kind)).toBeGreaterThan(DOCUMENTS / 20)
  },
  Math.max(600_000, 40 * DOCUMENTS),
)
