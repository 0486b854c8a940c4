import {readFile} from 'node:fs/promises'
import {expect, test} from 'vitest'
import {failureOf, suggestForPipeline} from '../../src/cli/failure.ts'
import {AppError} from '../../src/core/errors.ts'
import type {Place} from '../../src/core/sections.ts'

test('commands that an error suggests go to the pipeline and environment that were chosen', () => {
  const lines = [
    'Make the pipeline: cloud-runner setup',
    'Result: cloud-runner results -- -dash.csv',
    'Under another name: cloud-runner setup --pipeline NAME',
    'cloud-runner local stop',
    'Check its permissions: ls -l cloud-runner.json',
  ]
  const suggested = (chosen: Place) => {
    const error = new AppError('No.', {code: 'not-set-up', suggestions: lines})
    expect(suggestForPipeline(error, chosen)).toBe(error)
    return error.suggestions
  }
  expect(suggested({})).toEqual(lines)
  expect(suggested({pipeline: 'two'})).toEqual([
    'Make the pipeline: cloud-runner setup --pipeline two',
    'Result: cloud-runner results --pipeline two -- -dash.csv',
    ...lines.slice(2),
  ])
  expect(suggested({env: 'staging'}).slice(0, 3)).toEqual([
    'Make the pipeline: cloud-runner setup --env staging',
    'Result: cloud-runner results --env staging -- -dash.csv',
    'Under another name: cloud-runner setup --env staging --pipeline NAME',
  ])
})

test('a bug says where to report it: the tracker of package.json', async () => {
  const {bugs} = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'))
  expect(failureOf(new TypeError('x is not a function'), 'cloud-runner').suggestions).toEqual([
    expect.stringContaining(String(bugs.url)),
  ])
})
