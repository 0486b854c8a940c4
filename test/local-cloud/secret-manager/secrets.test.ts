import {readFile} from 'node:fs/promises'
import {join} from 'node:path'
import {SecretManagerServiceClient} from '@google-cloud/secret-manager'
import {credentials} from '@grpc/grpc-js'
import {crc32c} from '@node-rs/crc32'
import {describe, expect, it, onTestFinished} from 'vitest'
import {LocalCloud} from '../../../src/local-cloud/index.ts'
import {ManualClock} from '../../support/manual-clock.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'

const NOT_FOUND = 5
const ALREADY_EXISTS = 6
const FAILED_PRECONDITION = 9
const PARENT = 'projects/shop'
const DAY_MS = 24 * 3_600_000

interface Secrets {
  readonly cloud: LocalCloud
  readonly client: SecretManagerServiceClient
  readonly clock: ManualClock
  readonly folder: string
}

async function start(given?: string): Promise<Secrets> {
  const folder = given ?? (await temporaryFolder())
  const clock = new ManualClock()
  const cloud = await LocalCloud.start({stateFolder: folder, clock})
  onTestFinished(() => cloud[Symbol.asyncDispose]())
  const {hostname, port} = new URL(cloud.endpoint)
  const client = new SecretManagerServiceClient({
    apiEndpoint: hostname,
    port: Number(port),
    sslCreds: credentials.createInsecure(),
    projectId: 'shop',
  })
  onTestFinished(() => client.close())
  return {cloud, client, clock, folder}
}

/** Creates a secret with automatic replication and a version for each value. @returns its name as answered */
async function put(client: SecretManagerServiceClient, id: string, ...values: string[]): Promise<string> {
  const [{name}] = await client.createSecret({
    parent: PARENT,
    secretId: id,
    secret: {replication: {automatic: {}}},
  })
  for (const value of values)
    await client.addSecretVersion({parent: name ?? '', payload: {data: Buffer.from(value)}})
  return name ?? ''
}

async function read(client: SecretManagerServiceClient, secret: string, version = 'latest'): Promise<string> {
  const [{payload}] = await client.accessSecretVersion({name: `${secret}/versions/${version}`})
  return Buffer.from(payload?.data ?? '').toString()
}

describe('secrets', () => {
  it('are created, read, listed, changed and deleted, under the number of their project', async () => {
    const {client} = await start()
    const [created] = await client.createSecret({
      parent: PARENT,
      secretId: 'api-key',
      secret: {
        replication: {userManaged: {replicas: [{location: 'europe-west3'}, {location: 'europe-west4'}]}},
        labels: {team: 'billing'},
        annotations: {'owner.name': 'Ada'},
      },
    })
    expect(created).toMatchObject({
      name: expect.stringMatching(/^projects\/\d{12}\/secrets\/api-key$/),
      replication: {userManaged: {replicas: [{location: 'europe-west3'}, {location: 'europe-west4'}]}},
      labels: {team: 'billing'},
      etag: expect.stringMatching(/^"\w+"$/),
    })
    const [byId] = await client.getSecret({name: `${PARENT}/secrets/api-key`})
    expect(byId).toEqual(created)
    expect((await client.getSecret({name: created.name ?? ''}))[0]).toEqual(created)

    const {name = '', etag = ''} = created
    const updateMask = {paths: ['labels']}
    const [updated] = await client.updateSecret({secret: {name, labels: {team: 'sales'}, etag}, updateMask})
    expect(updated).toMatchObject({labels: {team: 'sales'}, annotations: {'owner.name': 'Ada'}})
    const stale = {name, etag, labels: {}}
    await expect(client.updateSecret({secret: stale, updateMask: {paths: ['labels']}})).rejects.toMatchObject(
      {code: FAILED_PRECONDITION},
    )
    await expect(client.deleteSecret({name, etag})).rejects.toMatchObject({
      code: FAILED_PRECONDITION,
    })
    await expect(put(client, 'api-key')).rejects.toMatchObject({
      code: ALREADY_EXISTS,
      details: `Secret [${created.name}] already exists.`,
    })
    await client.deleteSecret({name, etag: updated.etag ?? ''})
    await expect(client.getSecret({name: created.name ?? ''})).rejects.toMatchObject({
      code: NOT_FOUND,
      details: `Secret [${created.name}] not found.`,
    })
  })

  it('are listed newest first, in pages, by a filter', async () => {
    const {client, cloud} = await start()
    for (const id of ['first', 'second', 'third']) await put(client, id)
    await client.updateSecret({
      secret: {name: `${PARENT}/secrets/second`, labels: {env: 'prod'}},
      updateMask: {paths: ['labels']},
    })
    const ids = async (filter: string): Promise<string[]> => {
      const [secrets] = await client.listSecrets({parent: PARENT, pageSize: 1, filter})
      return secrets.map(({name}) => name?.split('/').at(-1) ?? '')
    }
    expect(await ids('')).toEqual(['third', 'second', 'first'])
    expect(await ids('name:IR')).toEqual(['third', 'first'])
    expect(await ids('labels.env=prod')).toEqual(['second'])
    expect(await ids('NOT labels:env AND replication.automatic:*')).toEqual(['third', 'first'])
    expect(await ids('create_time>2030-01-01')).toEqual([])
    const page = await fetch(`${cloud.endpoint}/v1/${PARENT}/secrets?pageSize=2`)
    expect(await page.json()).toMatchObject({totalSize: 3, nextPageToken: expect.any(String)})
  })

  it('expire with all their versions at their time', async () => {
    const {client, clock} = await start()
    const name = await put(client, 'short', 'value')
    const [secret] = await client.updateSecret({
      secret: {name, ttl: {seconds: 3600}},
      updateMask: {paths: ['ttl']},
    })
    expect(Number(secret.expireTime?.seconds)).toBe(clock.now() / 1000 + 3600)
    await clock.advance(3_599_000)
    expect(await read(client, name)).toBe('value')
    await clock.advance(1000)
    await expect(read(client, name)).rejects.toMatchObject({code: NOT_FOUND})
  })

  it.each([
    ['no replication', {}, /replication/],
    ['an expired time', {replication: {automatic: {}}, expireTime: '2001-01-01T00:00:00Z'}, /60 seconds/],
    ['a label in capitals', {replication: {automatic: {}}, labels: {Team: 'a'}}, /lowercase/],
    ['an alias of no version', {replication: {automatic: {}}, versionAliases: {a: 1}}, /does not exist/],
  ])('with %s are refused', async (_what, secret, message) => {
    const {cloud} = await start()
    const response = await fetch(`${cloud.endpoint}/v1/${PARENT}/secrets?secretId=wrong`, {
      method: 'POST',
      body: JSON.stringify(secret),
    })
    expect(await response.json()).toMatchObject({
      error: {status: 'INVALID_ARGUMENT', message: expect.stringMatching(message)},
    })
  })

  it('of a region, with topics or with keys are not served, by name', async () => {
    const {cloud} = await start()
    const create = async (parent: string, secret: object): Promise<unknown> =>
      (
        await fetch(`${cloud.endpoint}/v1/${parent}/secrets?secretId=other`, {
          method: 'POST',
          body: JSON.stringify(secret),
        })
      ).json()
    const unimplemented = (message: RegExp): object => ({
      error: {status: 'UNIMPLEMENTED', message: expect.stringMatching(message)},
    })
    const replication = {automatic: {}}
    expect(await create(`${PARENT}/locations/europe-west3`, {})).toMatchObject(unimplemented(/Regional/))
    expect(await create(PARENT, {replication, topics: [{name: 'projects/shop/topics/t'}]})).toMatchObject(
      unimplemented(/topics/),
    )
    const key = {kmsKeyName: 'projects/shop/locations/global/keyRings/r/cryptoKeys/k'}
    expect(await create(PARENT, {replication: {automatic: {customerManagedEncryption: key}}})).toMatchObject(
      unimplemented(/encryption keys/),
    )
  })
})

describe('versions', () => {
  it('keep bytes and their checksum, which is checked', async () => {
    const {client} = await start()
    const name = await put(client, 'binary')
    const data = Buffer.from([0, 255, 1, 254])
    const [version] = await client.addSecretVersion({
      parent: name,
      payload: {data, dataCrc32c: crc32c(data)},
    })
    expect(version).toMatchObject({
      name: `${name}/versions/1`,
      state: 'ENABLED',
      clientSpecifiedPayloadChecksum: true,
    })
    const [{payload}] = await client.accessSecretVersion({name: `${PARENT}/secrets/binary/versions/1`})
    expect(Buffer.from(payload?.data ?? '')).toEqual(data)
    expect(Number(payload?.dataCrc32c)).toBe(crc32c(data))
    await expect(
      client.addSecretVersion({parent: name, payload: {data, dataCrc32c: 1}}),
    ).rejects.toMatchObject({code: 3})
    await expect(client.addSecretVersion({parent: name, payload: {}})).rejects.toMatchObject({
      details: 'Secret Payload cannot be empty.',
    })
    await expect(
      client.addSecretVersion({parent: name, payload: {data: Buffer.alloc(65_537, 'a')}}),
    ).rejects.toThrow(/65537 bytes; at most 65536/)
    await client.addSecretVersion({parent: name, payload: {data: Buffer.alloc(65_536, 'a')}})
  })

  it('are found by number, alias and latest', async () => {
    const {client} = await start()
    const name = await put(client, 'key', 'one', 'two')
    await client.updateSecret({
      secret: {name, versionAliases: {stable: 1}},
      updateMask: {paths: ['version_aliases']},
    })
    expect(await read(client, name)).toBe('two')
    expect(await read(client, name, 'stable')).toBe('one')
    const [latest] = await client.getSecretVersion({name: `${name}/versions/latest`})
    expect(latest.name).toBe(`${name}/versions/2`)
    const [versions] = await client.listSecretVersions({parent: name, filter: 'state=ENABLED'})
    expect(versions.map((version) => version.name)).toEqual([`${name}/versions/2`, `${name}/versions/1`])
    await expect(read(client, name, '3')).rejects.toMatchObject({
      code: NOT_FOUND,
      details: `Secret Version [${name}/versions/3] not found.`,
    })
    const empty = await put(client, 'empty')
    await expect(read(client, empty)).rejects.toMatchObject({
      code: NOT_FOUND,
      details: `Secret [${empty}] not found or has no versions.`,
    })
  })

  it('are disabled, enabled and destroyed', async () => {
    const {client} = await start()
    const name = await put(client, 'key', 'one', 'two')
    const version = `${name}/versions/2`
    const [disabled] = await client.disableSecretVersion({name: version})
    expect(disabled.state).toBe('DISABLED')
    await expect(read(client, name)).rejects.toMatchObject({
      code: FAILED_PRECONDITION,
      details: `Secret Version [${version}] is in DISABLED state.`,
    })
    await client.enableSecretVersion({name: version, etag: disabled.etag ?? ''})
    await expect(
      client.disableSecretVersion({name: version, etag: disabled.etag ?? ''}),
    ).rejects.toMatchObject({
      code: FAILED_PRECONDITION,
    })
    expect(await read(client, name)).toBe('two')
    const [gone] = await client.destroySecretVersion({name: version})
    expect(gone).toMatchObject({state: 'DESTROYED', destroyTime: expect.anything()})
    await expect(client.enableSecretVersion({name: version})).rejects.toMatchObject({
      details: `Secret Version [${version}] is in DESTROYED state.`,
    })
    expect(await read(client, name, '1')).toBe('one')
  })

  it('of a secret with a delay are destroyed when it is over', async () => {
    const {client, clock} = await start()
    const name = await put(client, 'key', 'one')
    const version = `${name}/versions/1`
    await client.updateSecret({
      secret: {name, versionDestroyTtl: {seconds: DAY_MS / 1000}},
      updateMask: {paths: ['version_destroy_ttl']},
    })
    const [scheduled] = await client.destroySecretVersion({name: version})
    expect(scheduled.state).toBe('DISABLED')
    expect(Number(scheduled.scheduledDestroyTime?.seconds)).toBe((clock.now() + DAY_MS) / 1000)
    await clock.advance(DAY_MS)
    const [gone] = await client.getSecretVersion({name: version})
    expect(gone.state).toBe('DESTROYED')
  })

  it('survive a restart; destroyed and deleted ones do not', async () => {
    const {client, cloud, folder} = await start()
    await put(client, 'kept', 'kept value')
    const destroyed = await put(client, 'destroyed', 'destroyed value')
    await client.destroySecretVersion({name: `${destroyed}/versions/1`})
    await cloud[Symbol.asyncDispose]()
    const again = await start(folder)
    expect(await read(again.client, `${PARENT}/secrets/kept`)).toBe('kept value')
    await expect(read(again.client, destroyed)).rejects.toMatchObject({code: FAILED_PRECONDITION})
  })
})

describe('access', () => {
  it('needs a grant on the secret or its project, by id or number', async () => {
    const {client, cloud} = await start()
    const name = await put(client, 'key', 'value')
    const post = async (path: string, body: object): Promise<Response> =>
      fetch(`${cloud.endpoint}${path}`, {method: 'POST', body: JSON.stringify(body)})
    await post('/v1/projects/shop/serviceAccounts', {accountId: 'worker', serviceAccount: {}})
    const email = 'worker@shop.iam.gserviceaccount.com'
    const token = await post(`/v1/projects/-/serviceAccounts/${email}:generateAccessToken`, {
      scope: ['https://www.googleapis.com/auth/cloud-platform'],
    })
    const {accessToken}: {accessToken?: unknown} = Object(await token.json())
    const access = async (secret: string): Promise<number> => {
      const response = await fetch(`${cloud.endpoint}/v1/${secret}/versions/latest:access`, {
        headers: {authorization: `Bearer ${String(accessToken)}`},
      })
      return response.status
    }
    expect(await access(name)).toBe(403)
    const member = `serviceAccount:${email}`
    const role = 'roles/secretmanager.secretAccessor'
    const [policy] = await client.getIamPolicy({resource: name})
    await client.setIamPolicy({resource: name, policy: {...policy, bindings: [{role, members: [member]}]}})
    expect([await access(name), await access(`${PARENT}/secrets/key`)]).toEqual([200, 200])
    const [tested] = await client.testIamPermissions({
      resource: `${PARENT}/secrets/key`,
      permissions: ['secretmanager.versions.access'],
    })
    expect(tested.permissions).toEqual(['secretmanager.versions.access'])
    await client.setIamPolicy({resource: name, policy: {bindings: []}})
    await post(`/v1/${PARENT}:setIamPolicy`, {policy: {bindings: [{role, members: [member]}]}})
    expect([await access(name), await access(`${PARENT}/secrets/key`)]).toEqual([200, 200])
  })

  it('is the only way to a value: no other answer and no log has it', async () => {
    const {client, cloud, folder} = await start()
    const name = await put(client, 'key', 'very-secret-value')
    const logs = await fetch(`${cloud.endpoint}/v2/entries:list`, {
      method: 'POST',
      body: JSON.stringify({resourceNames: [PARENT]}),
    })
    const answers = [
      await client.getSecret({name}),
      await client.listSecretVersions({parent: name}),
      await logs.text(),
      cloud.status(),
      await readFile(join(folder, 'server.json'), 'utf8'),
    ]
    const said = JSON.stringify(answers)
    expect(said).not.toContain('very-secret-value')
    expect(said).not.toContain(Buffer.from('very-secret-value').toString('base64'))
  })
})
