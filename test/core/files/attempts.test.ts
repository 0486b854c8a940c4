import {expect, it} from 'vitest'
import {attemptsOf} from '../../../src/core/files/attempts.ts'
import type {LogLine} from '../../../src/core/ports/logs.ts'

const FILE = {object: 'many/throw.csv', generation: '1795914553928000'}

it('tells the deliveries of two notifications apart, each with its answer and reason, whatever the order of lines', () => {
  const lines = [
    line('01:09:14.179', {messageId: '13', message: 'processing'}),
    line('01:09:14.195', {messageId: '13', fields: {outcome: 'failed'}}),
    line('01:10:44.324', {messageId: '14', message: 'processing', revision: 'worker-00002'}),
    line('01:10:44.700', {
      messageId: '14',
      message: 'refused, to be delivered again: boom',
      fields: {outcome: 'refused'},
    }),
    line('01:10:44.781', {source: 'requests', messageId: undefined, status: 503, message: 'POST / 503'}),
    line('01:10:54.799', {messageId: '14', attempt: 2, message: 'processing'}),
  ]
  expect(attemptsOf(lines.toReversed(), FILE)).toMatchObject([
    {attempt: 1, messageId: '13', startedAt: at('01:09:14.179'), answer: 'ack', outcome: 'failed'},
    {
      attempt: 1,
      messageId: '14',
      endedAt: at('01:10:44.781'),
      answer: 'nack',
      status: 503,
      outcome: 'refused',
      reason: {message: 'boom'},
      revision: 'worker-00002',
    },
    {attempt: 2, messageId: '14', startedAt: at('01:10:54.799')},
  ])
  expect(attemptsOf(lines, FILE).at(-1)).not.toHaveProperty('endedAt')
})

it('gives a crash without a line of the worker the reason that Cloud Run logs', () => {
  const lines = [
    line('01:10:44.325', {message: 'processing'}),
    line('01:10:45.103', {source: 'system', messageId: undefined, message: 'Container called exit(1).'}),
  ]
  expect(attemptsOf(lines, FILE)).toMatchObject([
    {endedAt: at('01:10:45.103'), answer: 'nack', reason: {message: 'Container called exit(1).'}},
  ])
})

it('tells what the job did from the delivery that handed the file over to it', () => {
  const revision = 'worker-00002'
  const lines = [
    line('01:10:44.325', {message: 'processing', revision}),
    line('01:10:44.500', {message: 'handed over', fields: {outcome: 'handed-over'}, revision}),
    line('01:10:46.000', {message: 'processing'}),
    line('01:10:44.600', {
      source: 'requests',
      messageId: undefined,
      status: 200,
      message: 'POST / 200',
      revision,
    }),
    line('01:10:58.000', {message: "the job's attempt failed: boom", fields: {outcome: 'refused'}}),
  ]
  const [delivery, job, ...others] = attemptsOf(lines, FILE)
  expect(delivery).toMatchObject({outcome: 'handed-over', answer: 'ack', status: 200, revision})
  expect(job).toMatchObject({byJob: true, startedAt: at('01:10:46.000'), reason: {message: 'boom'}})
  expect(job).not.toHaveProperty('answer')
  expect(others).toEqual([])
})

it('leaves out a task that helped, and how its container ended', () => {
  const lines = [
    line('01:10:46.000', {message: 'processing'}),
    line('01:10:47.000', {task: '2', severity: 'WARNING', message: 'task 2 failed: boom'}),
    line('01:10:48.000', {
      source: 'system',
      messageId: undefined,
      task: '2',
      message: 'Container called exit(1).',
    }),
  ]
  const [attempt, ...others] = attemptsOf(lines, FILE)
  expect(attempt).toMatchObject({startedAt: at('01:10:46.000')})
  expect(attempt).not.toHaveProperty('endedAt')
  expect(attempt).not.toHaveProperty('reason')
  expect(others).toEqual([])
})

it('leaves out lines about other objects and other generations', () => {
  const lines = [line('01:09:14.179', {object: 'other.csv'}), line('01:09:14.179', {generation: '1'})]
  expect(attemptsOf(lines, FILE)).toEqual([])
})

function at(time: string): string {
  return `2026-11-29T${time}Z`
}

function line(time: string, given: Partial<LogLine>): LogLine {
  return {
    source: 'worker',
    time: at(time),
    insertId: time,
    severity: 'INFO',
    message: '',
    ...FILE,
    attempt: 1,
    messageId: '13',
    revision: undefined,
    status: undefined,
    latencyMs: undefined,
    instance: undefined,
    fields: {},
    ...given,
  }
}
