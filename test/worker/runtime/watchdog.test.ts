import {spawnSync} from 'node:child_process'
import {once} from 'node:events'
import {connect} from 'node:net'
import {fileURLToPath} from 'node:url'
import {describe, expect, it} from 'vitest'
import {freePort} from '../../../src/local-cloud/instances/free-port.ts'
import {deliver} from '../../support/worker-buckets.ts'
import {startWorkerWithBuckets} from '../../support/worker-with-buckets.ts'

const BUSY = fileURLToPath(new URL('../../fixtures/workers/busy.ts', import.meta.url))

/** Runs a program as PID 1, which no signal of its own ends. */
const AS_PID_1 = ['unshare', '--user', '--map-root-user', '--pid', '--fork', '--kill-child', process.execPath]
const NO_NAMESPACE =
  spawnSync('unshare', ['--user', '--map-root-user', '--pid', '--fork', 'true']).status === 0
    ? ''
    : ' (skipped: no PID namespaces here)'

async function start(environment: Record<string, string> = {}, program?: readonly string[]) {
  const started = await startWorkerWithBuckets(BUSY, {DEADLINE_SECONDS: '1', ...environment}, program)
  const {worker, url, upload} = started
  return {
    ...started,
    /** Uploads a file and delivers it. @returns the status, or how the connection broke */
    process: async (object: string, content: string) =>
      deliver(url, object, await upload(object, content)).catch(String),
    began: (count: number) =>
      worker.line(() => worker.lines.filter(({message}) => message === 'began').length === count),
    refused: () => worker.lines.filter(({outcome}) => outcome === 'refused'),
  }
}

describe('the watchdog', () => {
  it('ends a process whose loop is blocked past the deadline, with the file and the place', async () => {
    await using running = await start()
    expect(await running.process('good', 'x')).toBe(204)
    expect(await running.process('dir/spin.txt', 'spin')).toContain('fetch failed')
    expect(await running.worker.exited).toBe(70)
    expect(running.refused()).toMatchObject([
      {
        severity: 'ERROR',
        message: expect.stringMatching(
          /^refused, to be delivered again: the event loop was blocked for [\d.]+ s, past the deadline of 0\.5 s/,
        ),
        stack_trace: expect.stringMatching(/spin .*busy\.ts:\d+:\d+/),
        'logging.googleapis.com/labels': {bucket: 'input', object: 'dir/spin.txt', attempt: '1'},
      },
    ])
    expect(running.worker.stderr()).toBe('')
  })

  it('names every file in progress past its deadline', async () => {
    await using running = await start()
    const patient = running.process('patient', 'wait 60000')
    await running.began(1)
    const spinning = running.process('spinning', 'spin')
    await Promise.all([patient, spinning])
    expect(await running.worker.exited).not.toBe(0)
    expect(running.refused()).toMatchObject(
      ['patient', 'spinning'].map((object) => ({
        severity: 'ERROR',
        message: expect.stringContaining('by this file or another one'),
        'logging.googleapis.com/labels': {object},
      })),
    )
  })

  it('ends a process that blocks after its delivery was refused', async () => {
    await using running = await start()
    expect(await running.process('a', 'spin later')).toBe(503)
    expect(await running.worker.exited).not.toBe(0)
    expect(running.refused()).toMatchObject([
      {severity: 'WARNING', message: expect.stringContaining('not done within 0.5 s')},
      {severity: 'ERROR', 'logging.googleapis.com/labels': {object: 'a'}},
    ])
  })

  it('ends a process that waits for another program', async () => {
    await using running = await start()
    expect(await running.process('a', 'exec 60000')).toContain('fetch failed')
    expect(await running.worker.exited).toBeNull()
    expect(running.refused()).toMatchObject([
      {severity: 'ERROR', 'logging.googleapis.com/labels': {object: 'a'}},
    ])
  })

  it('spares work that finishes in time, however long it blocks, and work that yields to the loop', async () => {
    await using running = await start({DEADLINE_SECONDS: '2'})
    expect(await running.process('blocking', 'sleep 1000')).toBe(204)
    expect(await running.process('waiting', 'wait 4000')).toBe(503)
    expect(await running.process('after', 'x')).toBe(204)
    running.worker.kill('SIGTERM')
    expect(await running.worker.exited).toBe(0)
  })

  it.skipIf(NO_NAMESPACE !== '')(`ends a process that is PID 1 of its container${NO_NAMESPACE}`, async () => {
    await using running = await start({}, AS_PID_1)
    expect(await running.process('a', 'spin')).toContain('fetch failed')
    expect(await running.worker.exited).toBe(70)
    expect(running.refused()).toMatchObject([{stack_trace: expect.stringContaining('busy.ts')}])
    expect(running.worker.stderr()).toBe('')
  })
})

describe('the liveness endpoint', () => {
  it('answers while the loop is blocked in time, and 503 once it is past its deadline', async () => {
    const healthPort = String(await freePort())
    await using running = await start({HEALTH_PORT: healthPort, HOST: '127.0.0.1', DEADLINE_SECONDS: '2'})
    const probe = async (path = '/healthz') =>
      fetch(`http://127.0.0.1:${healthPort}${path}`).then(({status}) => status, String)
    await expect.poll(() => probe()).toBe(200)
    expect(await probe('/other')).toBe(404)
    const blocking = running.process('a', 'exec 60000')
    await running.began(1)
    expect(await probe()).toBe(200)
    await expect.poll(() => probe(), {interval: 20, timeout: 5000}).toBe(503)
    expect(await blocking).toContain('fetch failed')
  })

  it('wants the secret too', async () => {
    const healthPort = String(await freePort())
    await using running = await start({
      HEALTH_PORT: healthPort,
      HOST: '127.0.0.1',
      FRONT_END_SECRET: 'secret',
    })
    const statuses = async (headers: Record<string, string>) =>
      Promise.all(
        [`http://127.0.0.1:${healthPort}`, running.url].map((url) =>
          fetch(`${url}/healthz`, {headers}).then(({status}) => status, String),
        ),
      )
    await expect.poll(() => statuses({'x-front-end-secret': 'secret'})).toEqual([200, 200])
    expect(await statuses({})).toEqual([403, 403])
    expect(await statuses({'x-front-end-secret': 'wrong'})).toEqual([403, 403])
    expect(await running.process('a', 'x')).toBe(403)
    expect(JSON.stringify(running.worker.lines)).not.toContain('secret')
  })
})

describe('HOST', () => {
  it.each([
    ['127.0.0.1', 'ECONNREFUSED'],
    ['', 'connected'],
  ])('"%s" decides where a worker listens', async (host, outcome) => {
    await using running = await start({HOST: host})
    const socket = connect(Number(new URL(running.url).port), '127.0.0.2')
    const event = await once(socket, 'connect').then(
      () => 'connected',
      (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error),
    )
    socket.destroy()
    expect(event).toBe(outcome)
  })
})
