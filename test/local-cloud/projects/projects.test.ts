import {join} from 'node:path'
import {expect, it, onTestFinished} from 'vitest'
import {LocalCloud} from '../../../src/local-cloud/index.ts'
import {parseObject} from '../../support/cli.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'

const ACCOUNT = 'billingAccounts/000000-000000-000000'

async function start(projects?: readonly string[]) {
  const stateFolder = join(await temporaryFolder(), 'state')
  const launch = () =>
    LocalCloud.start({
      stateFolder,
      ...(projects === undefined ? {} : {projects}),
      report: (error) => expect.unreachable(String(error)),
    })
  let cloud = await launch()
  onTestFinished(() => cloud[Symbol.asyncDispose]())
  const call = async (method: string, path: string, body?: object) => {
    const response = await fetch(`${cloud.endpoint}${path}`, {
      method,
      ...(body ? {body: JSON.stringify(body)} : {}),
    })
    return {status: response.status, json: parseObject(await response.text())}
  }
  return {
    call,
    /** Follows an operation to its end. */
    ended: async (operation: Record<string, unknown>) => {
      let current = operation
      while (current['done'] !== true) current = (await call('GET', `/v3/${String(operation['name'])}`)).json
      return current
    },
    restart: async () => {
      await cloud[Symbol.asyncDispose]()
      cloud = await launch()
    },
  }
}

it('makes a project once where two ask for it at the same time', async () => {
  const {call, ended} = await start([])
  const answers = await Promise.all(
    ['one', 'other'].map((displayName) =>
      call('POST', '/v3/projects', {projectId: 'made-here-1', displayName}),
    ),
  )
  const ends = await Promise.all(answers.map(async ({status, json}) => (status === 200 ? ended(json) : json)))
  expect(ends.filter((end) => 'response' in end)).toHaveLength(1)
  expect(ends.filter((end) => JSON.stringify(end).includes('Requested entity already exists'))).toHaveLength(
    1,
  )
})

it('makes a project once, with its labels, few APIs and no billing account, and keeps it', async () => {
  const {call, ended, restart} = await start([])
  expect(await call('GET', '/v1/projects/made-here-1')).toMatchObject({
    status: 403,
    json: {error: {status: 'PERMISSION_DENIED'}},
  })
  const body = {projectId: 'made-here-1', labels: {'made-by': 'me'}}
  const begun = await call('POST', '/v3/projects', body)
  expect(begun).toMatchObject({status: 200, json: {name: expect.stringMatching(/^operations\/cp\.\d+$/)}})
  expect(await ended(begun.json)).toMatchObject({response: {projectId: 'made-here-1', state: 'ACTIVE'}})
  expect(await call('POST', '/v3/projects', body)).toMatchObject({
    status: 409,
    json: {error: {status: 'ALREADY_EXISTS', message: 'Requested entity already exists'}},
  })

  await restart()
  expect((await call('GET', '/v1/projects/made-here-1')).json).toMatchObject({
    lifecycleState: 'ACTIVE',
    labels: {'made-by': 'me'},
  })
  const apis = (await call('GET', '/v1/projects/made-here-1/services?filter=state:ENABLED')).json
  expect(JSON.stringify(apis)).toContain('serviceusage.googleapis.com')
  expect(JSON.stringify(apis)).not.toContain('cloudresourcemanager.googleapis.com')

  const billing = '/v1/projects/made-here-1/billingInfo'
  expect((await call('GET', billing)).json).toMatchObject({billingEnabled: false})
  expect(
    (await call('PUT', billing, {billingAccountName: 'billingAccounts/111111-111111-111111'})).status,
  ).toBe(403)
  expect((await call('PUT', billing, {billingAccountName: ACCOUNT})).json).toMatchObject({
    billingEnabled: true,
  })
  expect((await call('GET', '/v1/billingAccounts')).json).toMatchObject({
    billingAccounts: [{name: ACCOUNT, open: true}],
  })
})

it('refuses calls to a disabled API in a created project, in Google’s words, until it is enabled', async () => {
  const {call, ended} = await start([])
  await ended((await call('POST', '/v3/projects', {projectId: 'made-here-2'})).json)
  const topics = '/v1/projects/made-here-2/topics'
  expect(await call('GET', topics)).toMatchObject({
    status: 403,
    json: {
      error: {
        message: expect.stringMatching(/pubsub\.googleapis\.com has not been used in project \d{12} before/),
        details: [{reason: 'SERVICE_DISABLED'}],
      },
    },
  })
  expect((await call('GET', '/storage/v1/b?project=made-here-2')).status).toBe(200)
  const on = await call('POST', '/v1/projects/made-here-2/services/pubsub.googleapis.com:enable', {})
  expect(on.status).toBe(200)
  expect((await call('GET', topics)).status).toBe(200)
})

it.each(['short', 'UPPER-case', 'ends-in-', '1begins-with-a-digit'])(
  'refuses the id %s',
  async (projectId) => {
    const {call} = await start()
    expect((await call('POST', '/v3/projects', {projectId})).status).toBe(400)
  },
)

it('deletes a project: nothing in it is served, its id is never free again, and it can be had back', async () => {
  const {call, ended} = await start()
  const bucket = '/storage/v1/b?project=nobody-made-it'
  expect((await call('POST', bucket, {name: 'kept'})).status).toBe(200)
  await ended((await call('DELETE', '/v3/projects/nobody-made-it')).json)
  expect((await call('GET', '/v1/projects/nobody-made-it')).json).toMatchObject({
    lifecycleState: 'DELETE_REQUESTED',
  })
  expect((await call('DELETE', '/v3/projects/nobody-made-it')).status).toBe(400)
  for (const path of ['/storage/v1/b/kept', bucket, '/v1/projects/nobody-made-it/topics']) {
    expect(await call('GET', path)).toMatchObject({
      status: 403,
      json: {error: {message: expect.stringContaining('it has been deleted')}},
    })
  }
  expect((await call('GET', '/storage/v1/b?project=another')).status).toBe(200)
  expect((await call('POST', '/v3/projects', {projectId: 'nobody-made-it'})).status).toBe(409)

  await ended((await call('POST', '/v3/projects/nobody-made-it:undelete')).json)
  expect((await call('GET', '/storage/v1/b/kept')).status).toBe(200)
})

it('knows only those that were named, where some were', async () => {
  const {call} = await start(['only-this'])
  expect((await call('GET', '/v1/projects/only-this')).status).toBe(200)
  expect((await call('POST', '/storage/v1/b?project=only-this', {name: 'here'})).status).toBe(200)
  expect((await call('POST', '/storage/v1/b?project=not-this', {name: 'there'})).status).toBe(403)
  expect((await call('GET', '/v1/projects/not-this/services')).status).toBe(403)
})
