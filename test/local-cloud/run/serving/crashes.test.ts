import {describe, expect, it} from 'vitest'
import {ManualClock} from '../../../support/manual-clock.ts'
import {pushEnvelope} from '../../../support/push-envelope.ts'
import {startRun, type LocalRun} from '../local-run.ts'

/** Does what the pushed object's name says. */
const OBEDIENT = {
  'app/main.js': `
    const held = []
    const orders = {
      'exit.csv': () => process.exit(7),
      'killed.csv': () => process.kill(process.pid, 'SIGKILL'),
      'hang.csv': () => console.log('hangs'),
      'spin.csv': () => { console.log('spins'); setImmediate(() => { for (;;); }) },
      'buffers.csv': () => { for (;;) held.push(Buffer.alloc(2 ** 20, 1)) },
      'objects.csv': () => { for (;;) held.push({at: held.length, text: 'x' + held.length}) },
    }
    require('node:http').createServer(async (request, response) => {
      let text = ''
      for await (const chunk of request) text += chunk
      const order = text && orders[JSON.parse(text).message.attributes.objectId]
      if (order) order()
      else response.end(String(process.constrainedMemory()))
    }).listen(Number(process.env.PORT))`,
}

async function deployObedient(local: LocalRun, template: object = {}): Promise<string> {
  const image = await local.push({files: OBEDIENT})
  return local.deploy('worker', {
    containers: [{image, resources: {limits: {cpu: '1', memory: '256Mi'}, cpuIdle: true}}],
    maxInstanceRequestConcurrency: 1,
    ...template,
  })
}

function push(uri: string, object: string): Promise<Response> {
  const body = pushEnvelope({bucket: 'in', object, generation: '17', messageId: 'm1', attempt: 2})
  return fetch(uri, {
    method: 'POST',
    headers: {'content-type': 'application/json'},
    body: JSON.stringify(body),
  })
}

const LABELS = {bucket: 'in', generation: '17', 'message-id': 'm1', attempt: '2'}

/** Of Cloud Run's own logs, what is about an object. */
function told({entries}: LocalRun, object: string): {log: string; [field: string]: unknown}[] {
  return entries.flatMap(({logName, labels, severity, textPayload, httpRequest}) => {
    const log = decodeURIComponent(logName.slice(logName.lastIndexOf('/') + 1))
    if (labels?.['object'] !== object) return []
    expect(labels).toMatchObject({...LABELS, object})
    return [{log, severity, textPayload, status: httpRequest?.['status']}]
  })
}

describe('the log says which file was in an instance that ended, and why it ended', () => {
  it.each([
    ['exit.csv', /^Container called exit\(7\)( with \d+ of 256 MiB used)?\.$/],
    ['killed.csv', /^Container terminated on signal 9( with \d+ of 256 MiB used)?\.$/],
    [
      'objects.csv',
      /^Container terminated on signal 6: JavaScript heap out of memory with \d+ of 256 MiB used\. Consider increasing the memory limit/,
    ],
  ])('%s', {timeout: 60_000}, async (object, reason) => {
    const local = await startRun()
    const uri = await deployObedient(local)
    expect((await push(uri, object)).status).toBe(503)
    const requests = 'run.googleapis.com/requests'
    expect(told(local, object)).toEqual([
      {
        log: requests,
        severity: 'ERROR',
        status: 503,
        textPayload: expect.stringContaining('connection to the instance had an error'),
      },
      {
        log: 'run.googleapis.com/varlog/system',
        severity: 'ERROR',
        status: undefined,
        textPayload: expect.stringMatching(reason),
      },
    ])
    expect((await push(uri, 'good.csv')).status).toBe(200)
    expect(told(local, 'good.csv')).toEqual([])
  })

  it.runIf(process.platform === 'linux')(
    'an instance above its memory limit is ended, as a container is',
    {timeout: 60_000},
    async () => {
      const local = await startRun()
      const uri = await deployObedient(local)
      expect(await (await fetch(uri)).text()).toBe(String(256 * 2 ** 20))
      expect((await push(uri, 'buffers.csv')).status).toBe(503)
      const [, ended] = told(local, 'buffers.csv')
      const used = /^Memory limit of 256 MiB exceeded with (\d+) MiB used\./.exec(
        String(ended?.['textPayload']),
      )
      expect(Number(used?.[1])).toBeGreaterThan(256)
    },
  )

  it.each(['hang.csv', 'spin.csv'])('%s: the request that reached its timeout', async (object) => {
    const clock = new ManualClock()
    const local = await startRun({clock})
    const uri = await deployObedient(local, {timeout: {seconds: 5}})
    const pushed = push(uri, object)
    await expect
      .poll(() => local.entries.some(({textPayload = ''}) => /^(?:hangs|spins)$/.test(textPayload)))
      .toBe(true)
    await clock.advance(5000)
    expect((await pushed).status).toBe(504)
    expect(told(local, object)).toMatchObject([
      {status: 504, textPayload: expect.stringContaining('has reached the maximum request timeout')},
    ])
    for (const {pid} of local.run.instances()) process.kill(pid, 'SIGKILL')
  })
})

it('a push that no instance took, or that may not invoke, is logged with its object', async () => {
  const local = await startRun()
  const uri = await deployObedient(local)
  local.faults.add([{on: {rpc: 'run.routes.invoke'}, answer: 500, message: 'not now'}])
  expect((await push(uri, 'a.csv')).status).toBe(500)
  expect(told(local, 'a.csv')).toMatchObject([{status: 500, textPayload: 'not now'}])
})
