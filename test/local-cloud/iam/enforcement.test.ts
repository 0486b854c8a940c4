import {mkdtemp, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {PubSub} from '@google-cloud/pubsub'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {LocalCloud} from '../../../src/local-cloud/index.ts'

const OUTSIDER = 'outsider@p-test.iam.gserviceaccount.com'
const P = 'projects/p-test'
const L = `${P}/locations/europe-west3`
const TOPIC = `${P}/topics/topic`
const SUBSCRIPTION = `${P}/subscriptions/subscription`
const SERVICE = `${L}/services/service`
const JOB = `${L}/jobs/job`
const EXECUTION = `${JOB}/executions/execution`
const REPOSITORY = `${L}/repositories/repository`
const LOG = `${P}/logs/log`
const CONTAINER = {containers: [{image: 'image'}]}
const ENTRY = {logName: LOG, resource: {type: 'global'}, textPayload: 'x'}

let cloud: LocalCloud
let folder = ''
let token = ''

const call = async (method: string, path: string, body?: unknown, authorization = ''): Promise<string> => {
  const response = await fetch(`${cloud.endpoint}${path}`, {
    method,
    headers: authorization === '' ? {} : {authorization},
    ...(body === undefined ? {} : {body: typeof body === 'string' ? body : JSON.stringify(body)}),
  })
  return `${response.status} ${await response.text()}`
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cloud-runner-test-'))
  cloud = await LocalCloud.start({stateFolder: folder})
  const made = [
    await call('POST', `/v1/${P}/serviceAccounts`, {accountId: 'outsider'}),
    await call('PUT', `/v1/${TOPIC}`, {}),
    await call('PUT', `/v1/${SUBSCRIPTION}`, {topic: TOPIC}),
    await call('POST', '/storage/v1/b?project=p-test', {name: 'bucket'}),
    await call('POST', '/upload/storage/v1/b/bucket/o?uploadType=media&name=object', 'content'),
    await call('POST', `/v1/${L}/repositories?repository_id=repository`, {format: 'DOCKER'}),
    await call('POST', `/v2/${L}/services?serviceId=service`, {template: CONTAINER}),
    await call('POST', `/v2/${L}/jobs?jobId=job`, {template: {template: CONTAINER}}),
    await call('POST', '/v2/entries:write', {entries: [ENTRY]}),
  ]
  const failed = made.filter((answer) => !answer.startsWith('200 '))
  if (failed.length > 0) throw new Error(`Not made: ${failed.join(' ')}`)
  const answer = await call('POST', `/v1/projects/-/serviceAccounts/${OUTSIDER}:generateAccessToken`, {
    scope: ['https://www.googleapis.com/auth/cloud-platform'],
  })
  const granted: {accessToken: string} = JSON.parse(answer.slice(4))
  token = `Bearer ${granted.accessToken}`
})
afterAll(async () => {
  await cloud[Symbol.asyncDispose]()
  await rm(folder, {recursive: true, force: true})
})

/** Each call that reads or changes something, with the permission that Google's reference asks for. */
const CALLS: [permission: string, method: string, path: string, body?: object | string][] = [
  // https://cloud.google.com/pubsub/docs/access-control#required_permissions
  ['pubsub.topics.create', 'PUT', `/v1/${P}/topics/another`, {}],
  ['pubsub.topics.update', 'PATCH', `/v1/${TOPIC}`, {topic: {labels: {a: 'b'}}, updateMask: 'labels'}],
  ['pubsub.topics.publish', 'POST', `/v1/${TOPIC}:publish`, {messages: [{data: 'eA=='}]}],
  ['pubsub.topics.get', 'GET', `/v1/${TOPIC}`],
  ['pubsub.topics.list', 'GET', `/v1/${P}/topics`],
  ['pubsub.topics.get', 'GET', `/v1/${TOPIC}/subscriptions`],
  ['pubsub.topics.delete', 'DELETE', `/v1/${TOPIC}`],
  ['pubsub.topics.detachSubscription', 'POST', `/v1/${SUBSCRIPTION}:detach`],
  ['pubsub.topics.getIamPolicy', 'GET', `/v1/${TOPIC}:getIamPolicy`],
  ['pubsub.topics.setIamPolicy', 'POST', `/v1/${TOPIC}:setIamPolicy`, {policy: {}}],
  ['pubsub.subscriptions.create', 'PUT', `/v1/${P}/subscriptions/another`, {topic: TOPIC}],
  ['pubsub.subscriptions.get', 'GET', `/v1/${SUBSCRIPTION}`],
  [
    'pubsub.subscriptions.update',
    'PATCH',
    `/v1/${SUBSCRIPTION}`,
    {subscription: {ackDeadlineSeconds: 60}, updateMask: 'ackDeadlineSeconds'},
  ],
  ['pubsub.subscriptions.update', 'POST', `/v1/${SUBSCRIPTION}:modifyPushConfig`, {pushConfig: {}}],
  ['pubsub.subscriptions.list', 'GET', `/v1/${P}/subscriptions`],
  ['pubsub.subscriptions.delete', 'DELETE', `/v1/${SUBSCRIPTION}`],
  ['pubsub.subscriptions.consume', 'POST', `/v1/${SUBSCRIPTION}:pull`, {maxMessages: 1}],
  ['pubsub.subscriptions.consume', 'POST', `/v1/${SUBSCRIPTION}:acknowledge`, {ackIds: ['x']}],
  [
    'pubsub.subscriptions.consume',
    'POST',
    `/v1/${SUBSCRIPTION}:modifyAckDeadline`,
    {ackIds: ['x'], ackDeadlineSeconds: 10},
  ],
  ['pubsub.subscriptions.consume', 'POST', `/v1/${SUBSCRIPTION}:seek`, {time: '2026-01-01T00:00:00Z'}],
  ['pubsub.subscriptions.getIamPolicy', 'GET', `/v1/${SUBSCRIPTION}:getIamPolicy`],
  ['pubsub.subscriptions.setIamPolicy', 'POST', `/v1/${SUBSCRIPTION}:setIamPolicy`, {policy: {}}],
  // https://cloud.google.com/storage/docs/access-control/iam-json
  ['storage.buckets.list', 'GET', '/storage/v1/b?project=p-test'],
  ['storage.buckets.create', 'POST', '/storage/v1/b?project=p-test', {name: 'another'}],
  ['storage.buckets.get', 'GET', '/storage/v1/b/bucket'],
  ['storage.buckets.update', 'PATCH', '/storage/v1/b/bucket', {labels: {a: 'b'}}],
  ['storage.buckets.update', 'PUT', '/storage/v1/b/bucket', {}],
  ['storage.buckets.delete', 'DELETE', '/storage/v1/b/bucket'],
  ['storage.objects.list', 'GET', '/storage/v1/b/bucket/storageLayout'],
  ['storage.buckets.getIamPolicy', 'GET', '/storage/v1/b/bucket/iam'],
  ['storage.buckets.setIamPolicy', 'PUT', '/storage/v1/b/bucket/iam', {}],
  ['storage.buckets.get', 'GET', '/storage/v1/b/bucket/notificationConfigs'],
  ['storage.buckets.get', 'GET', '/storage/v1/b/bucket/notificationConfigs/1'],
  ['storage.buckets.update', 'POST', '/storage/v1/b/bucket/notificationConfigs', {topic: TOPIC}],
  ['storage.buckets.update', 'DELETE', '/storage/v1/b/bucket/notificationConfigs/1'],
  ['storage.objects.list', 'GET', '/storage/v1/b/bucket/o'],
  ['storage.objects.get', 'GET', '/storage/v1/b/bucket/o/object'],
  ['storage.objects.get', 'GET', '/storage/v1/b/bucket/o/object?alt=media'],
  ['storage.objects.get', 'GET', '/download/storage/v1/b/bucket/o/object?alt=media'],
  ['storage.objects.get', 'GET', '/bucket/object'],
  ['storage.objects.update', 'PATCH', '/storage/v1/b/bucket/o/object', {metadata: {a: 'b'}}],
  ['storage.objects.update', 'PUT', '/storage/v1/b/bucket/o/object', {}],
  ['storage.objects.delete', 'DELETE', '/storage/v1/b/bucket/o/object'],
  ['storage.objects.create', 'POST', '/upload/storage/v1/b/bucket/o?uploadType=media&name=x', 'x'],
  ['storage.objects.create', 'POST', '/upload/storage/v1/b/bucket/o?uploadType=resumable&name=x', {}],
  ['storage.objects.get', 'POST', '/storage/v1/b/bucket/o/object/copyTo/b/bucket/o/copy', {}],
  ['storage.objects.get', 'POST', '/storage/v1/b/bucket/o/object/rewriteTo/b/bucket/o/copy', {}],
  ['storage.objects.get', 'POST', '/storage/v1/b/bucket/o/x/compose', {sourceObjects: [{name: 'object'}]}],
  ['resourcemanager.projects.get', 'GET', '/storage/v1/projects/p-test/serviceAccount'],
  // https://cloud.google.com/run/docs/reference/iam/permissions
  ['run.services.create', 'POST', `/v2/${L}/services?serviceId=another`, {template: CONTAINER}],
  ['run.services.get', 'GET', `/v2/${SERVICE}`],
  ['run.services.list', 'GET', `/v2/${L}/services`],
  ['run.services.update', 'PATCH', `/v2/${SERVICE}`, {template: CONTAINER}],
  ['run.services.delete', 'DELETE', `/v2/${SERVICE}`],
  ['run.services.getIamPolicy', 'GET', `/v2/${SERVICE}:getIamPolicy`],
  ['run.services.setIamPolicy', 'POST', `/v2/${SERVICE}:setIamPolicy`, {policy: {}}],
  ['run.revisions.get', 'GET', `/v2/${SERVICE}/revisions/revision`],
  ['run.revisions.list', 'GET', `/v2/${SERVICE}/revisions`],
  ['run.revisions.delete', 'DELETE', `/v2/${SERVICE}/revisions/revision`],
  ['run.jobs.create', 'POST', `/v2/${L}/jobs?jobId=another`, {template: {template: CONTAINER}}],
  ['run.jobs.get', 'GET', `/v2/${JOB}`],
  ['run.jobs.list', 'GET', `/v2/${L}/jobs`],
  ['run.jobs.update', 'PATCH', `/v2/${JOB}`, {template: {template: CONTAINER}}],
  ['run.jobs.delete', 'DELETE', `/v2/${JOB}`],
  ['run.jobs.run', 'POST', `/v2/${JOB}:run`, {}],
  ['run.jobs.getIamPolicy', 'GET', `/v2/${JOB}:getIamPolicy`],
  ['run.jobs.setIamPolicy', 'POST', `/v2/${JOB}:setIamPolicy`, {policy: {}}],
  ['run.executions.get', 'GET', `/v2/${EXECUTION}`],
  ['run.executions.list', 'GET', `/v2/${JOB}/executions`],
  ['run.executions.delete', 'DELETE', `/v2/${EXECUTION}`],
  ['run.executions.cancel', 'POST', `/v2/${EXECUTION}:cancel`, {}],
  ['run.tasks.get', 'GET', `/v2/${EXECUTION}/tasks/task`],
  ['run.tasks.list', 'GET', `/v2/${EXECUTION}/tasks`],
  ['run.operations.list', 'GET', `/v2/${L}/operations`],
  ['run.operations.get', 'GET', `/v2/${L}/operations/operation`],
  ['run.operations.get', 'POST', `/v2/${L}/operations/operation:wait`, {}],
  ['run.operations.delete', 'DELETE', `/v2/${L}/operations/operation`],
  ['run.services.list', 'GET', '/apis/serving.knative.dev/v1/namespaces/p-test/services'],
  // https://cloud.google.com/logging/docs/access-control#permissions
  ['logging.logEntries.create', 'POST', '/v2/entries:write', {entries: [ENTRY]}],
  ['logging.logEntries.list', 'POST', '/v2/entries:list', {resourceNames: [P]}],
  ['logging.logs.list', 'GET', `/v2/${P}/logs`],
  ['logging.logs.delete', 'DELETE', `/v2/${LOG}`],
  // https://cloud.google.com/artifact-registry/docs/access-control
  [
    'artifactregistry.repositories.create',
    'POST',
    `/v1/${L}/repositories?repository_id=b`,
    {format: 'DOCKER'},
  ],
  ['artifactregistry.repositories.get', 'GET', `/v1/${REPOSITORY}`],
  ['artifactregistry.repositories.list', 'GET', `/v1/${L}/repositories`],
  [
    'artifactregistry.repositories.update',
    'PATCH',
    `/v1/${REPOSITORY}?updateMask=labels`,
    {labels: {a: 'b'}},
  ],
  ['artifactregistry.repositories.delete', 'DELETE', `/v1/${REPOSITORY}`],
  ['artifactregistry.repositories.getIamPolicy', 'GET', `/v1/${REPOSITORY}:getIamPolicy`],
  ['artifactregistry.repositories.setIamPolicy', 'POST', `/v1/${REPOSITORY}:setIamPolicy`, {policy: {}}],
  ['artifactregistry.repositories.uploadArtifacts', 'POST', '/v2/p-test/repository/image/blobs/uploads/'],
  ['artifactregistry.repositories.downloadArtifacts', 'GET', '/v2/p-test/repository/image/manifests/latest'],
  ['artifactregistry.repositories.downloadArtifacts', 'GET', '/v2/p-test/repository/image/tags/list'],
  // https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts
  ['iam.serviceAccounts.create', 'POST', `/v1/${P}/serviceAccounts`, {accountId: 'another'}],
  ['iam.serviceAccounts.list', 'GET', `/v1/${P}/serviceAccounts`],
  ['iam.serviceAccounts.get', 'GET', `/v1/${P}/serviceAccounts/${OUTSIDER}`],
  ['iam.serviceAccounts.delete', 'DELETE', `/v1/${P}/serviceAccounts/${OUTSIDER}`],
  ['iam.serviceAccounts.disable', 'POST', `/v1/${P}/serviceAccounts/${OUTSIDER}:disable`, {}],
  [
    'iam.serviceAccounts.setIamPolicy',
    'POST',
    `/v1/${P}/serviceAccounts/${OUTSIDER}:setIamPolicy`,
    {policy: {}},
  ],
  [
    'iam.serviceAccounts.getOpenIdToken',
    'POST',
    `/v1/${P}/serviceAccounts/${OUTSIDER}:generateIdToken`,
    {audience: 'x'},
  ],
  ['resourcemanager.projects.get', 'GET', `/v1/${P}`],
  ['resourcemanager.projects.get', 'GET', `/v3/${P}`],
  ['resourcemanager.projects.getIamPolicy', 'POST', `/v1/${P}:getIamPolicy`, {}],
  ['resourcemanager.projects.setIamPolicy', 'POST', `/v1/${P}:setIamPolicy`, {policy: {}}],
  ['serviceusage.services.list', 'GET', `/v1/${P}/services`],
  ['serviceusage.services.enable', 'POST', `/v1/${P}/services/run.googleapis.com:enable`, {}],
]

describe('an account without any grant', () => {
  it.each(CALLS)('lacks %s for %s %s', async (permission, method, path, body) => {
    const answer = await call(method, path, body, token)
    expect(answer).toMatch(/^403 /)
    expect(answer).toContain(permission)
    expect(answer).toContain(OUTSIDER)
    expect(cloud.status().denials[0]).toMatchObject({principal: `serviceAccount:${OUTSIDER}`, permission})
  })

  it('names a role that grants it, for every call', () => {
    expect(cloud.status().denials.filter(({role}) => role === undefined)).toEqual([])
  })

  it('may not control the local cloud, nor make it fail', async () => {
    for (const [method, path] of [
      ['GET', '/_local-cloud/status'],
      ['POST', '/_local-cloud/stop'],
      ['GET', '/_local-cloud/faults'],
      ['POST', '/_local-cloud/faults'],
      ['DELETE', '/_local-cloud/faults'],
    ] as const)
      expect(await call(method, path, method === 'POST' ? {faults: []} : undefined, token)).toMatch(/^403 /)
  })

  it('is refused over gRPC as well', async () => {
    const pubsub = new PubSub({
      apiEndpoint: new URL(cloud.endpoint).host,
      emulatorMode: true,
      projectId: 'p-test',
    })
    const options = {otherArgs: {headers: {authorization: token}}}
    await expect(pubsub.topic('topic').getMetadata(options)).rejects.toMatchObject({
      code: 7,
      details: expect.stringContaining('pubsub.topics.get'),
    })
    await pubsub.close()
  })
})

describe('an account that does not exist', () => {
  const missing = 'nobody@p-test.iam.gserviceaccount.com'
  const denied = `Permission 'iam.serviceAccounts.actAs' denied on service account ${missing} (or it may not exist).`

  it.each([
    ['POST', `/v2/${L}/services?serviceId=with-nobody`, {template: {...CONTAINER, serviceAccount: missing}}],
    [
      'POST',
      `/v2/${L}/jobs?jobId=with-nobody`,
      {template: {template: {...CONTAINER, serviceAccount: missing}}},
    ],
    [
      'PUT',
      `/v1/${P}/subscriptions/with-nobody`,
      {
        topic: TOPIC,
        pushConfig: {pushEndpoint: 'http://127.0.0.1:9/', oidcToken: {serviceAccountEmail: missing}},
      },
    ],
  ])('is nobody to run or to push as, even for the owner: %s %s', async (method, path, body) => {
    const answer = await call(method, path, body)
    expect(answer).toMatch(/^403 /)
    expect(answer).toContain(denied)
    expect(await call('GET', path.replace(/\?.*Id=/, '/'))).toMatch(/^404 /)
  })

  it.each([
    ['POST', `/v1/${TOPIC}:setIamPolicy`, 'roles/pubsub.publisher'],
    ['POST', `/v1/${SUBSCRIPTION}:setIamPolicy`, 'roles/pubsub.subscriber'],
    ['POST', `/v2/${SERVICE}:setIamPolicy`, 'roles/run.invoker'],
    ['POST', `/v1/${REPOSITORY}:setIamPolicy`, 'roles/artifactregistry.reader'],
    ['POST', `/v1/${P}:setIamPolicy`, 'roles/viewer'],
    ['PUT', '/storage/v1/b/bucket/iam', 'roles/storage.objectViewer'],
  ])('gets no grant: %s %s', async (method, path, role) => {
    const policy = {bindings: [{role, members: [`serviceAccount:${missing}`]}]}
    const answer = await call(method, path, method === 'PUT' ? policy : {policy})
    expect(answer).toMatch(/^400 /)
    expect(answer).toContain(`Service account ${missing} does not exist.`)
  })
})

it('changed nothing', async () => {
  for (const path of [
    `/v1/${TOPIC}`,
    `/v1/${SUBSCRIPTION}`,
    '/bucket/object',
    `/v1/${REPOSITORY}`,
    `/v2/${SERVICE}`,
    `/v2/${JOB}`,
  ])
    expect(await call('GET', path)).toMatch(/^200 /)
})

it('a service account that is disabled is let in nowhere, until it is enabled', async () => {
  const account = `/v1/projects/-/serviceAccounts/${OUTSIDER}`
  const members = [`serviceAccount:${OUTSIDER}`]
  const policy = {bindings: [{role: 'roles/pubsub.viewer', members}]}
  await call('POST', `/v1/${TOPIC}:setIamPolicy`, {policy})
  expect(await call('GET', `/v1/${TOPIC}`, undefined, token)).toMatch(/^200 /)
  await call('POST', `${account}:disable`, {})
  expect(await call('GET', `/v1/${TOPIC}`, undefined, token)).toMatch(
    new RegExp(`^401 .*The service account ${OUTSIDER} is disabled. Enable it`, 's'),
  )
  await call('POST', `${account}:enable`, {})
  expect(await call('GET', `/v1/${TOPIC}`, undefined, token)).toMatch(/^200 /)
  await call('POST', `/v1/${TOPIC}:setIamPolicy`, {policy: {}})
})
