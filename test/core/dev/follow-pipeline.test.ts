import {expect, onTestFinished, test} from 'vitest'
import {followPipeline} from '../../../src/core/dev/follow-pipeline.ts'
import {setup} from '../../../src/core/setup/setup.ts'
import {startLocalPipeline} from '../../support/local-pipeline.ts'
import {capitals, workerFolder} from '../../support/worker-folder.ts'

const HOUR_MS = 3_600_000

test('reports new lines after one dated in the future', async () => {
  const context = await startLocalPipeline()
  await setup({workerFolder: await workerFolder('processor.js', capitals('')), model: undefined}, context)
  const {settings, names} = context.pipeline
  const write = async (message: string, timestamp: number): Promise<void> => {
    const response = await fetch(`${context.endpoint}/v2/entries:write`, {
      method: 'POST',
      headers: {'content-type': 'application/json'},
      body: JSON.stringify({
        logName: `projects/${settings.project}/logs/run.googleapis.com%2Fstdout`,
        resource: {type: 'cloud_run_revision', labels: {service_name: names.service}},
        entries: [{textPayload: message, timestamp: new Date(timestamp).toISOString()}],
      }),
    })
    expect(response.status).toBe(200)
  }

  const stop = new AbortController()
  const told: string[] = []
  let woken = Promise.withResolvers<void>()
  const running = followPipeline({...context, signal: stop.signal}).run({
    line({message}) {
      told.push(message)
      woken.resolve()
    },
    file() {},
  })
  onTestFinished(async () => {
    stop.abort(new Error('enough'))
    await running.catch(() => undefined)
  })
  const until = async (message: string): Promise<void> => {
    while (!told.includes(message)) {
      woken = Promise.withResolvers()
      await Promise.race([woken.promise, running])
    }
  }

  await write('from the future', Date.now() + HOUR_MS)
  await until('from the future')
  await write('from now', Date.now())
  await until('from now')
  expect(told.filter((message) => message.startsWith('from'))).toEqual(['from the future', 'from now'])
}, 60_000)
