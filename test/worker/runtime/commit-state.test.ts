import {describe, expect, it} from 'vitest'
import {commitMetadata, decide, isSameRun, toCommitted} from '../../../worker/runtime/commit-state.ts'
import {newerResult} from '../../../worker/outcome.ts'

const at = (second: number): string => new Date(Date.UTC(2026, 10, 22, 13, 0, second)).toISOString()

function committed(
  source: string | undefined,
  second: number,
  reprocessId?: string,
  more: Record<string, string> = {},
) {
  return toCommitted({
    generation: `9${second}`,
    timeCreated: at(second),
    metadata: {
      ...(source === undefined ? {} : {'source-generation': source}),
      ...(reprocessId === undefined ? {} : {'reprocess-id': reprocessId}),
      ...more,
    },
  })
}
/** A delivery that was published at a second. */
const event = (generation: string, reprocessId?: string, second = 0) => ({
  event: {generation, reprocessId},
  publishTime: at(second),
})

describe('decide', () => {
  it('processes a file without a result', () => {
    expect(decide(event('5'), undefined, undefined)).toEqual({kind: 'process'})
  })
  it('processes over an older result, an older error, and a foreign object', () => {
    expect(decide(event('5'), committed('4', 1), undefined)).toEqual({kind: 'process'})
    expect(decide(event('5'), undefined, committed('4', 1)).kind).toBe('process')
    expect(decide(event('5'), committed(undefined, 1), undefined)).toEqual({kind: 'process'})
  })
  it('knows a duplicate by the result and by the error', () => {
    expect(decide(event('5'), committed('5', 1), undefined)).toMatchObject({kind: 'duplicate', of: 'result'})
    expect(decide(event('5'), undefined, committed('5', 1))).toMatchObject({kind: 'duplicate', of: 'error'})
    expect(decide(event('5'), committed('4', 1), committed('5', 2))).toMatchObject({of: 'error'})
  })
  it('compares generations as numbers, beyond 2^53', () => {
    expect(decide(event('10'), committed('9', 1), undefined).kind).toBe('process')
    expect(decide(event('9007199254740993'), committed('9007199254740992', 1), undefined).kind).toBe(
      'process',
    )
  })
  it('leaves alone what is of a newer generation, be it a result or an error', () => {
    expect(decide(event('5'), committed('6', 1), undefined)).toEqual({kind: 'superseded', by: 6n})
    expect(decide(event('5', 'r1'), committed('5', 1), committed('6', 2)).kind).toBe('superseded')
  })
  it('processes again on request, once', () => {
    expect(decide(event('5', 'r1'), committed('5', 1), undefined).kind).toBe('process')
    expect(decide(event('5', 'r1'), committed('5', 1, 'r1'), undefined).kind).toBe('duplicate')
    expect(decide(event('5', 'r2'), committed('5', 1, 'r1'), undefined).kind).toBe('process')
    expect(decide(event('5'), committed('5', 1, 'r1'), undefined).kind).toBe('duplicate')
    expect(decide(event('5', 'r1'), undefined, committed('5', 1)).kind).toBe('process')
  })
  it('does not process a file cancelled after publication, whatever requested it', () => {
    const cancelled = committed('5', 3, undefined, {cancelled: 'true'})
    expect(decide(event('5', undefined, 2), undefined, cancelled)).toEqual({kind: 'cancelled'})
    expect(decide(event('5', 'r1', 2), committed('5', 1), cancelled)).toEqual({kind: 'cancelled'})
    expect(decide(event('5', 'r1', 4), undefined, cancelled).kind).toBe('process')
    expect(decide(event('5', undefined, 4), undefined, cancelled).kind).toBe('process')
    expect(decide(event('6', undefined, 2), undefined, cancelled).kind).toBe('process')
    expect(decide(event('4', undefined, 2), undefined, cancelled).kind).toBe('superseded')
    expect(decide(event('5', undefined, 2), committed('5', 1), cancelled)).toMatchObject({of: 'result'})
  })
  it('finds an error that a success has not come to remove, and no other', () => {
    const older = committed('5', 1)
    expect(decide(event('5', 'r1'), committed('5', 2, 'r1'), older)).toMatchObject({staleError: older})
    expect(decide(event('5'), committed('5', 2), committed('5', 3, 'r1'))).toMatchObject({
      staleError: undefined,
    })
  })
})

it('knows what the very same run has written', () => {
  const delivery = {
    messageId: '1',
    publishTime: at(0),
    attempt: 2,
    project: undefined,
    event: {eventType: 'OBJECT_FINALIZE', bucket: 'in', object: 'a', generation: '5', reprocessId: undefined},
  }
  const metadata = commitMetadata(delivery, new Date(at(1)))
  const written = toCommitted({generation: '1', timeCreated: at(2), metadata})
  expect(isSameRun(written, metadata)).toBe(true)
  expect(isSameRun(written, commitMetadata({...delivery, attempt: 3}, new Date(at(1))))).toBe(false)
})

describe('newerResult', () => {
  const outputs = (source: string, second: number, more: Record<string, string> = {}) =>
    committed(source, second, undefined, {'source-object': 'a', outputs: '2', ...more})

  it('is the list of several outputs, not one of them under the own name of the input', () => {
    const part = committed('5', 1, undefined, {'source-object': 'a'})
    expect(newerResult(part, undefined)).toBeUndefined()
    expect(newerResult(part, outputs('5', 2))).toMatchObject({outputGeneration: '92'})
    expect(newerResult(committed('5', 1), undefined)).toMatchObject({outputGeneration: '91'})
  })
  it('is the newer one after the worker changed, by source, then by time', () => {
    expect(newerResult(committed('6', 1), outputs('5', 2))).toMatchObject({outputGeneration: '91'})
    expect(newerResult(committed('5', 1), outputs('6', 2))).toMatchObject({outputGeneration: '92'})
    expect(newerResult(committed('5', 3), outputs('5', 2))).toMatchObject({outputGeneration: '93'})
    expect(newerResult(committed(undefined, 3), outputs('5', 2))).toMatchObject({outputGeneration: '92'})
  })
  it('is no effect while its outputs are being written, but supersedes older events', () => {
    const pending = outputs('5', 2, {pending: 'true'})
    expect(decide(event('5'), pending, undefined)).toEqual({kind: 'process'})
    expect(decide(event('4'), pending, undefined)).toEqual({kind: 'superseded', by: 5n})
  })
})
