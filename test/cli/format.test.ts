import {describe, expect, test} from 'vitest'
import {ago, bytes, clock, counted, duration, tame, wrap} from '../../src/cli/format.ts'

describe('tame', () => {
  test('leaves text, colors and line ends', () => {
    const text = 'größe 利益 😀\n\t\u001b[31mred\u001b[39m'
    expect(tame(text)).toBe(text)
  })

  test('shows what a terminal would obey', () => {
    expect(tame('\u001b]0;title\u0007 \u001b[2J \r \b \u009b1A')).toBe('�]0;title� �[2J � � �1A')
  })

  test('shows what would turn the direction of writing', () => {
    expect(tame('june\u202evsc.\u2066exe')).toBe('june�vsc.�exe')
  })
})

describe('bytes', () => {
  test.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1 kB'],
    [1234, '1.2 kB'],
    [105_432, '105 kB'],
    [999_600, '1 MB'],
    [2_500_000_000, '2.5 GB'],
  ])('%d → %s', (value, text) => {
    expect(bytes(value)).toBe(text)
  })
})

describe('duration', () => {
  test.each([
    [0, '0 ms'],
    [999.4, '999 ms'],
    [999.6, '1.0 s'],
    [9949, '9.9 s'],
    [9951, '10 s'],
    [59_600, '1 min'],
    [185_000, '3 min 5 s'],
    [7_800_000, '2 h 10 min'],
    [349_200_000, '4 d 1 h'],
  ])('%d ms → %s', (ms, text) => {
    expect(duration(ms)).toBe(text)
  })
})

test('a time of another day has its date', () => {
  const now = new Date(2026, 10, 22, 15).getTime()
  expect(clock(new Date(2026, 10, 22, 14, 3, 7, 120).toISOString(), now)).toBe('14:03:07.120')
  expect(clock(new Date(2026, 10, 23, 14, 3, 7, 120).toISOString(), now)).toBe('2026-11-23 14:03:07.120')
})

describe('ago', () => {
  const now = Date.parse('2026-11-22T12:00:00Z')
  test.each([
    ['2026-11-22T12:00:00.500Z', 'just now'],
    ['2026-11-22T11:59:48Z', '12 s ago'],
    ['2026-11-22T11:56:55Z', '3 min ago'],
    ['2026-11-20T11:00:00Z', '2 d ago'],
  ])('%s → %s', (time, text) => {
    expect(ago(time, now)).toBe(text)
  })
})

test('counted', () => {
  expect([counted(0, 'file'), counted(1, 'file'), counted(5910, 'file')]).toEqual([
    '0 files',
    '1 file',
    '5,910 files',
  ])
})

describe('wrap', () => {
  test('breaks between words and keeps breaks and long words', () => {
    expect(wrap('Error: a message\n  /a/path/that/is/longer/than/that ends', 16, '    ')).toEqual([
      'Error: a message',
      '  /a/path/that/is/longer/than/that',
      '    ends',
    ])
  })

  test('leaves everything on one line without a limit', () => {
    expect(wrap('one two three', Number.POSITIVE_INFINITY, '')).toEqual(['one two three'])
    expect(wrap('\u001B[32mready\u001B[39m: one two', 10, '')).toEqual([
      '\u001B[32mready\u001B[39m: one',
      'two',
    ])
  })
})
