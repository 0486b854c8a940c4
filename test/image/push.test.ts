import {createServer, type IncomingMessage, type ServerResponse} from 'node:http'
import {text} from 'node:stream/consumers'
import {describe, expect, onTestFinished, test} from 'vitest'
import {assembleImage, type OciImage} from '../../src/image/assemble.ts'
import {pushImage} from '../../src/image/push.ts'
import type {Registry} from '../../src/core/ports/images.ts'
import {createArtifactRegistry, registrySchema} from '../../src/local-cloud/artifact-registry/index.ts'
import type {Images} from '../../src/local-cloud/artifact-registry/images.ts'
import {createAccess} from '../../src/local-cloud/iam/access-control.ts'
import {iamSchema} from '../../src/local-cloud/iam/schema.ts'
import {openState} from '../../src/local-cloud/state/open.ts'
import {systemClock} from '../../src/local-cloud/wire/clock.ts'
import {createOperations} from '../../src/local-cloud/operations/operations.ts'
import {operationsSchema} from '../../src/local-cloud/operations/schema.ts'
import {createServerOf} from '../../src/local-cloud/wire/server.ts'
import {temporaryFolder} from '../support/temporary-folder.ts'

const REPOSITORY = 'p/pipeline/worker'
const SIGNAL = new AbortController().signal
const TARGET = {repository: REPOSITORY, tag: 'latest', signal: SIGNAL, pause: () => Promise.resolve()}

function imageOf(content: string): Promise<OciImage> {
  return assembleImage({files: [{path: 'app/worker.cjs', content: Buffer.from(content), mode: 0o644}]})
}

function registryAt(origin: string, token?: string): Registry {
  return {origin, authorization: () => Promise.resolve(token)}
}

/** The local cloud's registry with the repository `p/pipeline`. */
async function startRegistry(): Promise<{registry: Registry; images: Images}> {
  const state = await openState({
    folder: await temporaryFolder(),
    schemas: [iamSchema, registrySchema, operationsSchema],
  })
  const clock = systemClock
  const access = createAccess({state, clock, accounts: {exists: () => true, isDisabled: () => false}})
  const operations = createOperations({state, clock, access})
  const {routes, images} = createArtifactRegistry({state, clock, access, operations})
  const server = createServerOf({routes, services: [], report: () => undefined})
  const listener = await server.listen(0, () => 'owner')
  onTestFinished(async () => {
    await listener.close()
    await state[Symbol.asyncDispose]()
  })
  const created = await fetch(
    `${listener.origin}/v1/projects/p/locations/europe-west3/repositories?repositoryId=pipeline`,
    {method: 'POST', headers: {'content-type': 'application/json'}, body: JSON.stringify({format: 'DOCKER'})},
  )
  expect(created.status).toBe(200)
  return {registry: registryAt(listener.origin), images}
}

interface Seen {
  readonly line: string
  readonly authorization: string | undefined
}

/** A server with set answers, for faults that a real registry rarely has. */
async function startScript(
  answer: (line: string, response: ServerResponse, count: number) => void,
): Promise<{origin: string; seen: Seen[]}> {
  const seen: Seen[] = []
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    await text(request)
    const line = `${request.method} ${request.url}`.replaceAll(/sha256(?::|%3A)[0-9a-f]{64}/g, 'DIGEST')
    seen.push({line, authorization: request.headers.authorization})
    answer(line, response, seen.filter((other) => other.line === line).length)
  }
  const server = createServer((request, response) => void handle(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())))
  const address = server.address()
  return {
    origin: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    seen,
  }
}

describe("the local cloud's registry", () => {
  test('stores an image and returns it by tag and digest', async () => {
    const {registry, images} = await startRegistry()
    const image = await imageOf('first')
    const pushed = await pushImage(image, {...TARGET, registry})
    expect(pushed).toEqual({
      digest: image.digest,
      reference: `${new URL(registry.origin).host}/${REPOSITORY}@${image.digest}`,
    })
    for (const reference of [pushed.reference, `europe-west3-docker.pkg.dev/${REPOSITORY}:latest`]) {
      expect(images.resolve(reference)).toMatchObject({
        digest: image.digest,
        annotations: {'dev.cloud-runner.runtime': 'node24'},
        config: {entrypoint: ['node', '/app/worker.cjs'], workingDir: '/app', user: '65532:65532'},
        layers: [{digest: image.layers[0]?.digest}],
      })
    }

    const other = await imageOf('second')
    await pushImage(other, {...TARGET, registry})
    expect(images.resolve(`any.host/${REPOSITORY}:latest`)).toMatchObject({digest: other.digest})
    expect(images.resolve(pushed.reference)).toMatchObject({digest: image.digest})
  })

  test('gets no blob twice', async () => {
    const {registry} = await startRegistry()
    const image = await imageOf('same')
    await pushImage(image, {...TARGET, registry})
    const unread = (blob: OciImage['config']): OciImage['config'] => ({
      ...blob,
      content: () => Promise.reject(new Error('The blob is there.')),
    })
    const again = {...image, config: unread(image.config), layers: image.layers.map(unread)}
    await expect(pushImage(again, {...TARGET, registry})).resolves.toMatchObject({digest: image.digest})
  })

  test('without the repository says what makes it', async () => {
    const {registry} = await startRegistry()
    await expect(
      pushImage(await imageOf('x'), {...TARGET, repository: 'p/other/worker', registry}),
    ).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringMatching(
        /answered 404 to POST \/v2\/p\/other\/worker\/blobs\/uploads\/: NAME_UNKNOWN /,
      ),
      suggestions: ['Create the repository: cloud-runner setup'],
    })
  })
})

describe('a registry with faults', () => {
  test('is tried again, each blob from its beginning', async () => {
    const {origin, seen} = await startScript((line, response, count) => {
      if (line.startsWith('HEAD')) response.writeHead(404).end()
      else if (line.startsWith('POST')) response.writeHead(202, {location: '/upload?id=1'}).end()
      else if (line.startsWith('PUT /upload') && count === 1) response.destroy()
      else if (line.startsWith('PUT /v2') && count < 3) response.writeHead(503, {'retry-after': '7'}).end()
      else response.writeHead(201).end()
    })
    const pauses: number[] = []
    const pause = async (milliseconds: number): Promise<void> => void pauses.push(milliseconds)
    await pushImage(await imageOf('x'), {...TARGET, pause, registry: registryAt(origin, 'Bearer t')})
    const blob = [
      'HEAD /v2/p/pipeline/worker/blobs/DIGEST',
      'POST /v2/p/pipeline/worker/blobs/uploads/',
      'PUT /upload?id=1&digest=DIGEST',
    ]
    const manifest = 'PUT /v2/p/pipeline/worker/manifests/latest'
    expect(seen.map(({line}) => line)).toEqual([...blob, ...blob, ...blob, manifest, manifest, manifest])
    expect(pauses).toEqual([250, 7000, 7000])
    expect(new Set(seen.map(({authorization}) => authorization))).toEqual(new Set(['Bearer t']))
  })

  test.each([
    [500, 'unavailable', 4],
    [429, 'rate-limited', 4],
    [401, 'unauthenticated', 1],
    [403, 'permission-denied', 1],
    [400, 'invalid-request', 1],
  ])('that answers %d in the end is %s after %d attempts', async (status, code, attempts) => {
    const {origin, seen} = await startScript((line, response) => {
      if (line.startsWith('HEAD')) response.writeHead(404).end()
      else response.writeHead(status).end(JSON.stringify({errors: [{code: 'DENIED', message: 'Not you.'}]}))
    })
    await expect(
      pushImage(await imageOf('x'), {...TARGET, registry: registryAt(origin)}),
    ).rejects.toMatchObject({
      code,
      message: `The registry ${origin} answered ${status} to POST /v2/${REPOSITORY}/blobs/uploads/: DENIED Not you.`,
    })
    expect(seen.filter(({line}) => line.startsWith('POST'))).toHaveLength(attempts)
  })

  test('that is missing is unreachable, and one that redirects uploads gets no token there', async () => {
    const elsewhere = await startScript((_, response) => response.writeHead(201).end())
    const {origin} = await startScript((line, response) => {
      if (line.startsWith('HEAD')) response.writeHead(404).end()
      else if (line.startsWith('POST'))
        response.writeHead(202, {location: `${elsewhere.origin}/upload`}).end()
      else response.writeHead(201).end()
    })
    await pushImage(await imageOf('x'), {...TARGET, registry: registryAt(origin, 'Bearer t')})
    expect(elsewhere.seen.map(({authorization}) => authorization)).toEqual([undefined, undefined])
    await expect(
      pushImage(await imageOf('x'), {...TARGET, registry: registryAt('http://127.0.0.1:1')}),
    ).rejects.toMatchObject({
      code: 'unreachable',
    })
  })

  test('that keeps something else is found out, and an abort ends it', async () => {
    const {origin} = await startScript((line, response) => {
      if (line.startsWith('PUT')) response.writeHead(201, {'docker-content-digest': 'sha256:0'}).end()
      else response.writeHead(200).end()
    })
    const registry = registryAt(origin)
    await expect(pushImage(await imageOf('x'), {...TARGET, registry})).rejects.toMatchObject({
      code: 'checksum-mismatch',
    })
    const reason = new Error('stopped')
    await expect(
      pushImage(await imageOf('x'), {...TARGET, registry, signal: AbortSignal.abort(reason)}),
    ).rejects.toBe(reason)
  })
})
