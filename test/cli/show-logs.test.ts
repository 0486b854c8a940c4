import {expect, test} from 'vitest'
import {showLogLine} from '../../src/cli/show-logs.ts'
import type {LogLine} from '../../src/core/ports/logs.ts'

function line(fields: LogLine['fields']): LogLine {
  return {
    source: 'worker',
    time: '2026-11-22T12:00:00Z',
    insertId: '1',
    severity: 'ERROR',
    message: 'refused, to be delivered again: own bug',
    object: 'a.csv',
    generation: '1',
    attempt: 1,
    messageId: undefined,
    revision: undefined,
    status: undefined,
    latencyMs: undefined,
    instance: undefined,
    fields,
  }
}

test('a line about an error says where in the worker it was, if its stack does', () => {
  const stack = 'Error: own bug\n    at Object.process (/app/processor.ts:17:9)'
  expect(showLogLine(line({stack_trace: stack}), {withObject: true})).toMatch(
    /a\.csv: refused, to be delivered again: own bug \(processor\.ts:17:9\)$/,
  )
  expect(showLogLine(line({}), {withObject: false})).toMatch(/own bug$/)
})
