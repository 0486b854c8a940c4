import {once} from 'node:events'
import {request} from 'node:http'
import {expect, test} from 'vitest'
import {generateSample} from '../../src/core/sample/index.ts'
import {readRequests} from '../../src/console/requests.ts'
import {render} from '../../src/core/suggestion.ts'
import {setup} from '../../src/core/setup/setup.ts'
import {processed, startConsole} from '../support/console.ts'
import {deadLetter} from '../support/dead-letter.ts'
import {startLocalPipeline} from '../support/local-pipeline.ts'
import {expectDescribed} from '../support/openapi.ts'
import {createOutsider} from '../support/outsider.ts'
import {putUnnoticed} from '../support/unnoticed-uploads.ts'

test('lists, filters and pages files, tells one file’s story, and refuses what it cannot mean', async () => {
  const context = await startLocalPipeline()
  await setup({workerFolder: undefined}, context)
  const good = [...generateSample({rows: 200})].join('')
  await processed({'good.csv': good, 'bad.csv': 'a,b\n"1,2\n', 'other.csv': good}, context)
  const {ask, origin} = await startConsole(context)

  const {json: all} = await ask('GET', '/api/files')
  expect(all).toMatchObject({total: 3, counts: {done: 2, failed: 1}})
  expect((await ask('GET', '/api/files?state=failed')).json).toMatchObject({
    total: 1,
    counts: {done: 2, failed: 1},
    files: [{object: 'bad.csv', error: {code: expect.any(String)}}],
  })
  const {json: first} = await ask('GET', '/api/files?limit=2')
  const {next} = Object(first)
  expect((await ask('GET', `/api/files?limit=2&after=${encodeURIComponent(next)}`)).json).toMatchObject({
    files: [expect.anything()],
    total: 3,
  })
  expect((await ask('GET', '/api/files?text=QUOTE')).json).toMatchObject({total: 1})
  expect((await ask('GET', '/api/files?prefix=good')).json).toMatchObject({total: 1})
  expect((await ask('GET', '/api/files?state=bad')).status).toBe(400)
  expect((await ask('GET', '/api/files?after=stale')).status).toBe(400)
  const [revision] = Object(all).revisions
  expect((await ask('GET', `/api/files?revision=${revision}`)).json).toMatchObject({
    total: 3,
    files: expect.arrayContaining([expect.objectContaining({object: 'bad.csv', revision})]),
  })
  expect((await ask('GET', '/api/files?revision=none')).json).toMatchObject({total: 0, revisions: [revision]})

  const {json: story} = await ask('GET', '/api/files/good.csv')
  expect(story).toMatchObject({
    file: {state: 'done', hops: expect.any(Array)},
    attempts: [{attempt: 1, answer: 'ack', outcome: 'done'}],
    lines: expect.arrayContaining([expect.objectContaining({message: 'processing'})]),
    preview: {columns: expect.arrayContaining(['prediction'])},
    runs: [{number: 1, outcome: 'done', revision, labelColumn: 'bankrupt', auc: expect.any(Number)}],
    model: {labelColumn: 'bankrupt', rows: 200},
    commands: {reprocess: 'cloud-runner reprocess good.csv'},
  })
  const report = await fetch(`${origin}${Object(story).reportPath}`)
  expect([report.status, await report.text()]).toEqual([200, expect.stringContaining('ROC curve')])
  expect((await fetch(`${origin}/api/files/good.csv/report`)).status).toBe(401)
  const exported = await (await fetch(`${origin}${Object(story).exportPath}`)).text()
  expect(exported).toMatch(/<h1>good\.csv[\s\S]*processing[\s\S]*prediction[\s\S]*ROC curve/)
  expect(exported).not.toContain('<script')
  expect((await ask('GET', '/api/files/none.csv')).status).toBe(404)
  expect((await ask('GET', '/api/files/bad.csv/report')).status).toBe(404)
  expect((await ask('GET', '/api/logs?object=bad.csv&severity=ERROR')).json).toMatchObject({
    command: 'cloud-runner logs bad.csv --severity error',
  })
  expect((await ask('GET', '/api/parts')).json).toMatchObject({
    parts: expect.arrayContaining([expect.objectContaining({kind: 'service', health: 'good'})]),
    throughput: {lastHour: 2},
  })
  expect((await ask('GET', '/api/cost')).json).toEqual({
    usd: expect.any(Number),
    isEstimate: true,
    command: 'cloud-runner cost --since 30d',
  })
})

test('fixes files by filter or by name: first a plan with its command, then the change', async () => {
  const context = await startLocalPipeline()
  await setup({workerFolder: undefined}, context)
  await processed({'one.csv': 'a,b\n"1,2\n', 'two.csv': 'a,b\n"1,2\n'}, context)
  const {ask, listen} = await startConsole(context)
  expect((await ask('GET', '/api/fixes/reprocess?state=failed')).json).toMatchObject({
    count: 2,
    command: 'cloud-runner reprocess --failed',
  })
  expect((await ask('GET', '/api/fixes/cancel')).json).toMatchObject({count: 0})
  const events = await listen()
  expect((await ask('POST', '/api/fixes/reprocess?object=one.csv')).json).toMatchObject({total: 1})
  expect(await events.fix(({state}) => state !== 'running')).toMatchObject({
    fix: 'reprocess',
    state: 'done',
    done: 1,
    total: 1,
  })
  await expect
    .poll(async () => Object((await ask('GET', '/api/files/one.csv')).json).attempts)
    .toMatchObject([{answer: 'ack'}, {answer: 'ack'}])
})

test('changes no other files than the user agreed to, and shows ended fixes to a page that connects later', async () => {
  const context = await startLocalPipeline()
  await setup({workerFolder: undefined}, context)
  await processed({'one.csv': 'a,b\n"1,2\n', 'two.csv': 'a,b\n"1,2\n'}, context)
  const {ask, listen} = await startConsole(context)
  const plan = async () => Object((await ask('GET', '/api/fixes/reprocess?state=failed')).json)
  const start = (digest: string) => ask('POST', `/api/fixes/reprocess?state=failed&digest=${digest}`)
  const {digest: agreed} = await plan()
  // As many files as before, but not the same.
  await processed({'three.csv': 'a,b\n"1,2\n'}, context)
  await context.cloud.objects.delete(context.pipeline.names.inputBucket, 'one.csv')
  await expect.poll(async () => (await plan()).objects.toSorted()).toEqual(['three.csv', 'two.csv'])
  expect(await start(agreed)).toMatchObject({
    status: 409,
    json: {code: 'conflict', message: expect.stringContaining('2')},
  })
  const {json} = await start((await plan()).digest)
  const {id} = Object(json)
  for (const events of [await listen(), await listen()])
    expect(
      await events.fix((progress) => progress['id'] === id && progress['state'] === 'done'),
    ).toMatchObject({
      done: 2,
    })
})

test('gives traffic to a revision, and takes a file that is dropped on the page', async () => {
  const context = await startLocalPipeline()
  await setup({workerFolder: undefined}, context)
  const {ask} = await startConsole(context)
  const {json} = await ask('GET', '/api/revisions')
  const [{name}] = Object(json).revisions
  expect(json).toMatchObject({
    revisions: [{percent: 100}],
    commands: {[name]: `cloud-runner rollback ${name}`},
  })
  expect((await ask('POST', `/api/traffic/${name}`)).json).toEqual({revision: name})
  expect((await ask('POST', '/api/traffic/none')).status).toBe(404)
  expect((await ask('POST', '/api/uploads/_cloud-runner%2Fx', 'a')).status).toBe(400)
  expect((await ask('POST', '/api/uploads/folder%2Fdropped.csv', 'a,b\n"1,2\n')).status).toBe(200)
  await expect
    .poll(async () => Object((await ask('GET', '/api/files?prefix=folder/')).json).counts)
    .toMatchObject({failed: 1})
})

test('redrives the dead letters of the filter alone: none if it matches none', async () => {
  const context = await startLocalPipeline()
  const objects = await putUnnoticed(context, ['a/1.csv', 'b/1.csv', 'b/2.csv'])
  await setup({workerFolder: undefined}, context)
  for (const object of objects) await deadLetter(context, object)
  const {ask, listen} = await startConsole(context)
  const events = await listen()
  const redriven = async (query: string) => {
    const {json} = await ask('POST', `/api/fixes/redrive?${query}`)
    const {id} = Object(json)
    return events.fix((progress) => progress['id'] === id && progress['state'] !== 'running')
  }
  const showsDead = (count: number) => events.next('overview', ({counts}) => Object(counts).dead === count)

  await showsDead(3)
  expect(await redriven('prefix=nothing/')).toMatchObject({state: 'done', total: 0, done: 0})
  expect(await redriven('object=other.csv')).toMatchObject({
    state: 'failed',
    problem: {code: 'object-unknown'},
  })
  await expect.poll(async () => Object((await ask('GET', '/api/fixes/redrive?prefix=a/')).json).count).toBe(1)
  expect(await redriven('prefix=a/')).toMatchObject({state: 'done', total: 1, done: 1})
  await showsDead(2)
})

test('lists the calls of the local cloud with what each lacked, filtered and from where the last answer ended', async () => {
  const context = await startLocalPipeline()
  const {project} = context.pipeline.settings
  const call = await createOutsider(context.endpoint, project)
  const {ask} = await startConsole(context)
  const path = `/v1/projects/${project}/topics`
  expect(await call(path)).toBe(403)
  const {json: denied} = await ask('GET', '/api/requests?show=denied')
  expect(denied).toMatchObject({
    command: 'cloud-runner local requests --denied',
    requests: [
      {
        principal: `serviceAccount:outsider@${project}.iam.gserviceaccount.com`,
        method: 'GET',
        path,
        status: 403,
        checks: [{decision: 'denied', permission: 'pubsub.topics.list', role: 'roles/pubsub.viewer'}],
      },
    ],
  })
  const {json: all} = await ask('GET', '/api/requests')
  expect(Object(all).requests.length).toBeGreaterThan(1)
  const later = `after=${Object(all).last}`
  await call(path)
  expect((await ask('GET', `/api/requests?show=accounts&${later}`)).json).toMatchObject({
    requests: [{path, status: 403}],
  })
  expect((await ask('GET', `/api/requests?text=TOPICS.LIST&${later}`)).json).toMatchObject({
    requests: [{path}],
  })
  expect((await ask('GET', '/api/requests?show=all')).status).toBe(400)
})

test('says why Google Cloud shows no requests', async () => {
  const page = await readRequests({after: 0, show: 'all', text: ''}, undefined, render)
  expect(page).toMatchObject({requests: [], reason: expect.stringContaining('Cloud Audit Logs')})
})

test('describes its API, and the description finds what does not fit it', async () => {
  const context = await startLocalPipeline()
  const {ask} = await startConsole(context)
  const {json} = await ask('GET', '/api/openapi.json')
  expect(json).toMatchObject({
    openapi: '3.1.0',
    paths: {
      '/api/files': {get: {parameters: expect.arrayContaining([expect.objectContaining({name: 'state'})])}},
    },
  })
  expect(() => expectDescribed('GET', '/api/files', 200, {files: [], total: 0})).toThrow('to deeply equal')
})

test('moves no traffic in a protected environment, and shows the command that asks for the name', async () => {
  const context = await startLocalPipeline()
  const {service} = await setup({workerFolder: undefined}, context)
  const revision = service.latestReadyRevision
  const {ask} = await startConsole(context, 0, true)
  expect(await ask('POST', `/api/traffic/${revision}`)).toMatchObject({
    status: 403,
    json: {
      code: 'confirmation-required',
      suggestions: [expect.stringContaining(`cloud-runner rollback ${revision}`)],
    },
  })
})

test('answers a request whose target is not a URL, and stays up', async () => {
  const context = await startLocalPipeline()
  await setup({workerFolder: undefined}, context)
  const {origin, ask} = await startConsole(context)
  const strange = request({port: new URL(origin).port, path: '//', headers: {host: 'elsewhere.example'}})
  const [response] = await once(strange.end(), 'response')
  response.resume()
  expect(response.statusCode).toBe(400)
  for (const path of ['/api/files/%E0%A4%A', '/api/traffic/%'])
    expect(await ask(path.includes('traffic') ? 'POST' : 'GET', path)).toMatchObject({
      status: 400,
      json: {code: 'usage'},
    })
  expect((await ask('GET', '/api/session')).status).toBe(200)
})
