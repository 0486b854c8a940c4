import {expect, it} from 'vitest'
import {readSettings, SettingsError} from '../../../worker/runtime/settings.ts'

it('has defaults for all but the output bucket', () => {
  expect(readSettings({OUTPUT_BUCKET: 'out'})).toEqual({
    port: 8080,
    deadlineMs: 540_000,
    outputBucket: 'out',
    inputBucket: undefined,
    filter: {prefix: undefined, suffix: undefined},
    afterwards: 'keep',
    ownDeadlineMs: 525_000,
  })
  expect(readSettings({OUTPUT_BUCKET: 'out', DEADLINE_SECONDS: '10'}).ownDeadlineMs).toBe(9500)
})

it.each([
  [{}, 'OUTPUT_BUCKET is not set'],
  [{OUTPUT_BUCKET: 'a', INPUT_BUCKET: 'a'}, 'both "a"'],
  [{OUTPUT_BUCKET: 'a', PORT: '80x'}, 'PORT is "80x"'],
  [{OUTPUT_BUCKET: 'a', PORT: '65536'}, 'PORT is "65536"'],
  [{OUTPUT_BUCKET: 'a', DEADLINE_SECONDS: '601'}, 'DEADLINE_SECONDS is "601"'],
  [{OUTPUT_BUCKET: 'a', DEADLINE_SECONDS: '0'}, 'DEADLINE_SECONDS is "0"'],
])('refuses %j', (environment, message) => {
  expect(() => readSettings(environment)).toThrow(SettingsError)
  expect(() => readSettings(environment)).toThrow(message)
})
