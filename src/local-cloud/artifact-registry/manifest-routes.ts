import {createHash} from 'node:crypto'
import {buffer} from 'node:stream/consumers'
import type {Route} from '../wire/routes.ts'
import {imageRoute, validDigest, type DistributionDependencies} from './blob-routes.ts'
import type {ImageName, ImageStore, StoredManifest} from './image-store.ts'
import {parseImageConfig, parseManifest, type ImageConfig, type Manifest} from './manifest.ts'
import {RegistryError, renderRegistryError} from './registry-error.ts'

/** A registry takes manifests of up to 4 MiB (distribution specification, "Pushing Manifests"). */
const LARGEST_MANIFEST_BYTES = 4 * 1024 * 1024
const NO_CONFIG: ImageConfig = {entrypoint: [], cmd: [], env: [], workingDir: '', user: ''}

/** Manifests and tags of the OCI distribution API. */
export function manifestRoutes({state, store, spaces}: DistributionDependencies): Route[] {
  const known = (name: ImageName, reference: string): StoredManifest => {
    const manifest = store.find(name, reference)
    if (!manifest) {
      throw new RegistryError(
        'MANIFEST_UNKNOWN',
        `Manifest ${reference} of ${name.space}/${name.image} is not known.`,
        {reference},
      )
    }
    return manifest
  }
  const headers = ({mediaType, digest, bytes}: StoredManifest): Record<string, string> => ({
    'content-type': mediaType,
    'content-length': String(bytes.byteLength),
    'docker-content-digest': digest,
    etag: `"${digest}"`,
  })

  return [
    {
      method: 'GET',
      pattern: /^\/v2\/?$/,
      handle: () => ({headers: {'docker-distribution-api-version': 'registry/2.0'}, json: {}}),
      renderError: renderRegistryError,
    },
    imageRoute('PUT', 'manifests/(?<reference>[^/]+)', async (name, request) => {
      spaces.require(request.call, 'artifactregistry.repositories.uploadArtifacts', name.space)
      const reference = request.params['reference'] ?? ''
      const bytes = await request.bytes(LARGEST_MANIFEST_BYTES)
      const mediaType = (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim() ?? ''
      const manifest = parseManifest(bytes, mediaType)
      const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
      const tag = tagOf(reference, digest)
      requireReferences(store, name, manifest)
      const stored = {
        digest,
        mediaType,
        bytes,
        config: manifest.kind === 'image' ? await readConfig(store, manifest.config.digest) : NO_CONFIG,
        imageSizeBytes:
          manifest.kind === 'image'
            ? [manifest.config, ...manifest.layers].reduce((sum, {size}) => sum + size, 0)
            : bytes.byteLength,
      }
      await state.write(() => {
        if (tag !== undefined) requireMovableTag(tag)
        store.addManifest(name, stored)
        if (tag !== undefined) store.setTag(name, tag, digest)
      })
      return {
        status: 201,
        headers: {
          location: `/v2/${name.space}/${name.image}/manifests/${digest}`,
          'docker-content-digest': digest,
          'content-length': '0',
        },
      }

      function requireMovableTag(moved: string): void {
        const before = store.find(name, moved)
        if (before && before.digest !== digest && spaces.hasImmutableTags(name.space)) {
          throw new RegistryError(
            'DENIED',
            `Tag ${moved} cannot be moved: ${name.space} has immutable tags.`,
            {tag: moved},
          )
        }
      }
    }),
    imageRoute('HEAD', 'manifests/(?<reference>[^/]+)', async (name, {params, call}) => {
      spaces.require(call, 'artifactregistry.repositories.downloadArtifacts', name.space)
      return {headers: headers(known(name, params['reference'] ?? ''))}
    }),
    imageRoute('GET', 'manifests/(?<reference>[^/]+)', async (name, {params, call}) => {
      spaces.require(call, 'artifactregistry.repositories.downloadArtifacts', name.space)
      const manifest = known(name, params['reference'] ?? '')
      return {headers: headers(manifest), body: Buffer.from(manifest.bytes)}
    }),
    imageRoute('DELETE', 'manifests/(?<reference>[^/]+)', async (name, {params, call}) => {
      spaces.require(call, 'artifactregistry.repositories.deleteArtifacts', name.space)
      const reference = params['reference'] ?? ''
      const {digest} = known(name, reference)
      await state.write(() => {
        if (reference === digest) store.removeManifest(name, digest)
        else store.removeTag(name, reference)
      })
      return {status: 202}
    }),
    imageRoute('GET', 'tags/list', async (name, {url, call}) => {
      spaces.require(call, 'artifactregistry.repositories.downloadArtifacts', name.space)
      const last = url.searchParams.get('last') ?? ''
      const tags = store
        .tags(name)
        .map(({tag}) => tag)
        .filter((tag) => tag > last)
      const limit = Number(url.searchParams.get('n') ?? tags.length)
      const page = tags.slice(0, limit)
      const more = page.length < tags.length && page.length > 0
      return {
        ...(more ? {headers: {link: `<${url.pathname}?n=${limit}&last=${page.at(-1)}>; rel="next"`}} : {}),
        json: {name: `${name.space}/${name.image}`, tags: page},
      }
    }),
  ]
}

/** The tag that a manifest is pushed by, or `undefined` where that is its digest. */
function tagOf(reference: string, digest: string): string | undefined {
  if (reference.startsWith('sha256:')) {
    if (validDigest(reference) === digest) return undefined
    throw new RegistryError('DIGEST_INVALID', `The manifest has the digest ${digest}, not ${reference}.`, {
      digest: reference,
    })
  }
  if (/^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/.test(reference)) return reference
  throw new RegistryError('MANIFEST_INVALID', `"${reference}" is neither a tag nor a digest.`, {reference})
}

function requireReferences(store: ImageStore, name: ImageName, manifest: Manifest): void {
  if (manifest.kind === 'index') {
    for (const {digest} of manifest.manifests) {
      if (!store.manifest(name, digest))
        throw new RegistryError(
          'MANIFEST_UNKNOWN',
          `The index names the manifest ${digest}, which is not here.`,
          {digest},
        )
    }
    return
  }
  for (const {digest, size} of [manifest.config, ...manifest.layers]) {
    const blob = store.blob(name.space, digest)
    if (!blob)
      throw new RegistryError(
        'MANIFEST_BLOB_UNKNOWN',
        `The manifest names the blob ${digest}, which is not in ${name.space}.`,
        {digest},
      )
    if (blob.sizeBytes !== size)
      throw new RegistryError(
        'MANIFEST_INVALID',
        `Blob ${digest} has ${blob.sizeBytes} bytes, not ${size}.`,
        {digest},
      )
  }
}

async function readConfig(store: ImageStore, digest: string): Promise<ImageConfig> {
  return parseImageConfig(await buffer(store.openBlob(digest)))
}
