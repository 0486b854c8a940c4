import {expect, test} from 'vitest'
import {standing, type Evidence} from '../../../src/core/files/state.ts'

const lastError = {message: 'own bug', at: '2026-11-01T12:00:00Z'}
const letter = {object: 'a', attempts: 5, publishedAt: '2026-11-01T12:10:00Z', reprocessId: undefined}
const job = {execution: 'e', startedAt: '2026-11-01T12:20:00Z'}
const running = {state: 'running', attempts: 1, job} as const
const gaveUp = {state: 'failed', attempts: 1, job} as const
const before = {state: 'waiting', attempts: 5, startedAt: '2026-11-01T12:09:00Z', lastError} as const
const after = {state: 'waiting', attempts: 1, startedAt: '2026-11-01T12:11:00Z', lastError} as const

const nothing: Evidence = {
  letter: undefined,
  handedOver: undefined,
  activity: undefined,
  settings: {maxDeliveryAttempts: 5, minimumBackoff: 10, maximumBackoff: 30},
}

test.each<[string, Partial<Evidence>, object]>([
  ['nothing is known', {}, {state: 'waiting', attempts: 0}],
  ['an attempt was refused', {activity: after}, {state: 'waiting', attempts: 1, lastError}],
  [
    'its second attempt was refused, and the third is due after twice the shortest wait',
    {activity: {...after, attempts: 2, endedMs: Date.parse('2026-11-01T12:11:30Z')}},
    {state: 'waiting', retry: {attempt: 3, of: 5, notBefore: '2026-11-01T12:11:50.000Z'}},
  ],
  [
    'it waits no longer than the longest wait',
    {activity: {...after, attempts: 4, endedMs: Date.parse('2026-11-01T12:11:30Z')}},
    {state: 'waiting', retry: {attempt: 5, of: 5, notBefore: '2026-11-01T12:12:00.000Z'}},
  ],
  ['an attempt runs', {activity: {...after, state: 'running'}}, {state: 'running', attempts: 1, lastError}],
  ['it is dead', {letter, activity: before}, {state: 'dead', attempts: 5, lastError}],
  ['the logs have nothing of a dead one', {letter}, {state: 'dead', attempts: 5}],
  [
    'it was reprocessed since it is dead',
    {letter, activity: after},
    {state: 'waiting', attempts: 1, lastError},
  ],
  ['it was redriven', {activity: before}, {state: 'waiting', attempts: 0, lastError}],
  ['a job has it', {handedOver: running, activity: after}, {state: 'running', job, attempts: 1}],
  [
    'a job has it although it is dead',
    {letter, handedOver: running, activity: before},
    {state: 'running', job},
  ],
  [
    'a job gave it up',
    {handedOver: gaveUp, activity: {...after, attempts: 2}},
    {state: 'failed', attempts: 2},
  ],
  [
    'a job gave it up, and a later delivery too',
    {letter, handedOver: gaveUp, activity: before},
    {state: 'dead'},
  ],
])('%s', (_, known, stands) => {
  expect(standing({...nothing, ...known})).toMatchObject(stands)
})
