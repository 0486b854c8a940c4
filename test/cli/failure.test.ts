import {readFile} from 'node:fs/promises'
import {expect, test} from 'vitest'
import {failureOf} from '../../src/cli/failure.ts'
import {NOTHING_TYPED} from '../../src/core/suggestion.ts'

test('a bug says where to report it: the tracker of package.json', async () => {
  const {bugs} = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'))
  expect(
    failureOf(new TypeError('x is not a function'), {bin: 'cloud-runner', typed: NOTHING_TYPED}).suggestions,
  ).toEqual([expect.stringContaining(String(bugs.url))])
})

test('a full disk comes with the command that shows how full it is', () => {
  const error = Object.assign(new Error('no space left'), {code: 'ENOSPC', path: '/my files/out.csv'})
  expect(failureOf(error, {bin: 'cloud-runner', typed: NOTHING_TYPED})).toMatchObject({
    code: 'disk-full',
    suggestions: ["Free some space: df -h '/my files'", 'Then run the same command again.'],
  })
})
