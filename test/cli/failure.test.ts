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
