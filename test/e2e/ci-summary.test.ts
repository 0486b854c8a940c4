import {writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {execa} from 'execa'
import {expect, test} from 'vitest'
import {temporaryFolder} from '../support/temporary-folder.ts'

const SUMMARY = join(import.meta.dirname, '../../.ci/summary.js')

/** The last lines of a run of one passed test and two skipped ones. @param status 1 if a step failed */
async function summary(required: string | undefined, status = 0) {
  const report = join(await temporaryFolder(), 'vitest.json')
  const titles = ['a (skipped: no docker engine)', 'b (skipped: no terraform on the PATH)']
  const skipped = titles.map((fullName) => ({status: 'skipped', fullName, failureMessages: []}))
  const assertionResults = [{status: 'passed', fullName: 'c', failureMessages: []}, ...skipped]
  const counts = {numPassedTests: 1, numFailedTests: 0, numPendingTests: 2, numTodoTests: 0}
  await writeFile(report, JSON.stringify({...counts, testResults: [{status: 'passed', assertionResults}]}))
  const env = required === undefined ? {} : {REQUIRED_TOOLS: required}
  const {exitCode, stdout} = await execa('node', [SUMMARY, report, String(status)], {env, reject: false})
  return [exitCode, ...stdout.split('\n')]
}

test('a run of .ci/run ends with the skipped tests, and fails for a skip only if its tool is required', async () => {
  const docker = 'not run: a (skipped: no docker engine)'
  const terraform = 'b (skipped: no terraform on the PATH)'
  expect(await summary(undefined)).toEqual([
    0,
    docker,
    `not run: ${terraform}`,
    '1 passed, 0 failed, 2 skipped',
  ])
  expect(await summary('skipped: .*(terraform|java)')).toEqual([
    1,
    docker,
    `failed, since it was skipped: ${terraform}`,
    '1 passed, 1 failed, 1 skipped',
  ])
  expect(await summary(undefined, 1)).toContain('1 passed, 1 failed, 2 skipped')
})
