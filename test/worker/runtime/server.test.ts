import {describe, expect, it} from 'vitest'
import type {Processor} from '../../../worker/processor.ts'
import {pushEnvelope} from '../../support/push-envelope.ts'
import {startWorker} from '../../support/running-worker.ts'

const copy: Processor & {runs: number} = {
  name: 'copy',
  runs: 0,
  async process(input, output) {
    this.runs += 1
    for await (const chunk of await input.open()) await output.write(chunk)
  },
}

describe('HTTP', () => {
  it('answers probes, and knows no other paths and methods', async () => {
    await using worker = await startWorker(copy)
    const status = async (path: string, method = 'GET'): Promise<number> =>
      (await fetch(`${worker.url}${path}`, {method})).status
    expect(await status('/healthz')).toBe(200)
    expect(await status('/healthz?x=1')).toBe(200)
    expect(await status('/healthz', 'POST')).toBe(405)
    expect(await status('/')).toBe(405)
    expect(await status('/other', 'POST')).toBe(404)
  })

  it.each([
    ['no JSON', 'hello'],
    ['no notification', JSON.stringify({message: {data: 'aGk=', messageId: '1'}})],
    ['more than a message can be', 'x'.repeat(17 * 1024 * 1024)],
  ])('acknowledges %s, with an ERROR', async (_, body) => {
    await using worker = await startWorker(copy)
    const response = await fetch(worker.url, {method: 'POST', body})
    expect(response.status).toBe(204)
    expect(worker.lines.at(-1)).toMatchObject({severity: 'ERROR', outcome: 'malformed'})
  })

  it.each([
    ['x-cloud-trace-context', '105445aa7843bc8bf206b12000100000/1;o=1'],
    ['traceparent', '00-105445aa7843bc8bf206b12000100000-00f067aa0ba902b7-01'],
  ])('puts the trace of %s on the lines', async (name, value) => {
    await using worker = await startWorker(copy)
    const body = JSON.stringify(pushEnvelope({bucket: 'input', object: 'x/', generation: '1'}))
    await fetch(worker.url, {method: 'POST', body, headers: {[name]: value}})
    expect(worker.lines.at(-1)).toMatchObject({
      'logging.googleapis.com/trace': 'projects/demo/traces/105445aa7843bc8bf206b12000100000',
    })
  })
})

describe('what is not a file', () => {
  it('is acknowledged without reaching the process', async () => {
    copy.runs = 0
    await using worker = await startWorker(copy)
    const statuses = [
      await worker.deliver('a', '1', {eventType: 'OBJECT_DELETE'}),
      await worker.deliver('folder/', '1'),
      await worker.deliver('_cloud-runner/a/report.json', '1'),
      await worker.deliver('a', '1', {bucket: 'output'}),
      await worker.deliver('a', '1', {bucket: 'elsewhere'}),
    ]
    expect(statuses).toEqual(Array(5).fill(204))
    expect(worker.lines.map((line) => line['severity'])).toEqual([
      'DEBUG',
      'DEBUG',
      'INFO',
      'WARNING',
      'WARNING',
    ])
    expect(worker.outcomes()).toEqual(Array(5).fill('skipped'))
    expect(copy.runs).toBe(0)
  })

  it('includes our own results, which would go round for ever', async () => {
    copy.runs = 0
    await using worker = await startWorker(copy)
    const generation = await worker.upload('a', 'x', {'source-generation': '5'})
    expect(await worker.deliver('a', generation)).toBe(204)
    expect(worker.outcomes()).toEqual(['skipped'])
    expect(copy.runs).toBe(0)
  })
})

describe('the canary', () => {
  const canary = '_cloud-runner/canary/1'

  it('is answered under its own name, before the process', async () => {
    copy.runs = 0
    await using worker = await startWorker(copy, {K_REVISION: 'worker-00002'})
    const generation = await worker.upload(canary, 'tweet')
    expect(await worker.deliver(canary, generation)).toBe(204)
    expect(JSON.parse((await worker.text(worker.output(canary))) ?? '')).toEqual({
      object: canary,
      generation,
      processor: 'copy',
      revision: 'worker-00002',
    })
    expect(await worker.metadataOf(worker.output(canary))).toMatchObject({'source-generation': generation})
    expect(copy.runs).toBe(0)
  })

  it('is refused if the output bucket cannot be written, acknowledged if it is gone', async () => {
    await using worker = await startWorker(copy)
    const generation = await worker.upload(canary, 'tweet')
    worker.proxy.fails = (method, url) => method === 'POST' && url.pathname.includes('/b/output/')
    expect(await worker.deliver(canary, generation)).toBe(503)
    await worker.input(canary).delete()
    expect(await worker.deliver(canary, generation)).toBe(204)
    expect(worker.outcomes()).toEqual(['refused', 'gone'])
  })
})
