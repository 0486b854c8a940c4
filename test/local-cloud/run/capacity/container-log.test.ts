import {describe, expect, it} from 'vitest'
import {toLogEntry} from '../../../../src/local-cloud/run/capacity/container-log.ts'

const base = {
  logName: 'projects/p/logs/run.googleapis.com%2Fstdout',
  resource: {type: 'cloud_run_revision', labels: {}},
  labels: {instanceId: 'i'},
  timestamp: '2026-01-01T00:00:00.000Z',
}
const entryOf = (line: unknown) => toLogEntry(typeof line === 'string' ? line : JSON.stringify(line), base)

describe('a line of output as a log entry', () => {
  it('has its special fields lifted, the rest as payload', () => {
    expect(
      entryOf({
        severity: 'warning',
        time: '2026-01-02T03:04:05.678901234Z',
        message: 'm',
        'logging.googleapis.com/labels': {object: 'a.csv', attempt: 2},
        'logging.googleapis.com/trace': 'projects/p/traces/t',
        'logging.googleapis.com/spanId': 's',
        'logging.googleapis.com/insertId': 'id',
        'logging.googleapis.com/sourceLocation': {file: 'f', line: '1'},
        httpRequest: {status: 200},
        rows: 3,
      }),
    ).toEqual({
      ...base,
      severity: 'WARNING',
      timestamp: '2026-01-02T03:04:05.678901234Z',
      labels: {instanceId: 'i', object: 'a.csv', attempt: '2'},
      trace: 'projects/p/traces/t',
      spanId: 's',
      insertId: 'id',
      sourceLocation: {file: 'f', line: '1'},
      httpRequest: {status: 200},
      jsonPayload: {message: 'm', rows: 3},
    })
  })

  it('keeps unusable fields as payload', () => {
    expect(entryOf({severity: 'loud', time: 'yesterday', message: 'm'})).toEqual({
      ...base,
      jsonPayload: {severity: 'loud', time: 'yesterday', message: 'm'},
    })
    expect(entryOf({severity: 'warn', message: 'm'}).severity).toBe('WARNING')
  })

  it.each(['plain', 'INFO {"message":"m"}', '{broken', '[1]', ''])(
    'is text if it is not a JSON object: %j',
    (line) => {
      expect(entryOf(line)).toEqual({...base, textPayload: line})
    },
  )
})
