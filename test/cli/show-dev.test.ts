import {expect, test} from 'vitest'
import {showDevEvent} from '../../src/cli/show-dev.ts'
import type {DevEvent} from '../../src/core/dev/dev.ts'
import type {FileStatus} from '../../src/core/files/files.ts'
import type {LogLine} from '../../src/core/ports/logs.ts'

const NOW = new Date(2026, 10, 22, 12, 0, 0, 50).getTime()

const FILE: FileStatus = {
  object: 'a.csv',
  generation: '1',
  sizeBytes: 1,
  uploadedAt: '2026-11-22T12:00:00Z',
  state: 'done',
  attempts: 1,
  hops: [
    {name: 'uploaded', at: '', durationMs: 0},
    {name: 'written', at: '', durationMs: 40},
  ],
}
const LINE: LogLine = {
  source: 'worker',
  time: new Date(NOW).toISOString(),
  insertId: '1',
  severity: 'INFO',
  message: 'hello',
  object: 'a.csv',
  generation: '1',
  attempt: 1,
  messageId: '1',
  revision: 'p-00001-abc',
  status: undefined,
  latencyMs: undefined,
  instance: undefined,
  fields: {},
}
const ready = {
  event: 'ready',
  revision: 'p-00002-def',
  image: 'i',
  durationMs: 420,
  unchanged: false,
} as const

test.each<[DevEvent, string[]]>([
  [{event: 'building', changed: []}, ['worker  creating the pipeline']],
  [{event: 'building', changed: ['a', 'b', 'c', 'd', 'e']}, ['worker  a, b, c and 2 more changed']],
  [ready, ['worker  ready: p-00002-def, in 420 ms']],
  [{...ready, unchanged: true}, ['worker  unchanged: p-00002-def keeps running']],
  [
    {event: 'failed', code: 'worker-build-failed', message: 'a.ts:1:2: no', revision: 'p-00001-abc'},
    ['worker  not deployed: a.ts:1:2: no\n  p-00001-abc keeps serving.\n  Fix it and save to retry.'],
  ],
  [
    {event: 'failed', code: 'worker-build-failed', message: 'a.ts:1:2: no', revision: undefined},
    ['worker  not deployed: a.ts:1:2: no\n  Fix it and save to retry.'],
  ],
  [{event: 'reprocessed', objects: ['a', 'b']}, ['worker  reprocessing a, b']],
  [{event: 'file', file: FILE}, ['file    a.csv done, 40 ms']],
  [{event: 'file', file: {...FILE, state: 'waiting', attempts: 2}}, ['file    a.csv waiting, attempt 2']],
  [{event: 'log', line: LINE}, ['INFO    a.csv: hello']],
  [{event: 'log', line: {...LINE, object: undefined, status: 204}}, []],
  [{event: 'log', line: {...LINE, object: undefined, status: 503, severity: 'ERROR'}}, ['ERROR   hello']],
])('%j', (event, lines) => {
  expect(showDevEvent(event, NOW)).toEqual(lines.map((line) => `12:00:00.050 ${line}`))
})
