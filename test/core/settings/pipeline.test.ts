import {expect, test} from 'vitest'
import {readConfig} from '../../../src/core/config.ts'
import {parseDuration} from '../../../src/core/settings/duration.ts'
import {pipelineOf} from '../../../src/core/settings/pipeline.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'

test('the longest name and project that the rules allow give names within the limits of their services', async () => {
  const {settings} = await readConfig({
    cwd: await temporaryFolder(),
    environment: {},
    cores: 1,
    flags: {name: `a${'-b'.repeat(11)}`, project: `p${'r'.repeat(29)}`},
  })
  const {names} = pipelineOf(settings)
  for (const bucket of [names.inputBucket, names.outputBucket]) {
    expect(bucket).toMatch(/^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/)
  }
  for (const account of [names.workerAccount, names.pushAccount]) {
    expect(account).toMatch(/^[a-z][a-z0-9-]{4,28}[a-z0-9]@/)
  }
  expect(names.service.length).toBeLessThan(50)
  for (const id of [names.topic, names.subscription, names.deadLetterTopic])
    expect(id.length).toBeLessThanOrEqual(255)
})

test.each([
  ['1s', 1000],
  ['5m', 300_000],
  ['2h', 7_200_000],
  ['7d', 604_800_000],
  ['500ms', 500],
  ['1h30m', 5_400_000],
  ['1.5s', 1500],
  ['', undefined],
  ['5', undefined],
  ['5 m', undefined],
  ['-5m', undefined],
  ['5minutes', undefined],
])('duration %j is %s ms', (text, milliseconds) => {
  expect(parseDuration(text)).toBe(milliseconds)
})
