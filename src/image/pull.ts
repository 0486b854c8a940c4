import {createHash} from 'node:crypto'
import {AppError} from '../core/errors.ts'
import {isJsonObject} from '../core/json.ts'
import type {Registry} from '../core/ports/images.ts'
import {type BaseImage, type ImageBlob, LAYER_TYPE, MANIFEST_TYPE} from './assemble.ts'
import {createRegistryClient, type RegistryClient} from './registry-client.ts'

const INDEX_TYPE = 'application/vnd.oci.image.index.v1+json'
/** Docker's names for the same things. */
const DOCKER_MANIFEST_TYPE = 'application/vnd.docker.distribution.manifest.v2+json'
const DOCKER_INDEX_TYPE = 'application/vnd.docker.distribution.manifest.list.v2+json'
const DOCKER_LAYER_TYPE = 'application/vnd.docker.image.rootfs.diff.tar.gzip'
export const MANIFEST_TYPES = [INDEX_TYPE, MANIFEST_TYPE, DOCKER_INDEX_TYPE, DOCKER_MANIFEST_TYPE].join(', ')

/** What Cloud Run runs (cloud.google.com/run/docs/container-contract). */
const PLATFORM = {os: 'linux', architecture: 'amd64'}

export interface PullOptions {
  readonly registry: Registry
  /** `distroless/nodejs24-debian12` */
  readonly repository: string
  /** A tag, or `sha256:…`. */
  readonly reference: string
  readonly signal: AbortSignal
  /** Waits between attempts; for tests. */
  readonly pause?: (milliseconds: number) => Promise<unknown>
}

/**
 * Pulls a base image for linux/amd64: its configuration now, its layers on demand. Every blob is checked against its
 * digest.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pull
 * @throws AppError with the registry's answer; `checksum-mismatch`; `invalid-request` if it is not such an image
 */
export async function pullBase(options: PullOptions): Promise<BaseImage> {
  const {name, config, layers, get} = await pullConfig(options)
  return {
    config: configOf(config, name),
    layers: layers.map((layer): ImageBlob => ({
      ...layer,
      mediaType: layer.mediaType === DOCKER_LAYER_TYPE ? LAYER_TYPE : layer.mediaType,
      content: () => get(`blobs/${layer.digest}`, layer.digest),
    })),
  }
}

/**
 * Labels of an image; for linux/amd64 if it has several platforms.
 * https://github.com/opencontainers/image-spec/blob/main/config.md#properties
 * @throws AppError as `pullBase`
 */
export async function pullLabels(options: PullOptions): Promise<Readonly<Record<string, unknown>>> {
  const {config} = (await pullConfig(options)).config
  const labels = isJsonObject(config) ? config['Labels'] : undefined
  return isJsonObject(labels) ? labels : {}
}

/** The configuration as it is in the registry, and where the layers are. */
async function pullConfig({registry, repository, reference, signal, pause}: PullOptions) {
  const client = createRegistryClient({registry, signal, pause})
  const name = `${new URL(registry.origin).host}/${repository}`
  const get = (path: string, digest: string | undefined): Promise<Uint8Array> =>
    read(client, `/v2/${repository}/${path}`, digest)
  const getManifest = (wanted: string): Promise<Uint8Array> =>
    get(`manifests/${wanted}`, wanted.startsWith('sha256:') ? wanted : undefined)

  let manifest = parse(await getManifest(reference), name)
  if ('manifests' in manifest) {
    const digest = platformDigest(manifest['manifests'])
    if (digest === undefined)
      throw unusable(name, `it has no image for ${PLATFORM.os}/${PLATFORM.architecture}`)
    manifest = parse(await getManifest(digest), name)
  }
  const {config, layers} = manifest
  const {digest} = descriptorOf(config, name)
  return {
    name,
    get,
    config: parse(await get(`blobs/${digest}`, digest), name),
    layers: Array.isArray(layers) ? layers.map((layer) => descriptorOf(layer, name)) : [],
  }
}

/** Reads a blob and verifies its digest, if it is known. */
async function read(client: RegistryClient, path: string, digest: string | undefined): Promise<Uint8Array> {
  return client.persist(async () => {
    const {url, body} = await client.request(path, {
      method: 'GET',
      expected: [200],
      headers: {accept: MANIFEST_TYPES},
    })
    const actual = `sha256:${createHash('sha256').update(body).digest('hex')}`
    if (digest !== undefined && actual !== digest) {
      throw new AppError(`${url} has the digest ${actual} instead of ${digest}.`, {
        code: 'checksum-mismatch',
      })
    }
    return body
  })
}

function platformDigest(manifests: unknown): string | undefined {
  const entries: unknown[] = Array.isArray(manifests) ? manifests : []
  for (const entry of entries) {
    if (!isJsonObject(entry) || !isJsonObject(entry['platform'])) continue
    const {os, architecture} = entry['platform']
    if (os === PLATFORM.os && architecture === PLATFORM.architecture && typeof entry['digest'] === 'string')
      return entry['digest']
  }
  return undefined
}

function configOf(json: Record<string, unknown>, name: string): BaseImage['config'] {
  const {architecture, os, config, rootfs} = json
  if (architecture !== PLATFORM.architecture || os !== PLATFORM.os) {
    throw unusable(
      name,
      `it is for ${String(os)}/${String(architecture)}, not for ${PLATFORM.os}/${PLATFORM.architecture}`,
    )
  }
  return {
    architecture,
    os,
    env: textsOf(isJsonObject(config) ? config['Env'] : undefined),
    diffIds: textsOf(isJsonObject(rootfs) ? rootfs['diff_ids'] : undefined),
  }
}

function descriptorOf(value: unknown, name: string): {mediaType: string; digest: string; sizeBytes: number} {
  if (isJsonObject(value)) {
    const {mediaType, digest, size} = value
    if (typeof mediaType === 'string' && typeof digest === 'string' && typeof size === 'number') {
      return {mediaType, digest, sizeBytes: size}
    }
  }
  throw unusable(name, 'its manifest is not an image manifest')
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
}

function parse(bytes: Uint8Array, name: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes))
    if (isJsonObject(value)) return value
  } catch {
    // Reported below.
  }
  throw unusable(name, "the registry's answer is not JSON")
}

function unusable(name: string, reason: string): AppError {
  return new AppError(`The image ${name} cannot be a base: ${reason}.`, {code: 'invalid-request'})
}
