import {RegistryError} from './registry-error.ts'
import {isJsonObject} from '../wire/json.ts'

export interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
  readonly platform?: {readonly os?: string; readonly architecture?: string}
}

/** What is read of a manifest; its bytes are kept as they came, since its digest is over them. */
export type Manifest =
  | {
      readonly kind: 'image'
      readonly config: Descriptor
      readonly layers: readonly Descriptor[]
      readonly annotations: Readonly<Record<string, string>>
    }
  | {readonly kind: 'index'; readonly manifests: readonly Descriptor[]}

const IMAGE_TYPES = new Set([
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
])
const INDEX_TYPES = new Set([
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
])

/**
 * Reads an image manifest or an index of such, OCI or Docker schema 2.
 * @throws RegistryError MANIFEST_INVALID that names what is wrong
 */
export function parseManifest(bytes: Uint8Array, mediaType: string): Manifest {
  const json = parseObject(bytes)
  if (json['schemaVersion'] !== 2) throw invalid('"schemaVersion" is not 2')
  if (json['mediaType'] !== undefined && json['mediaType'] !== mediaType) {
    throw invalid(
      `"mediaType" is ${JSON.stringify(json['mediaType'])}, but the Content-Type is "${mediaType}"`,
    )
  }
  if (IMAGE_TYPES.has(mediaType)) {
    return {
      kind: 'image',
      config: descriptor(json['config'], 'config'),
      layers: descriptors(json['layers'], 'layers'),
      annotations: annotations(json['annotations']),
    }
  }
  if (INDEX_TYPES.has(mediaType))
    return {kind: 'index', manifests: descriptors(json['manifests'], 'manifests')}
  throw invalid(`the media type "${mediaType}" is not supported`)
}

/** What an image's configuration file says of the process to run. */
export interface ImageConfig {
  readonly entrypoint: readonly string[]
  readonly cmd: readonly string[]
  readonly env: readonly string[]
  readonly workingDir: string
  readonly user: string
}

/** Reads an image's configuration file (`application/vnd.oci.image.config.v1+json` or Docker's). */
export function parseImageConfig(bytes: Uint8Array): ImageConfig {
  const {config} = parseObject(bytes)
  const fields: Record<string, unknown> = isJsonObject(config) ? config : {}
  const text = (value: unknown): string => (typeof value === 'string' ? value : '')
  const texts = (value: unknown): string[] =>
    Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
  return {
    entrypoint: texts(fields['Entrypoint']),
    cmd: texts(fields['Cmd']),
    env: texts(fields['Env']),
    workingDir: text(fields['WorkingDir']),
    user: text(fields['User']),
  }
}

function parseObject(bytes: Uint8Array): Record<string, unknown> {
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder('utf-8', {fatal: true}).decode(bytes))
  } catch (error) {
    throw invalid(`it is not JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
  if (!isJsonObject(json)) throw invalid('it is not a JSON object')
  return json
}

function descriptors(value: unknown, field: string): Descriptor[] {
  if (!Array.isArray(value)) throw invalid(`"${field}" is not a list`)
  return value.map((item, index) => descriptor(item, `${field}[${index}]`))
}

function descriptor(value: unknown, field: string): Descriptor {
  if (!isJsonObject(value)) throw invalid(`"${field}" is missing`)
  const {mediaType, digest, size, platform} = value
  if (typeof digest !== 'string' || !/^sha256:[a-f0-9]{64}$/.test(digest))
    throw invalid(`"${field}.digest" is not sha256:<64 hex digits>`)
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)
    throw invalid(`"${field}.size" is not a size`)
  if (typeof mediaType !== 'string') throw invalid(`"${field}.mediaType" is missing`)
  return {mediaType, digest, size, ...(isJsonObject(platform) ? {platform} : {})}
}

function annotations(value: unknown): Record<string, string> {
  if (!isJsonObject(value)) return {}
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
}

function invalid(reason: string): RegistryError {
  return new RegistryError('MANIFEST_INVALID', `The manifest is not valid: ${reason}.`)
}
