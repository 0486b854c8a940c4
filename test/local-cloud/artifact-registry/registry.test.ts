import {buffer} from 'node:stream/consumers'
import {describe, expect, it, onTestFinished} from 'vitest'
import {createArtifactRegistry, registrySchema} from '../../../src/local-cloud/artifact-registry/index.ts'
import {createAccess} from '../../../src/local-cloud/iam/access-control.ts'
import {iamSchema} from '../../../src/local-cloud/iam/schema.ts'
import {openState} from '../../../src/local-cloud/state/open.ts'
import type {Principal} from '../../../src/local-cloud/wire/call.ts'
import {systemClock} from '../../../src/local-cloud/wire/clock.ts'
import {createOperations} from '../../../src/local-cloud/operations/operations.ts'
import {operationsSchema} from '../../../src/local-cloud/operations/schema.ts'
import {createServerOf} from '../../../src/local-cloud/wire/server.ts'
import {buildImage, MANIFEST_TYPE, pushImage, sha256} from '../../support/oci-image.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'

const REPOSITORIES = '/v1/projects/p/locations/europe-west3/repositories'

async function startRegistry() {
  const stack = new AsyncDisposableStack()
  onTestFinished(() => stack.disposeAsync())
  const clock = systemClock
  const state = stack.use(
    await openState({
      folder: await temporaryFolder(),
      schemas: [iamSchema, operationsSchema, registrySchema],
    }),
  )
  const access = createAccess({state, clock, accounts: {exists: () => true, isDisabled: () => false}})
  const operations = createOperations({state, clock, access})
  const registry = createArtifactRegistry({state, clock, access, operations})
  const server = createServerOf({
    routes: [...registry.routes, ...operations.routes],
    services: [],
    report: () => undefined,
  })
  const open = async (principal: Principal): Promise<string> => {
    const listener = await server.listen(0, () => principal)
    stack.defer(() => listener.close())
    return listener.origin
  }
  const origin = await open('owner')
  const call = async (
    method: string,
    path: string,
    body?: object | Uint8Array<ArrayBuffer>,
    headers: Record<string, string> = {},
  ) => {
    const response = await fetch(new URL(path, origin), {
      method,
      headers,
      ...(body === undefined ? {} : {body: body instanceof Uint8Array ? body : JSON.stringify(body)}),
    })
    const text = await response.text()
    const json: unknown =
      /json/.test(response.headers.get('content-type') ?? '') && text !== '' ? JSON.parse(text) : undefined
    return {status: response.status, headers: response.headers, text, json}
  }
  const createRepository = (id = 'r', settings: object = {}) =>
    call('POST', `${REPOSITORIES}?repository_id=${id}`, {format: 'DOCKER', ...settings})
  return {registry, state, origin, open, call, createRepository}
}

const bytes = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text))

describe('the distribution API', () => {
  it('answers the ping', async () => {
    const {call} = await startRegistry()
    const ping = await call('GET', '/v2/')
    expect(ping.status).toBe(200)
    expect(ping.headers.get('docker-distribution-api-version')).toBe('registry/2.0')
  })

  it('stores an image and returns it by tag and digest', async () => {
    const {origin, call, createRepository, registry} = await startRegistry()
    await createRepository()
    const image = await buildImage({files: {'app/main.js': '1'}, env: ['A=1'], cmd: ['--x']})
    const reference = await pushImage(origin, 'p/r/nested/worker', image, '1.0')
    for (const name of ['1.0', image.digest]) {
      const manifest = await call('GET', `/v2/p/r/nested/worker/manifests/${name}`)
      expect(manifest.text).toBe(image.manifest.toString())
      expect(manifest.headers.get('docker-content-digest')).toBe(image.digest)
      expect(manifest.headers.get('content-type')).toBe(MANIFEST_TYPE)
    }
    const head = await call('HEAD', '/v2/p/r/nested/worker/manifests/1.0')
    expect([head.status, head.headers.get('content-length')]).toEqual([200, String(image.manifest.length)])
    expect((await call('GET', '/v2/p/r/nested/worker/tags/list')).json).toEqual({
      name: 'p/r/nested/worker',
      tags: ['1.0'],
    })

    for (const named of [reference, '127.0.0.1:1234/p/r/nested/worker:1.0']) {
      const resolved = registry.images.resolve(named)
      expect(resolved).toMatchObject({
        digest: image.digest,
        annotations: {'dev.cloud-runner.runtime': 'node24'},
        config: {entrypoint: ['node', '/app/main.js'], cmd: ['--x'], env: ['A=1'], workingDir: '/app'},
      })
      const layer = resolved?.layers[0]
      expect(await buffer(registry.images.openBlob(layer?.digest ?? ''))).toEqual(image.blobs[1])
    }
    expect(registry.images.resolve('host/p/r/nested/worker:2.0')).toBeUndefined()
    expect(registry.images.resolve('host/p/other/nested/worker:1.0')).toBeUndefined()

    expect((await call('DELETE', '/v2/p/r/nested/worker/manifests/1.0')).status).toBe(202)
    expect((await call('GET', '/v2/p/r/nested/worker/manifests/1.0')).json).toMatchObject({
      errors: [{code: 'MANIFEST_UNKNOWN'}],
    })
    expect((await call('GET', `/v2/p/r/nested/worker/manifests/${image.digest}`)).status).toBe(200)
    expect((await call('DELETE', `/v2/p/r/nested/worker/manifests/${image.digest}`)).status).toBe(202)
    expect((await call('GET', `/v2/p/r/nested/worker/manifests/${image.digest}`)).status).toBe(404)
  })

  it('accepts a blob in chunks, reports its progress, and refuses a gap', async () => {
    const {call, createRepository} = await startRegistry()
    await createRepository()
    const begun = await call('POST', '/v2/p/r/w/blobs/uploads/')
    expect(begun.status).toBe(202)
    const location = begun.headers.get('location') ?? ''
    const first = await call('PATCH', location, bytes('hello '), {'content-range': '0-5'})
    expect([first.status, first.headers.get('range')]).toEqual([202, '0-5'])
    const gap = await call('PATCH', location, bytes('!'), {'content-range': '9-9'})
    expect([gap.status, gap.json]).toMatchObject([416, {errors: [{code: 'RANGE_INVALID'}]}])
    const status = await call('GET', location)
    expect([status.status, status.headers.get('range')]).toEqual([204, '0-5'])
    await call('PATCH', location, bytes('wor'), {'content-range': '6-8'})
    const digest = sha256(bytes('hello world'))
    const done = await call('PUT', `${location}?digest=${digest}`, bytes('ld'))
    expect([done.status, done.headers.get('docker-content-digest'), done.headers.get('location')]).toEqual([
      201,
      digest,
      `/v2/p/r/w/blobs/${digest}`,
    ])
    expect((await call('GET', location)).json).toMatchObject({errors: [{code: 'BLOB_UPLOAD_UNKNOWN'}]})

    const part = await call('GET', `/v2/p/r/w/blobs/${digest}`, undefined, {range: 'bytes=6-'})
    expect([part.status, part.text, part.headers.get('content-range')]).toEqual([
      206,
      'world',
      'bytes 6-10/11',
    ])
    expect((await call('HEAD', `/v2/p/r/w/blobs/${digest}`)).headers.get('content-length')).toBe('11')
  })

  it('mounts a blob from another repository, and keeps repositories apart otherwise', async () => {
    const {call, createRepository} = await startRegistry()
    await createRepository('r')
    await createRepository('s')
    const digest = sha256(bytes('shared'))
    await call('POST', `/v2/p/r/w/blobs/uploads/?digest=${digest}`, bytes('shared'))
    expect((await call('HEAD', `/v2/p/s/w/blobs/${digest}`)).status).toBe(404)
    const mounted = await call('POST', `/v2/p/s/w/blobs/uploads/?mount=${digest}&from=p/r/w`)
    expect(mounted.status).toBe(201)
    expect((await call('GET', `/v2/p/s/w/blobs/${digest}`)).text).toBe('shared')
    expect(
      (await call('POST', `/v2/p/s/w/blobs/uploads/?mount=${sha256(bytes('none'))}&from=p/r/w`)).status,
    ).toBe(202)
  })

  it('refuses what is wrong, by its code', async () => {
    const {call, createRepository, state} = await startRegistry()
    const unknown = await call('POST', '/v2/p/r/w/blobs/uploads/')
    expect([unknown.status, unknown.json]).toMatchObject([
      404,
      {errors: [{code: 'NAME_UNKNOWN', message: expect.stringContaining('"r"')}]},
    ])
    await createRepository()
    const wrong = await call('POST', `/v2/p/r/w/blobs/uploads/?digest=${sha256(bytes('a'))}`, bytes('b'))
    expect([wrong.status, wrong.json]).toMatchObject([400, {errors: [{code: 'DIGEST_INVALID'}]}])
    expect(state.database.prepare('SELECT COUNT(*) AS count FROM registry_blobs').get()).toEqual({count: 0})
    const put = (body: object, type = MANIFEST_TYPE) =>
      call('PUT', '/v2/p/r/w/manifests/latest', body, {'content-type': type})
    const descriptor = {mediaType: 'x', digest: sha256(bytes('none')), size: 4}
    expect((await put({schemaVersion: 2, config: descriptor, layers: []})).json).toMatchObject({
      errors: [{code: 'MANIFEST_BLOB_UNKNOWN', detail: {digest: descriptor.digest}}],
    })
    expect((await put({schemaVersion: 1})).json).toMatchObject({errors: [{code: 'MANIFEST_INVALID'}]})
    expect(
      (await put({schemaVersion: 2, config: {...descriptor, digest: 'sha256:../../x'}, layers: []})).json,
    ).toMatchObject({errors: [{code: 'MANIFEST_INVALID'}]})
    expect((await put({schemaVersion: 2}, 'text/plain')).json).toMatchObject({
      errors: [{code: 'MANIFEST_INVALID', message: expect.stringContaining('text/plain')}],
    })
  })

  it('lets only those in whom the repository’s policy lets in', async () => {
    const {call, createRepository, open} = await startRegistry()
    await createRepository()
    const account = 'serviceAccount:ci@p.iam.gserviceaccount.com'
    const origin = await open(account)
    const refused = await fetch(`${origin}/v2/p/r/w/blobs/uploads/`, {method: 'POST'})
    expect([refused.status, await refused.json()]).toMatchObject([403, {errors: [{code: 'DENIED'}]}])
    const policy = {bindings: [{role: 'roles/artifactregistry.writer', members: [account]}]}
    expect((await call('POST', `${REPOSITORIES}/r:setIamPolicy`, {policy})).json).toMatchObject(policy)
    expect((await fetch(`${origin}/v2/p/r/w/blobs/uploads/`, {method: 'POST'})).status).toBe(202)
  })
})

describe('the REST API of repositories', () => {
  it('creates, reads, lists, patches and deletes, with the images', async () => {
    const {origin, call, createRepository, registry} = await startRegistry()
    const cleanupPolicies = {keep: {action: 'KEEP', mostRecentVersions: {keepCount: 5}}}
    const created = await createRepository('r', {
      mode: 'STANDARD_REPOSITORY',
      labels: {a: 'b'},
      cleanupPolicies,
    })
    const name = 'projects/p/locations/europe-west3/repositories/r'
    expect(created.json).toMatchObject({
      done: true,
      name: expect.stringMatching(/^projects\/p\/locations\/europe-west3\/operations\//),
      response: {
        name,
        format: 'DOCKER',
        labels: {a: 'b'},
        cleanupPolicies,
        registryUri: 'europe-west3-docker.pkg.dev/p/r',
      },
    })
    expect((await createRepository('r')).status).toBe(409)
    expect((await createRepository('Bad')).status).toBe(400)
    expect((await call('GET', `${REPOSITORIES}/none`)).status).toBe(404)

    const image = await buildImage({files: {'app/main.js': '1'}})
    await pushImage(origin, 'p/r/worker', image, 'v1')
    expect((await call('GET', `${REPOSITORIES}/r/dockerImages`)).json).toMatchObject({
      dockerImages: [
        {
          uri: `europe-west3-docker.pkg.dev/p/r/worker@${image.digest}`,
          tags: ['v1'],
          mediaType: MANIFEST_TYPE,
          imageSizeBytes: String(image.blobs.reduce((sum, blob) => sum + blob.length, 0)),
        },
      ],
    })
    expect((await call('GET', `${REPOSITORIES}/r/dockerImages/worker@${image.digest}`)).json).toMatchObject({
      tags: ['v1'],
    })

    const patched = await call('PATCH', `${REPOSITORIES}/r?updateMask=labels,description`, {
      description: 'new',
    })
    expect(patched.json).toMatchObject({description: 'new', cleanupPolicies})
    expect(patched.json).not.toHaveProperty('labels')
    expect((await call('GET', REPOSITORIES)).json).toMatchObject({repositories: [{name, description: 'new'}]})

    expect((await call('DELETE', `${REPOSITORIES}/r`)).json).toMatchObject({done: true})
    expect(registry.blobIds()).toEqual([])
    await createRepository('r')
    expect(registry.images.resolve(`host/p/r/worker@${image.digest}`)).toBeUndefined()
  })

  it('does not move an immutable tag', async () => {
    const {origin, createRepository} = await startRegistry()
    await createRepository('r', {dockerConfig: {immutableTags: true}})
    const one = await buildImage({files: {'app/main.js': '1'}})
    await pushImage(origin, 'p/r/worker', one, 'v1')
    await pushImage(origin, 'p/r/worker', one, 'v1')
    await expect(
      pushImage(origin, 'p/r/worker', await buildImage({files: {'app/main.js': '2'}}), 'v1'),
    ).rejects.toThrow(/403.*immutable/)
  })
})
