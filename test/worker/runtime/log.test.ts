import {expect, it} from 'vitest'
import {createLog, errorFields} from '../../../worker/runtime/log.ts'

const now = (): Date => new Date('2026-11-22T13:00:00Z')

it('writes the special fields of Cloud Logging, which no field of a process replaces', () => {
  const lines: string[] = []
  const log = createLog((line) => lines.push(line), now).labelled({object: 'a.csv'}, 'projects/p/traces/t')
  log('WARNING', 'half\na line', {severity: 'DEBUG', rows: 3n})
  expect(lines).toHaveLength(1)
  expect(lines[0]).not.toContain('\n')
  expect(JSON.parse(lines[0] ?? '')).toEqual({
    severity: 'WARNING',
    message: 'half\na line',
    time: '2026-11-22T13:00:00.000Z',
    rows: '3',
    'logging.googleapis.com/labels': {object: 'a.csv'},
    'logging.googleapis.com/trace': 'projects/p/traces/t',
  })
})

it('keeps the line if the fields are not JSON', () => {
  const lines: string[] = []
  const fields: Record<string, unknown> = {}
  fields['self'] = fields
  createLog((line) => lines.push(line), now)('INFO', 'round', fields)
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({severity: 'INFO', message: 'round'})
})

it("logs an error's stack and causes, and none of its other fields", () => {
  const error = Object.assign(new Error('outer', {cause: new Error('inner')}), {
    config: {headers: {authorization: 'secret'}},
  })
  const fields = errorFields(error)
  expect(fields).toEqual({stack_trace: error.stack, causes: ['inner']})
})
