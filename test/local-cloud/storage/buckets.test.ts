import {expect, test} from 'vitest'
import {temporaryFolder} from '../../support/temporary-folder.ts'
import {AGENT, call, clientOf, fieldsOf, PROJECT, refusalOf, startStorage} from './local-storage.ts'

const WORKER = 'serviceAccount:worker@local-project.iam.gserviceaccount.com'

test("Google's client creates, reads, changes, lists and deletes buckets", async () => {
  const {client} = await startStorage()
  const [bucket] = await client.createBucket('first-bucket', {location: 'europe-west3', labels: {team: 'a'}})
  const [metadata] = await bucket.getMetadata()
  expect(metadata).toMatchObject({
    kind: 'storage#bucket',
    id: 'first-bucket',
    location: 'EUROPE-WEST3',
    labels: {team: 'a'},
    metageneration: '1',
    etag: 'CAE=',
  })
  expect(metadata.projectNumber).toMatch(/^\d{12}$/)
  const [changed] = await bucket.setMetadata({labels: {team: null, stage: 'test'}})
  expect(changed).toMatchObject({labels: {stage: 'test'}, metageneration: '2'})
  await client.createBucket('second-bucket')
  const [listed] = await client.getBuckets({prefix: 'sec'})
  expect(listed.map(({name}) => name)).toEqual(['second-bucket'])
  await bucket.delete()
  expect(await bucket.exists()).toEqual([false])
})

test('what an earlier version stored unchecked hinders no change of something else', async () => {
  const folder = await temporaryFolder()
  const before = await startStorage({folder})
  await before.client.createBucket('old', {labels: {team: 'a'}})
  await before.state.write(() =>
    before.state.database.exec(`UPDATE storage_buckets SET fields = replace(fields, '"team"', '"Team"')`),
  )
  await before.stop()
  const {origin} = await startStorage({folder})
  const changed = await call(origin, 'PATCH', '/b/old', {versioning: {enabled: true}})
  expect(await changed.json()).toMatchObject({labels: {Team: 'a'}, versioning: {enabled: true}})
  expect((await call(origin, 'PATCH', '/b/old', {labels: {Stage: 'test'}})).status).toBe(400)
  expect((await call(origin, 'PATCH', '/b/old', {labels: {Team: null}})).status).toBe(200)
})

test('a bucket comes back as it was sent, with what Google determines of it', async () => {
  const {origin} = await startStorage()
  const sent = {
    name: 'as-sent',
    location: 'Europe-West3',
    storageClass: 'STANDARD',
    iamConfiguration: {uniformBucketLevelAccess: {enabled: true}, publicAccessPrevention: 'enforced'},
    labels: {'goog-terraform-provisioned': 'true'},
    lifecycle: {rule: [{condition: {age: 7}, action: {type: 'Delete'}}]},
    softDeletePolicy: {retentionDurationSeconds: '0'},
  }
  const created = await fieldsOf(
    await call(origin, 'POST', `/b?project=${PROJECT}&enableObjectRetention=False`, sent),
  )
  // Google takes a location in any case and shows it in capitals; the provider replaces a bucket for the difference.
  expect(created).toMatchObject({...sent, location: 'EUROPE-WEST3'})
  expect(Object.keys(created).toSorted()).toEqual(
    [
      ...Object.keys(sent),
      'kind',
      'id',
      'selfLink',
      'projectNumber',
      'generation',
      'metageneration',
      'etag',
      'locationType',
      'timeCreated',
      'updated',
    ].toSorted(),
  )
  expect(await (await call(origin, 'GET', '/b/as-sent')).json()).toEqual(created)
  // Clients of version 7 leave the prefix out.
  expect(await (await fetch(`${origin}/b/as-sent`)).json()).toEqual(created)
  const replaced = await (await call(origin, 'PUT', '/b/as-sent', {labels: {}})).json()
  expect(replaced).toMatchObject({location: 'EUROPE-WEST3'})
  expect(replaced).not.toHaveProperty('labels')
  expect(replaced).not.toHaveProperty('lifecycle')
})

test.each([
  ['POST', '/b', {name: 'no-project'}, 400, 'required', 'Required parameter: project'],
  ['POST', `/b?project=${PROJECT}`, {name: 'Capital'}, 400, 'invalid', "Invalid bucket name: 'Capital'"],
  ['POST', `/b?project=${PROJECT}`, {name: 'goog-x'}, 400, 'invalid', "Invalid bucket name: 'goog-x'"],
  ['POST', `/b?project=${PROJECT}`, {name: '10.0.0.1'}, 400, 'invalid', "Invalid bucket name: '10.0.0.1'"],
  [
    'POST',
    `/b?project=${PROJECT}`,
    {name: 'there'},
    409,
    'conflict',
    'Your previous request to create the named bucket succeeded and you already own it.',
  ],
  [
    'POST',
    `/b?project=${PROJECT}`,
    {name: 'rules', lifecycle: {rule: [{action: {type: 'Delete'}}]}},
    400,
    'required',
    'Required parameter: lifecycle.rule.condition',
  ],
  ['GET', '/b/missing', undefined, 404, 'notFound', 'The specified bucket does not exist.'],
  ['DELETE', '/b/there', undefined, 409, 'conflict', 'The bucket you tried to delete is not empty.'],
])('%s %s %j is refused with %i', async (method, path, body, code, reason, message) => {
  const {origin, client} = await startStorage()
  const [bucket] = await client.createBucket('there')
  await bucket.file('x').save('x')
  const response = await call(origin, method, path, body)
  expect(response.status).toBe(code)
  expect(await response.json()).toMatchObject({
    error: {code, message, errors: [{message, domain: 'global', reason}]},
  })
})

test("a bucket's name is unique across projects", async () => {
  const {origin, client} = await startStorage()
  await client.createBucket('taken')
  const response = await call(origin, 'POST', '/b?project=another', {name: 'taken'})
  expect(response.status).toBe(409)
  expect(await response.text()).toContain('The requested bucket name is not available.')
})

test("a bucket's policy is set, read and enforced, and is deleted with the bucket", async () => {
  const {client, listen, origin} = await startStorage()
  const [bucket] = await client.createBucket('guarded')
  const worker = clientOf(await listen(WORKER)).bucket('guarded')
  const refusal = {
    code: 403,
    message: expect.stringContaining(
      'worker@local-project.iam.gserviceaccount.com does not have storage.objects.create access to the Google Cloud Storage object. ' +
        "Permission 'storage.objects.create' denied on resource",
    ),
  }
  await expect(worker.file('x').save('x', {resumable: false})).rejects.toMatchObject(refusal)
  const [policy] = await bucket.iam.getPolicy()
  policy.bindings.push({role: 'roles/storage.objectCreator', members: [WORKER]})
  await bucket.iam.setPolicy(policy)
  await worker.file('x').save('x', {resumable: false})
  // A creator may not overwrite.
  await expect(worker.file('x').save('y', {resumable: false})).rejects.toMatchObject({
    code: 403,
    message: expect.stringContaining('storage.objects.delete'),
  })
  await expect(worker.file('x').download()).rejects.toMatchObject({code: 403})
  expect((await worker.iam.testPermissions(['storage.objects.create', 'storage.objects.get']))[0]).toEqual({
    'storage.objects.create': true,
    'storage.objects.get': false,
  })
  // The etag of before is refused.
  expect((await call(origin, 'PUT', '/b/guarded/iam', {...policy, bindings: []})).status).toBe(412)
  expect((await call(origin, 'PUT', '/b/guarded/iam', {version: 1})).status).toBe(200)
  await expect(worker.file('z').save('z', {resumable: false})).rejects.toMatchObject({code: 403})

  await bucket.deleteFiles()
  await bucket.iam.setPolicy({bindings: [{role: 'roles/storage.objectAdmin', members: [WORKER]}]})
  await bucket.delete()
  await client.createBucket('guarded')
  await expect(worker.getFiles()).rejects.toMatchObject({code: 403})
})

test('a caller without an identity is refused', async () => {
  const {client, listen} = await startStorage()
  await client.createBucket('private')
  const response = await fetch(`${await listen('allUsers')}/storage/v1/b/private/o`)
  expect(response.status).toBe(401)
  expect(await response.text()).toContain('Anonymous caller does not have storage.objects.list access')
})

test("the project's service agent, and what Terraform asks before it deletes a bucket", async () => {
  const {client, origin} = await startStorage()
  await client.createBucket('there')
  const [account] = await client.getServiceAccount()
  expect(account.emailAddress).toBe(AGENT.replace('serviceAccount:', ''))
  expect(await (await call(origin, 'GET', '/b/there/anywhereCaches/')).json()).toEqual({})
})

test('a bucket is changed under a metageneration condition only', async () => {
  const {client, origin} = await startStorage()
  await client.createBucket('versioned')
  expect((await call(origin, 'PATCH', '/b/versioned?ifMetagenerationMatch=2', {labels: {}})).status).toBe(412)
  expect((await call(origin, 'PATCH', '/b/versioned?ifMetagenerationMatch=1', {labels: {}})).status).toBe(200)
  expect((await call(origin, 'GET', '/b/versioned?ifMetagenerationNotMatch=2')).status).toBe(304)
  expect((await call(origin, 'DELETE', '/b/versioned?ifMetagenerationMatch=1')).status).toBe(412)
})

test.each([
  ['versioning.enabled', {versioning: {enabled: 'yes'}}],
  ['website.mainPageSuffix', {website: {mainPageSuffix: 1}}],
  ['cors', {cors: [{origin: '*', method: ['GET']}]}],
  ['cors.maxAgeSeconds', {cors: [{origin: ['*'], maxAgeSeconds: 'a minute'}]}],
  ["label key 'Team'", {labels: {Team: 'a'}}],
  ["label key '1st'", {labels: {'1st': 'a'}}],
  ['label team', {labels: {team: 'Data Science'}}],
  ['at most 64 labels', {labels: Object.fromEntries(Array.from({length: 65}, (_, i) => [`l${i}`, '']))}],
  ['terminalStorageClass', {autoclass: {enabled: true, terminalStorageClass: 'COLDLINE'}}],
  ['rpo', {rpo: 'FAST', location: 'NAM4'}],
  ['two regions', {location: 'US', customPlacementConfig: {dataLocations: ['US-EAST1']}}],
])('a new bucket with a wrong %s is refused', async (wrong, fields) => {
  const {origin} = await startStorage()
  const created = await call(origin, 'POST', `/b?project=${PROJECT}`, {name: 'wrong', ...fields})
  expect(await refusalOf(created)).toEqual([400, expect.stringContaining(wrong)])
})

test('a new bucket may have all that Google allows, and null for what it has not', async () => {
  const {origin} = await startStorage()
  const fields = {
    labels: {équipe: 'données_1', 团队: '', a: '1-b'},
    cors: [{origin: ['*'], maxAgeSeconds: '60', responseHeader: null}],
    autoclass: {enabled: true, terminalStorageClass: null},
    website: {mainPageSuffix: 'index.html', notFoundPage: null},
    rpo: 'ASYNC_TURBO',
    location: 'NAM4',
    customPlacementConfig: null,
    encryption: {defaultKmsKeyName: 'projects/p/locations/us/keyRings/r/cryptoKeys/k'},
    lifecycle: null,
    versioning: null,
  }
  const created = await call(origin, 'POST', `/b?project=${PROJECT}`, {name: 'right', ...fields})
  expect([created.status, await created.json()]).toMatchObject([
    200,
    {
      labels: fields.labels,
      rpo: 'ASYNC_TURBO',
      locationType: 'dual-region',
      autoclass: {terminalStorageClass: 'NEARLINE'},
    },
  ])
})
