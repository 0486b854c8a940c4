import {expect, test} from 'vitest'
import {satisfies} from '../../../src/google/infrastructure/difference.ts'

test.each([
  ['defaults that nobody asked for do not count', {a: 1, b: {c: 2, d: 3}}, {b: {c: 2}}, true],
  ['a missing member does', {b: {}}, {b: {c: 2}}, false],
  ['another value does', {a: '1'}, {a: '2'}, false],
  ['lists count whole', {env: [{name: 'A'}, {name: 'B'}]}, {env: [{name: 'A'}]}, false],
  ['and in order', {env: ['A', 'B']}, {env: ['B', 'A']}, false],
  ['members of list items may have defaults', {env: [{name: 'A', x: 1}]}, {env: [{name: 'A'}]}, true],
  ['an empty object is there or not', {}, {expirationPolicy: {}}, false],
  ['an empty object is there', {expirationPolicy: {}}, {expirationPolicy: {}}, true],
  ['letters count', {value: 'Bankrupt'}, {value: 'bankrupt'}, false],
])('%s', (_, current, wanted, expected) => {
  expect(satisfies(current, wanted)).toBe(expected)
})
