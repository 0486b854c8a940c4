import {expect, onTestFinished, test} from 'vitest'
import {checkChannels, checkGivenChannel} from '../../../src/core/doctor/channels.ts'
import {plan} from '../../../src/core/plan.ts'
import {pipelineOf} from '../../../src/core/settings/pipeline.ts'
import {setup} from '../../../src/core/setup/setup.ts'
import {createGoogleCloud} from '../../../src/google/cloud.ts'
import {forward, startServer} from '../../support/answering-server.ts'
import {addFault} from '../../support/fault-plan.ts'
import {startLocalPipeline} from '../../support/local-pipeline.ts'

const project = 'my-project-123'
const page = `https://console.cloud.google.com/monitoring/alerting/notifications?project=${project}`

test('a channel for Slack that does not exist is found before anything is created; the local target needs none', async () => {
  const slack = `projects/${project}/notificationChannels/404`
  const context = await startLocalPipeline({project, target: 'gcp', alerts: `slack=${slack}`})
  await expect(setup({workerFolder: undefined}, context)).rejects.toMatchObject({
    code: 'prerequisites-missing',
    message: expect.stringContaining(`no notification channel ${slack}`),
    suggestions: [page],
  })
  expect(await context.cloud.project.buckets()).toEqual([])
  const {settings} = context.pipeline
  const local = {...context, pipeline: pipelineOf({...settings, target: 'local'})}
  const {withoutEffect, resources} = await plan(local)
  expect(withoutEffect).toEqual(['alerts.slack'])
  expect(resources.map(({kind}) => kind)).not.toContain('alert policy')
})

test('a channel for Slack is found by its id, and assumed to exist where channels cannot be read', async () => {
  const slack = `projects/${project}/notificationChannels/7`
  const context = await startLocalPipeline({project, target: 'gcp', alerts: `slack=${slack}`})
  const origin = await startServer((_, response) => {
    const notificationChannels = [{name: 'projects/42/notificationChannels/7', type: 'slack'}]
    response.end(JSON.stringify({notificationChannels}))
  })
  const google = createGoogleCloud({projectId: project, region: 'europe-west3', endpoint: origin})
  onTestFinished(() => google.close())
  expect(await checkGivenChannel({...context, cloud: google})).toMatchObject([{state: 'ok', detail: slack}])
  await addFault(context.endpoint, {
    on: {method: 'GET', path: `/v3/projects/${project}/notificationChannels`},
    answer: 403,
    message: 'Permission denied',
  })
  expect(await checkGivenChannel(context)).toMatchObject([
    {state: 'ok', detail: expect.stringContaining('cannot be checked')},
  ])
})

test('a channel that Google sends nothing to is named with the page that verifies it', async () => {
  const context = await startLocalPipeline({
    project,
    target: 'gcp',
    alerts: 'email=ops@example.com\nwebhook=https://alerts.invalid/',
  })
  const {cloud, endpoint, pipeline, signal, step} = context
  await cloud.infrastructure.apply(pipeline, {image: undefined, signal, step})
  // The local cloud verifies nothing: its answer, as Google gives it before the code was entered.
  const origin = await startServer((request, response) => {
    const answer = async () => {
      const list = await (await fetch(`${endpoint}${request.url}`)).text()
      response.end(list.replaceAll('"type":"email"', '"type":"email","verificationStatus":"UNVERIFIED"'))
    }
    if (request.url?.endsWith('/notificationChannels') === true) void answer()
    else forward(request, response, endpoint)
  })
  const google = createGoogleCloud({projectId: project, region: 'europe-west3', endpoint: origin})
  onTestFinished(() => google.close())
  expect(await checkChannels({...context, cloud: google})).toMatchObject([
    {detail: expect.stringContaining('cloud-runner cloud-runner: email is not verified'), fix: page},
    {detail: 'cloud-runner cloud-runner: webhook', state: 'ok'},
  ])
})
