import {expect, test} from 'vitest'
import {short, widthOf} from '../../src/report-page/text-width.ts'

test.each([
  ['größe', 5],
  ['報告', 4],
  ['𠮷野', 4],
  ['☁️', 2],
  ['👩‍🔬', 2],
])('%s is as wide as %i letters', (text, width) => {
  expect(widthOf(text)).toBe(width)
})

test('a name of rare characters is cut to its width', () => {
  expect(short('𠮷'.repeat(10), 5)).toBe('𠮷…𠮷')
})
