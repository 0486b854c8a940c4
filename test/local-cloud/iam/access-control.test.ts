import {describe, expect, onTestFinished, test} from 'vitest'
import type {AccessControl} from '../../../src/local-cloud/iam/access.ts'
import {createAccess} from '../../../src/local-cloud/iam/access-control.ts'
import {parsePolicy} from '../../../src/local-cloud/iam/policy.ts'
import {createKnownAccounts} from '../../../src/local-cloud/iam/known-accounts.ts'
import {iamSchema} from '../../../src/local-cloud/iam/schema.ts'
import {createServiceAgents} from '../../../src/local-cloud/iam/service-agents.ts'
import {openState} from '../../../src/local-cloud/state/open.ts'
import type {State} from '../../../src/local-cloud/state/state.ts'
import {ManualClock} from '../../support/manual-clock.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'

const TOPIC = 'projects/p/topics/orders'
const WORKER = 'serviceAccount:worker@p.iam.gserviceaccount.com'

function create(state: State, id: string): void {
  state.database
    .prepare('INSERT INTO iam_service_accounts (email, project, unique_id, account) VALUES (?, ?, ?, ?)')
    .run(`${id}@p.iam.gserviceaccount.com`, 'p', `1${id}`, '{}')
}

async function setUp(): Promise<{access: AccessControl; state: State}> {
  const state = await openState({folder: await temporaryFolder(), schemas: [iamSchema]})
  onTestFinished(() => state[Symbol.asyncDispose]())
  await state.write(() => create(state, 'worker'))
  return {
    access: createAccess({state, clock: new ManualClock(), accounts: createKnownAccounts(state)}),
    state,
  }
}

describe('access control', () => {
  test('grants what a role on the resource or on its project holds, and nothing else', async () => {
    const {access} = await setUp()
    expect(access.allows(WORKER, 'pubsub.topics.publish', TOPIC)).toBe(false)
    await access.setPolicy(TOPIC, {bindings: [{role: 'roles/pubsub.publisher', members: [WORKER]}]})
    expect(access.allows(WORKER, 'pubsub.topics.publish', TOPIC)).toBe(true)
    expect(access.allows(WORKER, 'pubsub.topics.delete', TOPIC)).toBe(false)
    expect(access.allows(WORKER, 'pubsub.topics.publish', 'projects/p/topics/other')).toBe(false)
    await access.setPolicy('projects/p', {bindings: [{role: 'roles/pubsub.editor', members: [WORKER]}]})
    expect(
      access.testPermissions(WORKER, ['pubsub.topics.delete', 'pubsub.topics.setIamPolicy'], TOPIC),
    ).toEqual(['pubsub.topics.delete'])
    expect(access.allows(WORKER, 'pubsub.topics.delete', 'projects/q/topics/orders')).toBe(false)
    expect(access.allows('owner', 'pubsub.topics.setIamPolicy', TOPIC)).toBe(true)
  })

  test('knows allUsers and allAuthenticatedUsers', async () => {
    const {access} = await setUp()
    const service = 'projects/p/locations/europe-west3/services/s'
    await access.setPolicy(service, {
      bindings: [{role: 'roles/run.invoker', members: ['allAuthenticatedUsers']}],
    })
    expect(access.allows(WORKER, 'run.routes.invoke', service)).toBe(true)
    expect(access.allows('allUsers', 'run.routes.invoke', service)).toBe(false)
    await access.setPolicy(service, {bindings: [{role: 'roles/run.invoker', members: ['allUsers']}]})
    expect(access.allows('allUsers', 'run.routes.invoke', service)).toBe(true)
  })

  test('a denial names who, what, where and the role that helps, and is kept', async () => {
    const {access} = await setUp()
    expect(() => access.require(WORKER, 'storage.objects.create', 'projects/_/buckets/out')).toThrow(
      expect.objectContaining({
        status: 'PERMISSION_DENIED',
        message: `Permission 'storage.objects.create' denied on resource 'projects/_/buckets/out' (or it may not exist) for ${WORKER}. Grant roles/storage.objectCreator on it.`,
      }),
    )
    expect(access.denials()).toEqual([
      {
        time: '2026-01-01T00:00:00.000Z',
        principal: WORKER,
        permission: 'storage.objects.create',
        resource: 'projects/_/buckets/out',
        role: 'roles/storage.objectCreator',
        count: 1,
      },
    ])
  })

  test('what is denied again is one denial, counted and the newest', async () => {
    const {access} = await setUp()
    for (const resource of [TOPIC, 'projects/p/topics/other', TOPIC])
      expect(() => access.require(WORKER, 'pubsub.topics.publish', resource)).toThrow('denied')
    expect(access.denials().map(({resource, count}) => [resource, count])).toEqual([
      [TOPIC, 2],
      ['projects/p/topics/other', 1],
    ])
  })

  test('a bucket inherits from its project, and its editors may change it', async () => {
    const {access, state} = await setUp()
    await state.write(() => create(state, 'editor'))
    const bucket = 'projects/_/buckets/out'
    await access.setPolicy('projects/p', {
      bindings: [
        {role: 'roles/storage.objectViewer', members: [WORKER]},
        {role: 'roles/editor', members: ['serviceAccount:editor@p.iam.gserviceaccount.com']},
      ],
    })
    expect(access.allows(WORKER, 'storage.objects.get', bucket, {project: 'projects/p'})).toBe(true)
    expect(access.allows(WORKER, 'storage.objects.get', bucket, {project: 'projects/q'})).toBe(false)
    expect(access.allows(WORKER, 'storage.objects.create', bucket, {project: 'projects/p'})).toBe(false)
    await access.setPolicy(bucket, {
      bindings: [{role: 'roles/storage.legacyBucketOwner', members: ['projectEditor:p', 'projectOwner:p']}],
    })
    const editor = 'serviceAccount:editor@p.iam.gserviceaccount.com'
    expect(access.allows(editor, 'storage.objects.create', bucket)).toBe(true)
    expect(access.allows(WORKER, 'storage.objects.create', bucket)).toBe(false)
  })

  test('a service account that does not exist gets no grant, and nothing runs as it', async () => {
    const {access} = await setUp()
    const role = 'roles/pubsub.publisher'
    const missing = 'nobody@p.iam.gserviceaccount.com'
    await expect(
      access.setPolicy(TOPIC, {bindings: [{role, members: [`serviceAccount:${missing}`]}]}),
    ).rejects.toThrow(
      expect.objectContaining({
        status: 'INVALID_ARGUMENT',
        message: `Service account ${missing} does not exist.`,
      }),
    )
    expect(() =>
      access.require('owner', 'iam.serviceAccounts.actAs', `projects/p/serviceAccounts/${missing}`),
    ).toThrow(
      `Permission 'iam.serviceAccounts.actAs' denied on service account ${missing} (or it may not exist).`,
    )
    access.require(
      'owner',
      'iam.serviceAccounts.actAs',
      WORKER.replace('serviceAccount:', 'projects/p/serviceAccounts/'),
    )
    for (const agent of [
      'service-123456789012@gs-project-accounts.iam.gserviceaccount.com',
      'service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com',
      '123456789012-compute@developer.gserviceaccount.com',
    ])
      await access.setPolicy(TOPIC, {bindings: [{role, members: [`serviceAccount:${agent}`]}]})
  })

  test('a deleted account leaves its grants behind, and another of its name does not get them', async () => {
    const {access, state} = await setUp()
    const role = 'roles/pubsub.publisher'
    await access.setPolicy(TOPIC, {bindings: [{role, members: [WORKER, 'user:a@b.example']}]})
    await state.write(() => access.dropAccount('worker@p.iam.gserviceaccount.com', '1234'))
    expect(access.allows(WORKER, 'pubsub.topics.publish', TOPIC)).toBe(false)
    const policy = access.getPolicy(TOPIC)
    expect(policy.bindings).toEqual([{role, members: [`deleted:${WORKER}?uid=1234`, 'user:a@b.example']}])
    // A module that adds a member sends the others back as it read them.
    await access.setPolicy(TOPIC, policy)
  })

  test('objectCreator cannot replace an object, as on Google', async () => {
    const {access} = await setUp()
    const bucket = 'projects/_/buckets/out'
    await access.setPolicy(bucket, {bindings: [{role: 'roles/storage.objectCreator', members: [WORKER]}]})
    expect(
      access.testPermissions(WORKER, ['storage.objects.create', 'storage.objects.delete'], bucket),
    ).toEqual(['storage.objects.create'])
  })

  test.each([
    ['roles/pubsub.janitor', TOPIC],
    ['roles/run.invoker', TOPIC],
    ['roles/storage.legacyBucketReader', 'projects/p'],
  ])('refuses %s on %s', async (role, resource) => {
    const {access} = await setUp()
    await expect(access.setPolicy(resource, {bindings: [{role, members: [WORKER]}]})).rejects.toThrow(
      expect.objectContaining({
        status: 'INVALID_ARGUMENT',
        message: `Role ${role} is not supported for this resource.`,
      }),
    )
  })

  test.each(['worker@p.iam.gserviceaccount.com', 'serviceAccount:worker', 'robot:a@b.c', 'allusers'])(
    'refuses the member %s',
    async (member) => {
      const {access} = await setUp()
      const policy = {bindings: [{role: 'roles/pubsub.publisher', members: [member]}]}
      await expect(access.setPolicy(TOPIC, policy)).rejects.toThrow(
        expect.objectContaining({status: 'INVALID_ARGUMENT', message: expect.stringContaining(member)}),
      )
    },
  )

  test('an outdated etag is refused; bindings are merged; a policy without bindings removes all', async () => {
    const {access, state} = await setUp()
    expect(access.getPolicy(TOPIC)).toEqual({etag: 'ACAB'})
    const role = 'roles/pubsub.publisher'
    const set = await access.setPolicy(TOPIC, {
      etag: 'ACAB',
      bindings: [
        {role, members: [WORKER]},
        {role, members: ['user:a@b.example', WORKER]},
        {role: 'roles/pubsub.viewer', members: []},
      ],
    })
    expect(set.bindings).toEqual([{role, members: [WORKER, 'user:a@b.example']}])
    expect(access.getPolicy(TOPIC)).toEqual(set)
    await expect(access.setPolicy(TOPIC, {etag: 'ACAB'})).rejects.toThrow(
      expect.objectContaining({status: 'ABORTED'}),
    )
    await access.setPolicy(TOPIC, set.etag === undefined ? {} : {etag: set.etag})
    expect(access.allows(WORKER, 'pubsub.topics.publish', TOPIC)).toBe(false)
    await access.setPolicy(TOPIC, {bindings: [{role, members: [WORKER]}]})
    await state.write(() => access.dropPolicy(TOPIC))
    expect(access.getPolicy(TOPIC)).toEqual({etag: 'ACAB'})
  })

  test('an etag may come back in the other alphabet of base64, as gcloud writes it', async () => {
    const {access} = await setUp()
    const withSigns = async (): Promise<string> => {
      for (;;) {
        const {etag = ''} = await access.setPolicy(TOPIC, {bindings: []})
        if (/[+/]/.test(etag)) return etag
      }
    }
    const urlSafe = (etag: string) => Buffer.from(etag, 'base64').toString('base64url')
    const etag = await withSigns()
    expect(urlSafe(etag)).not.toBe(etag)
    expect((await access.setPolicy(TOPIC, {etag: urlSafe(etag)})).etag).not.toBe(etag)
    await expect(access.setPolicy(TOPIC, {etag: urlSafe(etag)})).rejects.toThrow('concurrent policy changes')
  })

  test('a policy is read strictly', () => {
    expect(() => parsePolicy({binding: []})).toThrow('Unknown name "binding"')
    expect(() => parsePolicy({bindings: [{role: 'roles/viewer', members: 'x'}]})).toThrow(
      'policy.bindings[0].members',
    )
    expect(() =>
      parsePolicy({bindings: [{role: 'roles/viewer', members: [], condition: {title: 't'}}]}),
    ).toThrow('policy.bindings[0].condition')
  })
})

test('a project has a number of twelve digits, always the same', () => {
  const agents = createServiceAgents()
  const number = agents.projectNumber('cloud-runner-local')
  expect(number).toMatch(/^[1-9]\d{11}$/)
  expect(agents.projectNumber('cloud-runner-local')).toBe(number)
  expect(agents.projectNumber('other')).not.toBe(number)
  expect(agents.pubsub('cloud-runner-local')).toBe(`service-${number}@gcp-sa-pubsub.iam.gserviceaccount.com`)
  expect(agents.storage(number), 'gcloud asks by number').toBe(agents.storage('cloud-runner-local'))
})
