import {networkInterfaces} from 'node:os'
import {describe, expect, it} from 'vitest'
import {parseObject} from '../../../support/cli.ts'
import {ManualClock} from '../../../support/manual-clock.ts'
import {type LocalRun, startRun} from '../local-run.ts'

/** Says what it was sent; `/sick` makes its health, on a port of its own, fail. */
const SERVER = (host: string): Record<string, string> => ({
  'app/main.js': `
    const {createServer} = require('node:http')
    const {PORT, HOST, HEALTH_PORT, FRONT_END_SECRET} = process.env
    let status = 200
    createServer((request, response) => {
      if (request.url === '/sick') status = 503
      const known = request.headers['x-front-end-secret'] === FRONT_END_SECRET
      response.end(JSON.stringify({known, host: HOST, health: HEALTH_PORT}))
    }).listen(Number(PORT), ${host})
    if (HEALTH_PORT) createServer((request, response) => {
      response.statusCode = request.headers['x-front-end-secret'] === FRONT_END_SECRET ? status : 403
      response.end()
    }).listen(Number(HEALTH_PORT), HOST)`,
})

async function deploy(local: LocalRun, host: string, container: object = {}): Promise<string> {
  const image = await local.push({files: SERVER(host)})
  return local.deploy('worker', {containers: [{image, ...container}]})
}

const warnings = ({entries}: LocalRun): unknown[] =>
  entries.flatMap(({severity, textPayload}) => (severity === 'WARNING' ? [textPayload] : []))

const outside = Object.values(networkInterfaces())
  .flatMap((interfaces) => interfaces ?? [])
  .find(({internal, family}) => !internal && family === 'IPv4')?.address

describe('an instance', () => {
  it('learns its address and a secret that only its front end sends along', async () => {
    const local = await startRun()
    const uri = await deploy(local, 'HOST')
    const sent = {headers: {'x-front-end-secret': 'guessed'}}
    expect(await (await fetch(uri, sent)).json()).toEqual({known: true, host: '127.0.0.1'})
    const [instance] = local.run.instances()
    const direct = await fetch(`http://127.0.0.1:${instance?.port}`, sent)
    expect(await direct.json()).toMatchObject({known: false})
    expect(warnings(local)).toEqual([])
  })

  it.skipIf(outside === undefined)(
    `that listens on all interfaces is named in a warning${outside === undefined ? ' (skipped: this machine has loopback only)' : ''}`,
    async () => {
      const local = await startRun()
      await deploy(local, "'0.0.0.0'")
      await expect
        .poll(() => warnings(local))
        .toEqual([expect.stringMatching(/^Revision worker-00001-\w+ of service worker can be reached from/)])
    },
  )
})

describe('a liveness probe', () => {
  const probed = {
    env: [{name: 'HEALTH_PORT', value: '8081'}],
    livenessProbe: {
      httpGet: {path: '/healthz', port: 8081},
      periodSeconds: 10,
      failureThreshold: 2,
    },
  }

  it('replaces an instance that fails it, and says so', async () => {
    const clock = new ManualClock()
    const local = await startRun({clock})
    const uri = await deploy(local, 'HOST', probed)
    const told = parseObject(await (await fetch(uri)).text())
    expect(told['health']).toMatch(/^(?!8081$)\d+$/)
    const [first] = local.run.instances()
    await fetch(`${uri}/sick`)
    await expect
      .poll(async () => {
        await clock.advance(10_000)
        return local.entries.map(({textPayload}) => textPayload)
      })
      .toContain(
        'Liveness probe: GET /healthz failed 2 times in a row: status 503. The instance is shut down.',
      )
    await expect.poll(() => local.run.instances()).toEqual([])
    expect((await fetch(uri)).status).toBe(200)
    expect(local.run.instances()[0]?.pid).not.toBe(first?.pid)
  })

  it('leaves alone an instance that passes it', async () => {
    const clock = new ManualClock()
    const local = await startRun({clock})
    const uri = await deploy(local, 'HOST', probed)
    await fetch(uri)
    const [first] = local.run.instances()
    for (let period = 0; period < 5; period++) await clock.advance(10_000)
    await fetch(uri)
    expect(local.run.instances()[0]?.pid).toBe(first?.pid)
  })
})
