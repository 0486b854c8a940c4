import {describe, expect, test} from 'vitest'
import {hopTable} from '../../../src/cli/show-files.ts'
import {hopsOf, judge} from '../../../src/core/files/commits.ts'
import type {StoredObject} from '../../../src/core/ports/objects.ts'

function commit(
  source: string,
  timeCreated = '2026-11-22T10:00:03.000Z',
  more: Record<string, string> = {},
): StoredObject {
  return {
    bucket: 'out',
    name: 'a.csv',
    generation: '99',
    sizeBytes: 1,
    contentType: 'text/csv',
    crc32c: undefined,
    timeCreated,
    metadata: {'source-generation': source, ...more},
  }
}

const none = {result: undefined, error: undefined, report: undefined}

describe('judge', () => {
  test('nothing written yet', () => {
    expect(judge('10', none).kind).toBe('open')
  })

  test('a result or an error of an older generation does not count for this one', () => {
    expect(judge('10', {...none, result: commit('9')}).kind).toBe('open')
    expect(judge('10', {...none, error: commit('9')}).kind).toBe('open')
  })

  test('its own result, also beside an older error', () => {
    expect(judge('10', {...none, result: commit('10'), error: commit('9')}).kind).toBe('done')
  })

  test('its own error, also beside an older result', () => {
    expect(judge('10', {...none, result: commit('9'), error: commit('10')}).kind).toBe('failed')
  })

  test('of an error and a result of the same generation the later counts', () => {
    const early = '2026-11-22T10:00:00.000Z'
    const late = '2026-11-22T11:00:00.000Z'
    expect(judge('10', {...none, result: commit('10', late), error: commit('10', early)}).kind).toBe('done')
    expect(judge('10', {...none, result: commit('10', early), error: commit('10', late)}).kind).toBe('failed')
  })

  test('a newer generation supersedes, compared as numbers beyond 2^53', () => {
    expect(judge('9007199254740993', {...none, result: commit('9007199254740994')})).toEqual({
      kind: 'superseded',
      by: '9007199254740994',
    })
    expect(judge('10', {...none, result: commit('9')}).kind).toBe('open')
  })

  test('an object that no worker wrote is not a result', () => {
    expect(judge('10', {...none, result: {...commit('10'), metadata: {}}}).kind).toBe('open')
  })
})

test('the time until a file was reprocessed does not count for the pipeline', () => {
  const result = commit('10', '2026-11-22T11:00:03.000Z', {
    published: '2026-11-22T11:00:00.000Z',
    started: '2026-11-22T11:00:01.000Z',
    'reprocess-id': 'r',
  })
  const hops = hopsOf({uploadedAt: '2026-11-22T10:00:00.000Z'}, result, undefined)
  expect(hops.map(({name, durationMs, reprocessed}) => [name, durationMs, reprocessed])).toEqual([
    ['uploaded', 0, undefined],
    ['notified', 0, true],
    ['delivered', 1000, undefined],
    ['written', 2000, undefined],
  ])
  expect(hopTable(hops)[2]).toMatch(/^notified again +\d{4}-\d\d-\d\d \S+$/)
})

test('hops add up from upload to result; one that is not known is left out', () => {
  const result = commit('10', '2026-11-22T10:00:03.000Z', {
    published: '2026-11-22T10:00:00.100Z',
    started: '2026-11-22T10:00:01.000Z',
  })
  const report = commit('10', '2026-11-22T10:00:02.900Z')
  expect(hopsOf({uploadedAt: '2026-11-22T10:00:00.000Z'}, result, report)).toEqual([
    {name: 'uploaded', at: '2026-11-22T10:00:00.000Z', durationMs: 0},
    {name: 'notified', at: '2026-11-22T10:00:00.100Z', durationMs: 100},
    {name: 'delivered', at: '2026-11-22T10:00:01.000Z', durationMs: 900},
    {name: 'processed', at: '2026-11-22T10:00:02.900Z', durationMs: 1900},
    {name: 'written', at: '2026-11-22T10:00:03.000Z', durationMs: 100},
  ])
  expect(
    hopsOf({uploadedAt: '2026-11-22T10:00:00.000Z'}, result, commit('9')).map(({name}) => name),
  ).not.toContain('processed')
})
