import {stripVTControlCharacters} from 'node:util'
import {expect, test} from 'vitest'
import {screenOf} from '../../src/cli/show-watch.ts'
import {cellsOf} from '../../src/cli/text-cells.ts'
import {AppError} from '../../src/core/errors.ts'
import type {FileStatus} from '../../src/core/files/files.ts'
import type {Status} from '../../src/core/status.ts'
import {command, render, suggest} from '../../src/core/suggestion.ts'
import {statusOf} from '../support/status.ts'

const NOW = Date.parse('2026-11-22T12:00:00Z')
const REASON =
  'The memory limit of 256 MiB was exceeded: raise the setting "memory", or keep less of it in memory.'

function file(object: string, others: Partial<FileStatus> = {}): FileStatus {
  return {
    object,
    generation: '1',
    sizeBytes: 1,
    uploadedAt: '2026-11-22T11:59:00Z',
    state: 'done',
    attempts: 1,
    hops: [],
    ...others,
  }
}

const dead = (object: string) =>
  file(object, {state: 'dead', attempts: 5, lastError: {message: REASON, at: '2026-11-22T11:59:30Z'}})

function screen(status: Status, columns: number, rows: number, problem?: AppError): string[] {
  const look = {status, readAt: NOW, ...(problem === undefined ? {} : {problem})}
  return screenOf(look, NOW, render, {columns, rows}).map((line) => stripVTControlCharacters(line))
}

test('every screen fits, whatever the names, and says how many files it does not show', () => {
  const names = [
    'reports/2026/november/' + 'x'.repeat(80) + '.csv',
    '決算報告書'.repeat(9),
    '🧾'.repeat(30),
    'a\nb.csv',
  ]
  const files = Array.from({length: 40}, (_, index) =>
    index % 3 === 0 ? dead(`${index}${names[index % 4]}`) : file(`${index}${names[index % 4]}`),
  )
  for (const columns of [40, 80, 200])
    for (const rows of [5, 10, 23, 60]) {
      const lines = screen(statusOf(files, 960), columns, rows)
      expect(lines.length).toBeLessThanOrEqual(rows)
      expect(Math.max(...lines.map((line) => cellsOf(line)))).toBeLessThanOrEqual(columns)
      expect(lines.some((line) => line.includes('\n'))).toBe(false)
      if (rows < 23) continue
      const more = Number(/^… (\S+) more$/m.exec(lines.join('\n'))?.[1]?.replace(',', ''))
      expect(more).toBe(1000 - lines.filter((line) => / (?:dead|done) +1 min ago/.test(line)).length)
    }
})

test('an error is never cut off to make room for files that are done', () => {
  const lines = screen(
    statusOf([dead('bad.csv'), ...Array.from({length: 50}, (_, i) => file(`${i}`))]),
    80,
    12,
  )
  expect(lines.slice(0, 4)).toEqual([
    'pipeline  p, ready',
    'files: 50 done, 1 dead',
    'bad.csv  dead     1 min ago',
    '  The memory limit of 256 MiB was exceeded: raise the setting "memory", or keep…',
  ])
  expect(lines).toContain('Send it again: cloud-runner redrive bad.csv')
})

test('a file that waits for its retry says when its next attempt is due', () => {
  const waiting = (notBefore: string) =>
    file('a.csv', {
      state: 'waiting',
      lastError: {message: 'boom', at: '2026-11-22T11:59:30Z'},
      retry: {attempt: 2, of: 5, notBefore},
    })
  expect(screen(statusOf([waiting('2026-11-22T12:00:20Z')]), 80, 23)).toContain(
    'a.csv  waiting  1 min ago  attempt 2 of 5 in 20 s: boom',
  )
  expect(screen(statusOf([waiting('2026-11-22T11:59:50Z')]), 100, 23)).toContain(
    'a.csv  waiting  1 min ago  attempt 2 of 5 is due (push backoff: 1 min at most): boom',
  )
})

test('on a narrow screen, the next attempt is beside the name, and the reason below', () => {
  const waiting = file('a.csv', {
    state: 'waiting',
    lastError: {message: REASON, at: '2026-11-22T11:59:30Z'},
    retry: {attempt: 2, of: 5, notBefore: '2026-11-22T12:00:20Z'},
  })
  expect(screen(statusOf([waiting]), 60, 23)).toEqual(
    expect.arrayContaining([
      'a.csv  waiting  1 min ago  attempt 2 of 5 in 20 s',
      '  The memory limit of 256 MiB was exceeded: raise the setti…',
    ]),
  )
})

test('a screen that could not be updated says since when, why and what to do', () => {
  const problem = new AppError('Reading bucket in: 127.0.0.1:1 does not answer.', {
    code: 'unreachable',
    suggestions: [suggest`Start it: ${command('local start')}`],
  })
  const text = screen(statusOf([file('a.csv')]), 80, 23, problem).join('\n')
  expect(text).toMatch(/^Not updated since .+?: Reading bucket in: [^]* Retrying\.$/m)
  expect(text).toContain('Start it: cloud-runner local start')
  expect(text).toMatch(/^a\.csv +done/m)
})
