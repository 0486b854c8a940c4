import {describe, expect, test} from 'vitest'
import {nearest} from '../../src/core/nearest.ts'

const COMMANDS = [
  'setup',
  'upload',
  'status',
  'results',
  'logs',
  'deploy',
  'destroy',
  'local start',
  'local stop',
]

describe('nearest', () => {
  test.each([
    ['uplod', 'upload'],
    ['pulaod', 'upload'],
    ['stauts', 'status'],
    ['UPLOAD', 'upload'],
    ['log', 'logs'],
    ['dep', 'deploy'],
    ['de', undefined],
    ['local strat', 'local start'],
    ['frobnicate', undefined],
    ['', undefined],
  ])('%j → %j', (typed, meant) => {
    expect(nearest(typed, COMMANDS)).toBe(meant)
  })

  test('suggests nothing if nothing is known', () => {
    expect(nearest('upload', [])).toBeUndefined()
  })
})
