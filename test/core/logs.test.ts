import {expect, test} from 'vitest'
import {logs} from '../../src/core/logs.ts'
import {AppError} from '../../src/core/errors.ts'
import type {LogLine} from '../../src/core/ports/logs.ts'
import {addFault} from '../support/fault-plan.ts'
import {type LocalPipeline, startLocalPipeline} from '../support/local-pipeline.ts'

/** Writes lines of the pipeline's worker. */
async function write(context: LocalPipeline, entries: readonly object[]): Promise<void> {
  const {project} = context.pipeline.settings
  const response = await fetch(`${context.endpoint}/v2/entries:write`, {
    method: 'POST',
    body: JSON.stringify({
      logName: `projects/${project}/logs/${encodeURIComponent('run.googleapis.com/stdout')}`,
      resource: {
        type: 'cloud_run_revision',
        labels: {project_id: project, service_name: context.pipeline.names.service},
      },
      entries,
    }),
  })
  expect(response.status).toBe(200)
}

test('lines of the same millisecond are in the order in which they were written', async () => {
  const context = await startLocalPipeline()
  const second = new Date().toISOString().slice(0, -5)
  await write(context, [
    {insertId: 'd', timestamp: `${second}.123000100Z`, textPayload: 'one'},
    {insertId: 'c', timestamp: `${second}.123000200Z`, textPayload: 'two'},
    {insertId: 'a', timestamp: `${second}.123400Z`, textPayload: 'three'},
    {insertId: 'b', timestamp: `${second}.123400Z`, textPayload: 'four'},
  ])
  const lines = await Array.fromAsync(logs({tail: false}, context))
  expect(lines.map(({message}) => message)).toEqual(['one', 'two', 'three', 'four'])
})

test(
  'a tail goes on after its session, although the logs cannot be read for a while',
  {timeout: 30_000},
  async () => {
    const context = await startLocalPipeline()
    const stop = new AbortController()
    const tail = logs({tail: true}, {...context, signal: stop.signal})
    await write(context, [{textPayload: 'before'}])
    expect((await tail.next()).value).toMatchObject({message: 'before'})
    const next = tail.next()
    // The session is open once a line comes through it.
    const first = await Promise.race([next, writeUntil(context, next)])
    expect(first).toMatchObject({value: {message: 'open'}})

    // More often than one reading is tried.
    await addFault(context.endpoint, {on: {method: 'POST', path: '/v2/entries:list'}, answer: 503, times: 6})
    context.local.advanceTime(3600_000)
    await write(context, [{textPayload: 'meanwhile'}])
    const messages: unknown[] = []
    for await (const {message} of tail) {
      messages.push(message)
      if (message === 'meanwhile') break
    }
    expect(messages.filter((message) => message !== 'open')).toEqual(['meanwhile'])
    stop.abort()
  },
)

test(
  'a tail whose stream breaks again and again goes on as long as lines arrive',
  {timeout: 30_000},
  async () => {
    const context = await startLocalPipeline()
    await write(context, [{textPayload: 'a line'}])
    const written = await Array.fromAsync(logs({tail: false}, context))
    let breaks = 0
    async function* tail(): AsyncGenerator<LogLine> {
      breaks++
      for (const line of written) yield {...line, insertId: `line-${breaks}`}
      throw new AppError('The stream broke.', {code: 'unavailable'})
    }
    const source = {...context.cloud.logs, tail}
    const ids: string[] = []
    for await (const {insertId} of logs(
      {tail: true},
      {...context, cloud: {...context.cloud, logs: source}},
    )) {
      ids.push(insertId)
      if (breaks > 6) break
    }
    expect(ids.at(-1)).toBe('line-7')
  },
)

/** Writes a line at a time until one has arrived. */
async function writeUntil(context: LocalPipeline, arrived: Promise<unknown>): Promise<never> {
  const over = new AbortController()
  void arrived.finally(() => over.abort())
  while (!over.signal.aborted) {
    await write(context, [{textPayload: 'open'}])
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return new Promise(() => {})
}
