import {existsSync} from 'node:fs'
import {request as send} from 'node:http'
import {describe, expect, it} from 'vitest'
import {ManualClock} from '../../../support/manual-clock.ts'
import {ECHO, INVOKER, LOCATION, startRun, type LocalRun} from '../local-run.ts'
import {killProcess} from '../../../support/kill.ts'

const SERVICE = `${LOCATION}/services/worker`

/** For what no event tells of. */
async function eventually(look: () => unknown): Promise<void> {
  await expect.poll(look).toBeTruthy()
}

/** Sends a request and throws the answer's body away. @returns the status */
function statusOf(uri: string, headers: Record<string, string>): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    send(uri, {headers, agent: false}, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
      .on('error', reject)
      .end()
  })
}

const requestLog = ({entries}: LocalRun) =>
  entries.filter(({logName}) => logName.endsWith('run.googleapis.com%2Frequests'))
const status = async (response: Promise<Response>): Promise<number> => (await response).status

describe('who may call', () => {
  it('wants a token for the service, of an account that is an invoker', async () => {
    const local = await startRun()
    const uri = await local.deploy(
      'worker',
      {containers: [{image: await local.push({files: ECHO})}]},
      {invokerIamDisabled: false, customAudiences: ['https://own.example']},
    )
    const call = (token?: string) =>
      fetch(uri, token === undefined ? {} : {headers: {authorization: `Bearer ${token}`}})
    const mint = (audience: string) => local.tokens.mint({email: INVOKER, audience})
    expect((await call()).status).toBe(403)
    const broken = await call('not.a.token')
    expect([broken.status, broken.headers.get('www-authenticate')]).toEqual([
      401,
      expect.stringContaining('invalid_token'),
    ])
    expect((await call(mint('https://other.example'))).status).toBe(401)
    expect((await call(mint(uri))).status).toBe(403)
    expect(local.access.denials()[0]).toMatchObject({
      principal: `serviceAccount:${INVOKER}`,
      permission: 'run.routes.invoke',
      resource: SERVICE,
    })

    await local.services.setIamPolicy({
      resource: SERVICE,
      policy: {bindings: [{role: 'roles/run.invoker', members: [`serviceAccount:${INVOKER}`]}]},
    })
    const passed = await call(mint(uri))
    expect(passed.status).toBe(200)
    expect(await passed.json()).toHaveProperty(
      'headers.authorization',
      expect.stringMatching(/^Bearer [^.]+\.[^.]+\.SIGNATURE_REMOVED_BY_GOOGLE$/),
    )
    expect((await call(mint('https://own.example'))).status).toBe(200)
    expect((await call(mint(`${uri}/`))).status).toBe(200)

    await local.services.setIamPolicy({
      resource: SERVICE,
      policy: {bindings: [{role: 'roles/run.invoker', members: ['allUsers']}]},
    })
    expect((await call()).status).toBe(200)
    expect(requestLog(local).map(({severity, httpRequest}) => [severity, httpRequest?.['status']])).toEqual([
      ['WARNING', 403],
      ['WARNING', 401],
      ['WARNING', 401],
      ['WARNING', 403],
      ['INFO', 200],
      ['INFO', 200],
      ['INFO', 200],
      ['INFO', 200],
    ])
  })
})

describe('what is logged', () => {
  it('has output by its fields and a request log with the trace', async () => {
    const local = await startRun()
    const files = {
      'app/main.js': `${ECHO['app/main.js']}; console.error('plain'); process.on('SIGTERM', () => process.stdout.write('no line end')); `,
    }
    const uri = await local.deploy('worker', {containers: [{image: await local.push({files})}]})
    const traceId = '0123456789abcdef0123456789abcdef'
    await (
      await fetch(`${uri}/path`, {
        headers: {traceparent: `00-${traceId}-0123456789abcdef-01`, 'user-agent': 'tester'},
      })
    ).text()
    const revision = local.run.instances()[0]?.revision
    const resource = {
      type: 'cloud_run_revision',
      labels: {
        project_id: 'p',
        service_name: 'worker',
        revision_name: revision,
        location: 'europe-west3',
        configuration_name: 'worker',
      },
    }
    await eventually(() => requestLog(local)[0])
    expect(requestLog(local)).toMatchObject([
      {
        resource,
        severity: 'INFO',
        trace: `projects/p/traces/${traceId}`,
        httpRequest: {
          requestMethod: 'GET',
          requestUrl: `${uri}/path`,
          status: 200,
          userAgent: 'tester',
          latency: expect.stringMatching(/^\d+\.\d{3}s$/),
        },
      },
    ])
    const listening = local.entries.find(({jsonPayload}) => jsonPayload !== undefined)
    expect(listening).toMatchObject({
      logName: 'projects/p/logs/run.googleapis.com%2Fstdout',
      resource,
      severity: 'NOTICE',
      labels: {part: 'start', instanceId: expect.stringMatching(/^[0-9a-f]{64}$/)},
    })
    expect(listening?.jsonPayload).toEqual({message: 'listening', more: 1})
    expect(local.entries).toContainEqual(
      expect.objectContaining({logName: 'projects/p/logs/run.googleapis.com%2Fstderr', textPayload: 'plain'}),
    )
    await local.stop()
    expect(local.entries).toContainEqual(
      expect.objectContaining({textPayload: expect.stringMatching(/^no line end/)}),
    )
    expect(local.entries).toContainEqual(
      expect.objectContaining({textPayload: expect.stringContaining('SIGTERM seen')}),
    )
  })
})

it('answers pages of this machine, and none from elsewhere', async () => {
  const local = await startRun()
  const uri = await local.deploy('worker', {containers: [{image: await local.push({files: ECHO})}]})
  const call = (headers: Record<string, string>) => statusOf(uri, headers)
  expect(await call({'sec-fetch-site': 'cross-site'})).toBe(403)
  expect(await call({'sec-fetch-site': 'cross-site', origin: 'https://evil.example'})).toBe(403)
  expect(await call({'sec-fetch-site': 'same-site', origin: 'http://localhost:3000'})).toBe(200)
  expect(await call({'sec-fetch-site': 'none'})).toBe(200)
})

it('passes on an answer that comes before the body was read', async () => {
  const local = await startRun()
  const files = {
    'app/main.js': `require('node:http').createServer((request, response) => {
      response.writeHead(413).end('too large')
    }).listen(process.env.PORT)`,
  }
  const uri = await local.deploy('worker', {containers: [{image: await local.push({files})}]})
  for (let index = 0; index < 20; index++) {
    const response = await fetch(uri, {method: 'POST', body: Buffer.alloc(8 * 1024 * 1024)})
    expect([response.status, await response.text()]).toEqual([413, 'too large'])
  }
})

describe('instances for requests', () => {
  it('fills the concurrency, then starts more instances, then queues, then answers 429', async () => {
    const clock = new ManualClock()
    const local = await startRun({clock})
    const image = await local.push({files: ECHO})
    const uri = await local.deploy('worker', {
      containers: [{image}],
      maxInstanceRequestConcurrency: 2,
      scaling: {maxInstanceCount: 2},
    })
    const busy = () =>
      local.run
        .instances()
        .map((instance) => instance.busy)
        .toSorted((a, b) => a - b)
    const held = [fetch(`${uri}/slow`), fetch(`${uri}/slow`)]
    await eventually(() => busy()[0] === 2)
    expect(busy()).toEqual([2])
    held.push(fetch(`${uri}/slow`), fetch(`${uri}/slow`))
    await eventually(() => busy().join() === '2,2')

    const late = fetch(`${uri}/slow`)
    await eventually(() => local.run.instances().length === 2)
    // The front end has taken it in once it answers what was sent after it.
    expect(await statusOf(uri, {host: 'elsewhere'})).toBe(404)
    await clock.advance(60_000)
    const refused = await late
    expect([refused.status, await refused.text()]).toEqual([429, 'Rate exceeded.\n'])
    expect(requestLog(local).at(-1)).toMatchObject({
      severity: 'WARNING',
      textPayload: expect.stringContaining('no available instance'),
    })

    // One that waits is served as soon as there is room.
    const waiting = fetch(`${uri}/next`)
    for (const {port} of local.run.instances()) await fetch(`http://127.0.0.1:${port}/go`)
    expect((await waiting).status).toBe(200)
    expect(await Promise.all(held.map(status))).toEqual([200, 200, 200, 200])
  })

  it('stops unneeded instances, and starts one for the next request', async () => {
    const clock = new ManualClock()
    const local = await startRun({clock, idleMs: 60_000})
    const uri = await local.deploy('worker', {containers: [{image: await local.push({files: ECHO})}]})
    expect(local.run.instances()).toHaveLength(1)
    await clock.advance(59_000)
    expect(local.run.instances()).toHaveLength(1)
    await fetch(uri)
    await clock.advance(59_000)
    expect(local.run.instances()).toHaveLength(1)
    await clock.advance(1000)
    await eventually(() => local.run.instances().length === 0)
    expect((await fetch(uri)).status).toBe(200)
  })

  it('answers 504 after the timeout, also if the clock is set back, and does not end the instance', async () => {
    const clock = new ManualClock()
    const local = await startRun({clock})
    const uri = await local.deploy('worker', {
      containers: [{image: await local.push({files: ECHO})}],
      timeout: {seconds: 5},
      maxInstanceRequestConcurrency: 1,
    })
    const pid = local.run.instances()[0]?.pid
    const slow = fetch(`${uri}/slow`)
    await eventually(() => local.run.instances()[0]?.busy === 1)
    await clock.advance(2000)
    clock.setBack(3_600_000)
    await clock.advance(3000)
    expect((await slow).status).toBe(504)
    expect(requestLog(local)).toMatchObject([{httpRequest: {status: 504, latency: '5.000s'}}])
    expect(local.run.instances()).toMatchObject([{pid, busy: 0}])
    expect(await (await fetch(uri)).json()).toMatchObject({pid})
  })

  it('answers 503 to the requests of an instance that crashes; the next gets a new one', async () => {
    const local = await startRun()
    const uri = await local.deploy('worker', {containers: [{image: await local.push({files: ECHO})}]})
    const pid = local.run.instances()[0]?.pid
    const slow = fetch(`${uri}/slow`)
    await eventually(() => local.run.instances()[0]?.busy === 1)
    expect((await fetch(`${uri}/crash`)).status).toBe(503)
    expect((await slow).status).toBe(503)
    const next: unknown = await (await fetch(uri)).json()
    expect(next).toHaveProperty('pid', expect.any(Number))
    expect(next).not.toHaveProperty('pid', pid)
  })

  it('lets a request in progress finish on its old revision when a new one gets the traffic', async () => {
    const local = await startRun()
    const image = await local.push({files: ECHO})
    const uri = await local.deploy('worker', {containers: [{image}]})
    const [old] = local.run.instances()
    const slow = fetch(`${uri}/slow`)
    await eventually(() => local.run.instances()[0]?.busy === 1)
    const [update] = await local.services.updateService({
      service: {
        name: SERVICE,
        invokerIamDisabled: true,
        template: {containers: [{image, env: [{name: 'V', value: '2'}]}]},
      },
    })
    await update.promise()
    expect(await (await fetch(uri)).json()).toMatchObject({env: {V: '2'}})
    expect(
      local.run
        .instances()
        .map(({busy}) => busy)
        .toSorted((a, b) => a - b),
    ).toEqual([0, 1])
    await fetch(`http://127.0.0.1:${old?.port}/go`)
    expect(await (await slow).text()).toBe(`slow ${old?.pid}`)
    await eventually(() => local.run.instances().length === 1)
    expect(local.run.instances()[0]?.pid).not.toBe(old?.pid)
  })

  it('finishes a request in progress within the grace period when it stops', async () => {
    const local = await startRun()
    const files = {
      'app/main.js':
        "const http = require('node:http'); let held; process.on('SIGTERM', () => held.end('finished')); http.createServer((q, r) => { held = r; console.log('held') }).listen(process.env.PORT)",
    }
    const uri = await local.deploy('worker', {containers: [{image: await local.push({files})}]})
    const slow = fetch(uri)
    await eventually(() => local.entries.find(({textPayload}) => textPayload === 'held'))
    const stopped = local.run.drain()
    expect(await (await slow).text()).toBe('finished')
    killProcess(local.run.instances()[0]?.pid)
    await stopped
    expect(local.run.instances()).toEqual([])
  })

  it('kills an instance that does not heed SIGTERM after ten seconds', async () => {
    const clock = new ManualClock()
    const local = await startRun({clock})
    const files = {
      'app/main.js':
        "process.on('SIGTERM', () => console.log('no')); require('node:http').createServer().listen(process.env.PORT)",
    }
    await local.deploy('worker', {containers: [{image: await local.push({files})}]})
    const stopped = local.run.drain()
    await eventually(() => local.entries.find(({textPayload}) => textPayload === 'no'))
    await clock.advance(9999)
    expect(local.run.instances()).toHaveLength(1)
    await clock.advance(1)
    await stopped
    expect(local.run.instances()).toEqual([])
  })
})

describe('traffic', () => {
  it('is split by percent, and a tag has an address of its own', async () => {
    const local = await startRun()
    const image = await local.push({files: ECHO})
    const template = (value: string) => ({
      revision: `worker-${value}`,
      containers: [{image, env: [{name: 'V', value}]}],
    })
    const uri = await local.deploy('worker', template('one'))
    const type = 'TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION'
    const update = async (value: string, traffic: object[]) => {
      const [operation] = await local.services.updateService({
        service: {name: SERVICE, invokerIamDisabled: true, template: template(value), traffic},
      })
      await operation.promise()
    }
    await update('two', [
      {type, revision: 'worker-one', percent: 50},
      {type, revision: 'worker-two', percent: 50, tag: 'canary'},
    ])
    const [service] = await local.services.getService({name: SERVICE})
    const tagged = service.trafficStatuses?.find(({tag}) => tag === 'canary')
    expect(tagged).toMatchObject({
      revision: 'worker-two',
      percent: 50,
      uri: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
    })
    const ask = async (address: string): Promise<unknown> => (await fetch(address)).json()
    expect(await ask(tagged?.uri ?? '')).toHaveProperty('env.V', 'two')
    const seen = new Map<string, number>()
    for (let index = 0; index < 40; index++) {
      const answer = JSON.stringify(await ask(uri))
      const value = /"V":"(\w+)"/.exec(answer)?.[1] ?? ''
      seen.set(value, (seen.get(value) ?? 0) + 1)
    }
    // Forty draws miss one of two equal sides once in half a billion runs.
    expect([...seen.keys()].toSorted()).toEqual(['one', 'two'])

    await update('two', [{type, revision: 'worker-one', percent: 100}])
    expect(await ask(uri)).toHaveProperty('env.V', 'one')
    await expect(fetch(tagged?.uri ?? '')).rejects.toThrow('fetch failed')
    await expect(update('one', [])).rejects.toMatchObject({code: 6})
  })
})

describe('a restart', () => {
  it('resumes a deployment that a stop interrupted', async () => {
    const first = await startRun()
    // It listens at its second start only.
    const files = {
      'app/main.js': `
        const {existsSync, writeFileSync} = require('node:fs')
        if (!existsSync(process.env.MARK)) { writeFileSync(process.env.MARK, ''); setInterval(() => {}, 1000) }
        else require('node:http').createServer((request, response) => response.end('second start')).listen(process.env.PORT)`,
    }
    const mark = `${first.folder}/mark`
    const image = await first.push({files})
    const interrupted = first.deploy('worker', {containers: [{image, env: [{name: 'MARK', value: mark}]}]})
    const outcome = Promise.allSettled([interrupted])
    await eventually(() => existsSync(mark))
    await first.run.drain()
    expect(await outcome).toMatchObject([{status: 'rejected', reason: {code: 14}}])
    await first.stop()
    const second = await startRun({folder: first.folder})
    const read = async () => (await second.services.getService({name: SERVICE}))[0]
    let service = await read()
    while (service.reconciling === true) service = await read()
    expect(service.terminalCondition?.state).toBe('CONDITION_SUCCEEDED')
    expect(await (await fetch(service.uri ?? '')).text()).toBe('second start')
  })

  it('keeps services, revisions and addresses, and names a port that is taken', async () => {
    const first = await startRun()
    const uri = await first.deploy('worker', {
      containers: [{image: await first.push({files: ECHO}), env: [{name: 'V', value: '1'}]}],
    })
    await first.stop()
    await expect(fetch(uri)).rejects.toThrow('fetch failed')
    const second = await startRun({folder: first.folder})
    expect(await (await fetch(uri)).json()).toHaveProperty('env.V', '1')
    await second.stop()
    const {createServer} = await import('node:http')
    await using squatter = createServer()
    await new Promise<void>((resolve) => {
      squatter.listen(Number(new URL(uri).port), '127.0.0.1', resolve)
    })
    await expect(startRun({folder: first.folder})).rejects.toThrow(
      new RegExp(`Port ${new URL(uri).port}.*worker`),
    )
  })
})

it('lets requests to a service go wrong on purpose', async () => {
  const local = await startRun()
  const uri = await local.deploy('worker', {containers: [{image: await local.push({files: ECHO})}]})
  local.faults.add([
    {on: {rpc: 'run.routes.invoke'}, answer: 503, message: 'not now'},
    {on: {path: '/broken'}, break: true},
    {on: {path: '/later'}, delayMs: 1},
  ])
  const refused = await fetch(uri)
  expect([refused.status, await refused.text()]).toEqual([503, 'not now\n'])
  await expect(fetch(`${uri}/broken`)).rejects.toThrow('fetch failed')
  expect(await status(fetch(`${uri}/later`))).toBe(200)
  expect(local.faults.list()).toEqual([])
  expect(requestLog(local)[0]).toMatchObject({httpRequest: {status: 503}})
})
