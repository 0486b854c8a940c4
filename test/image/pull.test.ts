import {createHash} from 'node:crypto'
import {createServer} from 'node:http'
import {describe, expect, onTestFinished, test} from 'vitest'
import {assembleImage} from '../../src/image/assemble.ts'
import {pullBase, type PullOptions} from '../../src/image/pull.ts'

const LAYER = Buffer.from('a layer')
const OCI = 'application/vnd.oci.image'
const DOCKER = 'application/vnd.docker'

function digestOf(content: string | Uint8Array): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`
}

/** A public registry with one image for two platforms, in Docker's types as most are. */
function publicImage(): {paths: Map<string, string | Buffer>; index: string} {
  const paths = new Map<string, string | Buffer>()
  const add = (kind: 'blobs' | 'manifests', content: string | Buffer, mediaType: string): object => {
    paths.set(`/v2/distroless/node/${kind}/${digestOf(content)}`, content)
    return {mediaType, digest: digestOf(content), size: content.length}
  }
  const manifestFor = (architecture: string): object => {
    const config = JSON.stringify({
      architecture,
      os: 'linux',
      config: {Env: ['PATH=/bin', 'SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt']},
      rootfs: {type: 'layers', diff_ids: [digestOf('uncompressed')]},
    })
    const manifest = JSON.stringify({
      schemaVersion: 2,
      mediaType: `${DOCKER}.distribution.manifest.v2+json`,
      config: add('blobs', config, `${DOCKER}.container.image.v1+json`),
      layers: [add('blobs', LAYER, `${DOCKER}.image.rootfs.diff.tar.gzip`)],
    })
    return {
      ...add('manifests', manifest, `${DOCKER}.distribution.manifest.v2+json`),
      platform: {os: 'linux', architecture},
    }
  }
  const index = JSON.stringify({
    schemaVersion: 2,
    mediaType: `${OCI}.index.v1+json`,
    manifests: ['arm64', 'amd64'].map(manifestFor),
  })
  paths.set('/v2/distroless/node/manifests/nonroot', index)
  return {paths, index}
}

async function serve(
  paths: ReadonlyMap<string, string | Buffer>,
  {token}: {token?: string} = {},
): Promise<PullOptions> {
  let origin = ''
  const server = createServer((request, response) => {
    const {pathname, search} = new URL(request.url ?? '/', origin)
    if (pathname === '/token') {
      response.end(
        JSON.stringify(
          search === '?service=registry&scope=repository%3Adistroless%2Fnode%3Apull' ? {token} : {},
        ),
      )
      return
    }
    if (token !== undefined && request.headers.authorization !== `Bearer ${token}`) {
      const challenge = `Bearer realm="${origin}/token",service="registry",scope="repository:distroless/node:pull"`
      response.writeHead(401, {'www-authenticate': challenge}).end()
      return
    }
    const content = paths.get(pathname)
    if (content === undefined) response.writeHead(404)
    response.end(
      content ?? JSON.stringify({errors: [{code: 'MANIFEST_UNKNOWN', message: 'No such manifest.'}]}),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())))
  const address = server.address()
  origin = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
  return {
    registry: {origin, authorization: () => Promise.resolve(undefined)},
    repository: 'distroless/node',
    reference: 'nonroot',
    signal: new AbortController().signal,
    pause: () => Promise.resolve(),
  }
}

describe('a base', () => {
  test.each([{}, {token: 'for-everybody'}])(
    'is read for linux/amd64 from a registry with %j',
    async (options) => {
      const base = await pullBase(await serve(publicImage().paths, options))
      expect(base.config).toEqual({
        architecture: 'amd64',
        os: 'linux',
        env: ['PATH=/bin', 'SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt'],
        diffIds: [digestOf('uncompressed')],
      })
      expect(base.layers).toMatchObject([
        {mediaType: `${OCI}.layer.v1.tar+gzip`, digest: digestOf(LAYER), sizeBytes: 7},
      ])
      expect(Buffer.from((await base.layers[0]?.content()) ?? [])).toEqual(LAYER)

      const image = await assembleImage({files: [], base})
      expect(image.layers[0]).toBe(base.layers[0])
    },
  )

  test('by its digest is the same', async () => {
    const {paths, index} = publicImage()
    paths.set(`/v2/distroless/node/manifests/${digestOf(index)}`, index)
    const options = await serve(paths)
    expect((await pullBase({...options, reference: digestOf(index)})).layers).toHaveLength(1)
  })

  test('that was changed on the way is refused', async () => {
    const {paths} = publicImage()
    const options = await serve(paths)
    const base = await pullBase(options)
    paths.set(`/v2/distroless/node/blobs/${digestOf(LAYER)}`, Buffer.from('another'))
    await expect(base.layers[0]?.content()).rejects.toMatchObject({code: 'checksum-mismatch'})
    for (const path of paths.keys()) if (path.includes('manifests/sha256')) paths.set(path, '{}')
    await expect(pullBase(options)).rejects.toMatchObject({code: 'checksum-mismatch'})
  })

  test.each([
    ['{"schemaVersion": 2, "manifests": []}', 'it has no image for linux/amd64'],
    ['<html>', "the registry's answer is not JSON"],
    ['{"schemaVersion": 1}', 'its manifest is not an image manifest'],
  ])('cannot be %s', async (manifest, reason) => {
    const options = await serve(new Map([['/v2/distroless/node/manifests/nonroot', manifest]]))
    await expect(pullBase(options)).rejects.toMatchObject({
      code: 'invalid-request',
      message: expect.stringContaining(`distroless/node cannot be a base: ${reason}.`),
    })
    await expect(pullBase({...options, reference: 'none'})).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('MANIFEST_UNKNOWN No such manifest.'),
    })
  })
})
