import {describe, expect, test} from 'vitest'
import {judge, resultOf} from '../../src/core/files/commits.ts'
import type {StoredObject} from '../../src/core/ports/objects.ts'
import {newerResult} from '../../worker/outcome.ts'
import {decide, toCommitted} from '../../worker/runtime/commit-state.ts'

const GENERATION = '9007199254740993'
const OLDER = '9007199254740992'
const NEWER = '10000000000000000'

/** An object that a worker wrote, at a second of a minute, with metadata besides. */
interface Case {
  readonly source?: string
  readonly at: number
  readonly more?: Readonly<Record<string, string>>
}

function stored(name: string, {source, at, more = {}}: Case): StoredObject {
  return {
    bucket: 'out',
    name,
    generation: String(at),
    sizeBytes: 1,
    contentType: 'text/plain',
    crc32c: undefined,
    timeCreated: new Date(Date.UTC(2026, 10, 22, 13, 0, at)).toISOString(),
    metadata: {...(source === undefined ? {} : {'source-generation': source}), ...more},
  }
}

const part = {'source-object': 'a.csv'}
const pending = {...part, pending: 'true'}
const cancelled = {cancelled: 'true'}
const own = {source: GENERATION}

/** What the CLI shows and what the worker does with one more notification that was published later. */
const CASES: readonly [
  title: string,
  written: {single?: Case; outputs?: Case; error?: Case},
  shown: string,
  done: string,
][] = [
  ['nothing', {}, 'open', 'process'],
  ['a result', {single: {...own, at: 1}}, 'done a.csv', 'duplicate result'],
  ['a result that no worker wrote', {single: {at: 1}}, 'open', 'process'],
  ['a result of what is no number', {single: {source: 'x', at: 1}}, 'open', 'process'],
  ['a result of an older generation', {single: {source: OLDER, at: 1}}, 'open', 'process'],
  ['a result of a newer generation', {single: {source: NEWER, at: 1}}, `by ${NEWER}`, `by ${NEWER}`],
  ['an error', {error: {...own, at: 1}}, 'failed', 'duplicate error'],
  ['an error of a newer generation', {error: {source: NEWER, at: 1}}, `by ${NEWER}`, `by ${NEWER}`],
  [
    'an error beside an older result',
    {single: {source: OLDER, at: 2}, error: {...own, at: 1}},
    'failed',
    'duplicate error',
  ],
  [
    'a result beside an older error',
    {single: {...own, at: 1}, error: {source: OLDER, at: 2}},
    'done a.csv',
    'duplicate result',
  ],
  [
    'a result after an error',
    {single: {...own, at: 2}, error: {...own, at: 1}},
    'done a.csv',
    'duplicate result',
  ],
  // Either is an effect of the generation: only a request to process it again asks for another.
  [
    'an error after a result',
    {single: {...own, at: 1}, error: {...own, at: 2}},
    'failed',
    'duplicate result',
  ],
  ['a cancellation', {error: {...own, at: 1, more: cancelled}}, 'failed', 'process'],
  [
    'a cancellation after a result',
    {single: {...own, at: 1}, error: {...own, at: 2, more: cancelled}},
    'done a.csv',
    'duplicate result',
  ],
  ['several outputs', {outputs: {...own, at: 1, more: part}}, 'done outputs', 'duplicate result'],
  ['one of several outputs alone', {single: {...own, at: 1, more: part}}, 'open', 'process'],
  ['several outputs that are being written', {outputs: {...own, at: 1, more: pending}}, 'open', 'process'],
  [
    'both, of two generations',
    {single: {...own, at: 1}, outputs: {source: OLDER, at: 2, more: part}},
    'done a.csv',
    'duplicate result',
  ],
  [
    'both, the list later',
    {single: {...own, at: 1}, outputs: {...own, at: 2, more: part}},
    'done outputs',
    'duplicate result',
  ],
  [
    'both, the list earlier',
    {single: {...own, at: 2}, outputs: {...own, at: 1, more: part}},
    'done a.csv',
    'duplicate result',
  ],
  [
    'both at once',
    {single: {...own, at: 1}, outputs: {...own, at: 1, more: part}},
    'done outputs',
    'duplicate result',
  ],
]

describe('what was written about a file means the same to the CLI and to the worker', () => {
  test.each(CASES)('%s', (_, written, shown, done) => {
    const single = written.single && stored('a.csv', written.single)
    const outputs = written.outputs && stored('outputs', written.outputs)
    const error = written.error && stored('error', written.error)
    const verdict = judge(GENERATION, {result: resultOf(single, outputs), error, report: undefined})
    const said = {
      open: () => 'open',
      failed: () => 'failed',
      done: () => `done ${'commit' in verdict ? verdict.commit.name : ''}`,
      superseded: () => `by ${'by' in verdict ? verdict.by : ''}`,
    }
    expect(said[verdict.kind]()).toBe(shown)
    const committed = (object: StoredObject | undefined) => object && toCommitted(object)
    const delivery = {
      event: {generation: GENERATION, reprocessId: undefined},
      publishTime: '2026-11-23T00:00:00Z',
    }
    const result = newerResult(committed(single), committed(outputs))
    const decision = decide(delivery, result, committed(error))
    const kind = decision.kind === 'duplicate' ? `duplicate ${decision.of}` : decision.kind
    expect(decision.kind === 'superseded' ? `by ${decision.by}` : kind).toBe(done)
  })
})
