import {join} from 'node:path'
import {expect, it, onTestFinished} from 'vitest'
import {LocalCloud} from '../../../src/local-cloud/index.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'

async function start() {
  const stateFolder = join(await temporaryFolder(), 'state')
  const launch = () => LocalCloud.start({stateFolder, report: (error) => expect.unreachable(String(error))})
  let cloud = await launch()
  onTestFinished(() => cloud[Symbol.asyncDispose]())
  const call = async (method: string, path: string, body?: object) => {
    const response = await fetch(`${cloud.endpoint}/v1/projects/p/services${path}`, {
      method,
      ...(body ? {body: JSON.stringify(body)} : {}),
    })
    const json: unknown = await response.json()
    return {status: response.status, json}
  }
  const restart = async () => {
    await cloud[Symbol.asyncDispose]()
    cloud = await launch()
  }
  const enabled = async () => JSON.stringify((await call('GET', '?filter=state:ENABLED')).json)
  return {call, enabled, restart}
}

it('has its own APIs enabled, and enables and disables others permanently', async () => {
  const {call, enabled, restart} = await start()
  expect(await enabled()).toContain('run.googleapis.com')
  expect(await enabled()).not.toContain('cloudbuild.googleapis.com')
  const batch = {serviceIds: ['cloudbuild.googleapis.com', 'run.googleapis.com']}
  expect(await call('POST', ':batchEnable', batch)).toMatchObject({
    status: 200,
    json: {done: true, response: {services: [{state: 'ENABLED'}, {state: 'ENABLED'}]}},
  })
  expect((await call('POST', '/run.googleapis.com:disable', {})).status).toBe(200)
  await restart()
  expect(await enabled()).toContain('cloudbuild.googleapis.com')
  expect(await enabled()).not.toContain('services/run.googleapis.com')
  expect((await call('GET', '/run.googleapis.com')).json).toMatchObject({state: 'DISABLED'})
  expect((await call('POST', '/run.googleapis.com:enable', {})).json).toMatchObject({
    response: {service: {state: 'ENABLED'}},
  })
})

it.each(['/clodbuild.googleapis.com:enable', '/storage:enable'])(
  'refuses what Google does not have: %s',
  async (path) => {
    const {call} = await start()
    expect(await call('POST', path, {})).toMatchObject({
      status: 403,
      json: {error: {message: expect.stringContaining('Not found or permission denied for service(s)')}},
    })
  },
)

it('accepts one to twenty at once', async () => {
  const {call} = await start()
  expect(await call('POST', ':batchEnable', {serviceIds: []})).toMatchObject({status: 400})
  const many = Array.from({length: 21}, () => 'run.googleapis.com')
  expect(await call('POST', ':batchEnable', {serviceIds: many})).toMatchObject({status: 400})
})
