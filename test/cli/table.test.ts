import {describe, expect, test} from 'vitest'
import {pairs, table} from '../../src/cli/table.ts'
import {cellsOf} from '../../src/cli/text-cells.ts'

const COLUMNS = [{heading: 'object'}, {heading: 'size', right: true}, {heading: 'note'}]
const ROWS = [
  ['a.csv', '9 B', ''],
  ['größe.csv', '1.2 MB', 'line 3 has 4 fields'],
]

describe('table', () => {
  test('stands in columns, right where numbers are', () => {
    expect(table(COLUMNS, ROWS, 80)).toEqual([
      'object       size  note',
      'a.csv         9 B',
      'größe.csv  1.2 MB  line 3 has 4 fields',
    ])
  })

  test('becomes blocks if it is too wide, and omits empty cells', () => {
    expect(table(COLUMNS, ROWS, 30)).toEqual([
      'a.csv',
      '  size  9 B',
      'größe.csv',
      '  size  1.2 MB',
      '  note  line 3 has 4 fields',
    ])
  })

  test('does not count colors', () => {
    expect(table([{heading: 'state'}, {heading: 'n'}], [['\u001B[32mdone\u001B[39m', '1']], 80)).toEqual([
      'state  n',
      '\u001B[32mdone\u001B[39m   1',
    ])
  })

  test('is nothing without rows', () => {
    expect(table(COLUMNS, [], 80)).toEqual([])
  })
})

test('pairs stand below each other', () => {
  expect(
    pairs([
      {label: 'in', value: 'a'},
      {label: 'output', value: 'b'},
    ]),
  ).toEqual(['in      a', 'output  b'])
})

test.each([
  ['größe.csv', 9],
  ['e\u0301te\u0301', 3],
  ['報告', 4],
  ['𠮷野家', 6],
  ['\u{20000}\u{3134a}', 4],
  ['☁️', 2],
  ['👩‍🔬', 2],
  ['🇩🇪', 2],
  ['1️⃣', 2],
  ['☁ 1', 3],
  ['ｱ', 1],
  ['한글', 4],
  ['\u200b', 0],
  ['\u001B[31m報\u001B[39m', 2],
])('%s takes %i cells', (text, cells) => {
  expect(cellsOf(text)).toBe(cells)
})
