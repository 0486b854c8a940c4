import * as fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {notationOf, readDressed} from '../../../worker/logistic-regression/table/notation.ts'
import {processFile} from '../../support/process-file.ts'

const count = 60

/** A file with one column, and what became of it; a quoted cell may contain the delimiter. */
const column = async (
  cell: (i: number) => string,
  {delimiter = ',', other = (i: number) => String(i % 5)} = {},
) => {
  const rows = Array.from({length: count}, (_, i) => [
    `"${cell(i)}"`,
    other(i),
    String((i * 7) % 3 === 0 ? 1 : 0),
  ])
  const text = [['amount', 'b', 'y'], ...rows].map((row) => row.join(delimiter)).join('\n')
  const {report, lines, model} = await processFile(`${text}\n`)
  const terms = report.coefficients[0]?.terms.filter((term) => term.column === 'amount') ?? []
  const median = model.preprocessing.numbers.find((encoder) => encoder.column === 'amount')?.median
  return {kinds: [...new Set(terms.map(({kind}) => kind))], warnings: report.warnings, median, lines}
}

const middle = (value: (i: number) => number): number => {
  const values = Array.from({length: count}, (_, i) => value(i)).toSorted((a, b) => a - b)
  return ((values[count / 2 - 1] ?? 0) + (values[count / 2] ?? 0)) / 2
}

describe('numbers that are not written as plain ones', () => {
  const size = (i: number): number => 37.25 * ((i * 7) % 11) - 12.5
  const english = (value: number): string =>
    Math.abs(value).toLocaleString('en-US', {minimumFractionDigits: 2})

  it.each<[what: string, cell: (i: number) => string, value: (i: number) => number, example: string]>([
    ['currency', (i) => `$${english(1000 + size(i))}`, (i) => 1000 + size(i), 'amount ($987.50 is 987.5)'],
    ['percent', (i) => `${size(i)}%`, size, 'amount (-12.5% is -12.5)'],
    [
      'parentheses',
      (i) => (size(i) < 0 ? `(${english(size(i))})` : english(size(i))),
      size,
      'amount ((12.50) is -12.5)',
    ],
    [
      'a minus behind',
      (i) => (size(i) < 0 ? `${-size(i)}-` : String(size(i))),
      size,
      'amount (12.5- is -12.5)',
    ],
    [
      'a typographic minus',
      (i) => String(size(i)).replace('-', '\u2212'),
      size,
      'amount (\u221212.5 is -12.5)',
    ],
    [
      'blanks between thousands',
      (i) => (1000 + size(i)).toLocaleString('fr-FR', {minimumFractionDigits: 1}),
      (i) => 1000 + size(i),
      '248,25 is 1248.25)',
    ],
    ['Swiss thousands', (i) => (5000 + size(i)).toLocaleString('de-CH'), (i) => 5000 + size(i), 'is 4987.5)'],
    ['a code', (i) => `EUR ${size(i)}`, size, 'amount (EUR -12.5 is -12.5)'],
    ['decimal commas in quotes', (i) => `${size(i)} €`.replace('.', ','), size, 'amount (-12,5 € is -12.5)'],
  ])('are converted, and reported: %s', async (_, cell, value, example) => {
    const {kinds, warnings, median} = await column(cell)
    expect(kinds).toEqual(['numeric'])
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain('Numbers were converted: amount')
    expect(warnings[0]).toContain(example)
    expect(median).toBeCloseTo(middle(value), 9)
  })

  it.each<[what: string, cell: (i: number) => string]>([
    ['addresses', (i) => `192.168.00${i % 9}`],
    ['whole addresses', (i) => `10.0${i % 9}1.120.20${i % 5}`],
    ['phone numbers', (i) => `030 123 45${i % 10}`],
  ])('are not %s', async (_, cell) => {
    expect((await column(cell)).kinds).toEqual(['category'])
  })

  it('are thousands as soon as one of them can be nothing else', async () => {
    const {kinds} = await column((i) => `${i + 1}.168.00${i % 9}${i === 7 ? ',5' : ''}`, {delimiter: ';'})
    expect(kinds).toEqual(['numeric'])
  })

  it('of several currencies get one warning', async () => {
    const {warnings} = await column((i) => (i % 2 === 0 ? `${i % 12} €` : `$${i % 11}`))
    expect(warnings).toEqual([expect.stringContaining('read as text: amount (0 €).')])
  })

  it('are converted in columns of more texts than are remembered as categories', async () => {
    const rows = Array.from(
      {length: 60_000},
      (_, i) => `"$${(1000 + i * 1.01).toLocaleString('en-US')}",${i % 5},${i % 2}\n`,
    )
    const {report} = await processFile(`amount,b,y\n${rows.join('')}`)
    expect(report.coefficients[0]?.terms[0]).toMatchObject({column: 'amount', kind: 'numeric'})
    expect(report.warnings[0]).toContain('Numbers were converted: amount ($1,000 is 1000).')
    const spoilt = await processFile(`amount,b,y\n${rows.join('')}about 7,1,0\n`)
    expect(spoilt.report.leftOut).toEqual([{column: 'amount', reason: 'free-text'}])
  })

  it.each<[what: string, cell: (i: number) => string]>([
    ['units', (i) => `${i % 7} kg`],
    ['two currencies', (i) => `${'$€'[i % 2]}${i % 7}`],
    ['percent among plain numbers', (i) => (i % 2 ? `${i % 7}%` : String(i % 7))],
    ['marks that contradict each other', (i) => (i % 2 ? `$1.5${i % 5}` : `$2,5${i % 5}`)],
    ['phone numbers', (i) => `030 123 ${400 + (i % 7)}`],
    ['versions', (i) => `1.${i % 3}.${i % 2}`],
  ])('stay texts if that is not clear: %s', async (_, cell) => {
    expect((await column(cell)).kinds).toEqual(['category'])
  })

  it('stay texts if they are marked as such, or dates', async () => {
    expect(notationOf(['00001', '00002'], false)).toBeUndefined()
    expect(notationOf(['01.02.2024', '02.02.2024'], false)).toBeUndefined()
  })
})

describe('a point or comma before three digits', () => {
  const thousands = (i: number): string => (i % 3 === 0 ? String(300 + i) : `${1 + (i % 9)}.${100 + i}`)
  const value = (i: number): number => (i % 3 === 0 ? 300 + i : 1000 * (1 + (i % 9)) + 100 + i)

  it('parts thousands if the column has decimals with the other mark', async () => {
    const {median, warnings} = await column((i) => (i === 7 ? '630,36' : thousands(i)), {delimiter: ';'})
    expect(median).toBeCloseTo(
      middle((i) => (i === 7 ? 630.36 : value(i))),
      9,
    )
    expect(warnings).toEqual(['Numbers were converted: amount (2.101 is 2101).'])
  })

  it('parts thousands if the other columns have decimals with the other mark, which is a guess', async () => {
    const {median, warnings} = await column(thousands, {delimiter: ';', other: (i) => `${i % 5},5`})
    expect(median).toBeCloseTo(middle(value), 9)
    expect(warnings).toEqual([
      'Column amount: 2.101 was read as 2101, since other columns have decimal commas.',
    ])
  })

  it('is a decimal mark otherwise, and a doubt where semicolons delimit', async () => {
    const {warnings, median} = await column(thousands, {delimiter: ';'})
    expect(warnings[0]).toContain('Column amount: points before three digits were read as decimal ones')
    expect(median).toBeLessThan(300)
    expect((await column(thousands)).warnings).toEqual([])
    const both = await column((i) => (i % 2 ? `${i},5` : `${i}.25`), {delimiter: ';'})
    expect(both.warnings[0]).toBe(
      'Column amount has decimal commas and decimal points; both were read as decimal marks.',
    )
  })
})

describe('a file with decimal commas', () => {
  it('gets decimal commas in its probabilities, and is read again as it was', async () => {
    const {lines} = await column((i) => `${i % 7},${i % 5}`, {delimiter: ';'})
    expect(lines[1]).toMatch(/^"0,0";0;1;[01];0,\d+;0,\d+$/)
    const again = await processFile(`${lines.join('\n')}\n`, {labelColumn: 'y'})
    expect(again.report.coefficients[0]?.terms.map(({column: name, kind}) => `${name} ${kind}`)).toContain(
      'probability_1 numeric',
    )
    // A comma would delimit fields.
    expect((await column((i) => `${i % 7},${i % 5}`)).lines[1]).toMatch(/,0\.\d+$/)
  })
})

it('every number reads as it was, whatever marks it is written with', () => {
  const written = fc.record({
    cents: fc.integer({min: -1e11, max: 1e11}),
    decimal: fc.constantFrom<',' | '.'>(',', '.'),
    thousands: fc.constantFrom('', ' ', "'", '\u00a0', '\u202f', 'other'),
    currency: fc.constantFrom('', '$', '€', 'EUR '),
    isBehind: fc.boolean(),
  })
  fc.assert(
    fc.property(written, ({cents, decimal, thousands, currency, isBehind}) => {
      const mark = thousands === 'other' ? (decimal === ',' ? '.' : ',') : thousands
      const whole = Math.trunc(Math.abs(cents) / 100)
      const digits = String(whole).replaceAll(/\B(?=(\d{3})+$)/g, mark)
      const text = `${digits}${decimal}${String(Math.abs(cents) % 100).padStart(2, '0')}`
      const sign = cents < 0 ? '-' : ''
      const dressed = isBehind ? `${text}${sign}` : `${sign}${currency}${text}`
      const expected = Number(
        `${cents < 0 ? '-' : ''}${whole}.${String(Math.abs(cents) % 100).padStart(2, '0')}`,
      )
      expect(readDressed(dressed, {decimal, decidedBy: 'column'})).toBe(expected + 0)
    }),
    {numRuns: 2000},
  )
})
