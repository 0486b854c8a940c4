import {readFile} from 'node:fs/promises'
import {expect, test} from 'vitest'
import {failureOf} from '../../src/cli/failure.ts'
import {render} from '../../src/core/suggestion.ts'

test('a bug says where to report it: the tracker of package.json', async () => {
  const {bugs} = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'))
  expect(failureOf(new TypeError('x is not a function'), {bin: 'cloud-runner', render}).suggestions).toEqual([
    expect.stringContaining(String(bugs.url)),
  ])
})
