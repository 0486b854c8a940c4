import {createHash} from 'node:crypto'
import {buffer} from 'node:stream/consumers'
import {promisify} from 'node:util'
import {gzip} from 'node:zlib'
import type {ImageFile, Program} from '../core/ports/images.ts'

/** `HEALTH_PORT` of every image, as in the Dockerfile: a worker on this package's runtime serves `/healthz` there. */
export const LIVENESS_PORT = 8081

export const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json'
const CONFIG_TYPE = 'application/vnd.oci.image.config.v1+json'
export const LAYER_TYPE = 'application/vnd.oci.image.layer.v1.tar+gzip'

/** A blob in a registry. */
export interface ImageBlob {
  readonly mediaType: string
  /** `sha256:…` */
  readonly digest: string
  readonly sizeBytes: number
  /** Fetches a base's layer only when the target registry does not have it. */
  readonly content: () => Promise<Uint8Array>
}

/** An image to push. */
export interface OciImage {
  /** `sha256:…` of the manifest: the image's identity. */
  readonly digest: string
  readonly manifest: Uint8Array
  readonly config: ImageBlob
  /** Base first. */
  readonly layers: readonly ImageBlob[]
}

/** A base image: its parsed configuration and its layers. */
export interface BaseImage {
  readonly config: {
    readonly architecture: string
    readonly os: string
    readonly env: readonly string[]
    /** Digests of the uncompressed layers, base first. */
    readonly diffIds: readonly string[]
  }
  readonly layers: readonly ImageBlob[]
}

/** Manifest annotation of an image without a base: what must run it. */
const RUNTIME_ANNOTATION = {'dev.cloud-runner.runtime': 'node24'}
/** How the image was built; the alternative is docker. */
const LABELS = {'dev.cloud-runner.builder': 'layer'}

/** As in the Dockerfile, which builds the same image with docker: distroless bases keep `node` outside PATH. */
const PATH = 'PATH=/nodejs/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
const NODE_ENV = 'NODE_ENV=production'
const HEALTH_PORT = `HEALTH_PORT=${LIVENESS_PORT}`
const USER = '65532:65532'

/** A bundled worker under Node. */
export const NODE_WORKER: Program = {
  entrypoint: ['node', '/app/worker.cjs'],
  env: [NODE_ENV, HEALTH_PORT],
  annotations: RUNTIME_ANNOTATION,
}

/** The only timestamp in an image, so that the same files give the same bytes. */
const CREATED = new Date(0)

/**
 * Puts an image together: the base's layers, if there is a base, and one layer with the files. The same files, base
 * and labels give the same digest.
 */
export async function assembleImage({
  files,
  base,
  labels = {},
  program = NODE_WORKER,
}: {
  files: readonly ImageFile[]
  base?: BaseImage
  labels?: Readonly<Record<string, string>>
  /** What runs an image without a base; the default is a bundled worker under Node. */
  program?: Program
}): Promise<OciImage> {
  const tar = await packFiles(files)
  const layer = blob(LAYER_TYPE, await compress(tar))
  const layers = [...(base?.layers ?? []), layer]
  const config = blob(
    CONFIG_TYPE,
    json({
      created: CREATED.toISOString(),
      architecture: base?.config.architecture ?? 'amd64',
      os: base?.config.os ?? 'linux',
      config: {
        User: USER,
        ExposedPorts: {'8080/tcp': {}},
        Env: base
          ? [
              ...base.config.env.filter((variable) => !/^(?:PATH|NODE_ENV|HEALTH_PORT)=/.test(variable)),
              PATH,
              NODE_ENV,
              HEALTH_PORT,
            ]
          : program.env,
        Entrypoint: program.entrypoint,
        WorkingDir: '/app',
        Labels: {...LABELS, ...labels},
      },
      rootfs: {type: 'layers', diff_ids: [...(base?.config.diffIds ?? []), digestOf(tar)]},
    }),
  )
  const manifest = json({
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: descriptor(config),
    layers: layers.map(descriptor),
    ...(base ? {} : {annotations: program.annotations}),
  })
  return {digest: digestOf(manifest), manifest, config, layers}
}

function digestOf(content: Uint8Array): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`
}

/** A tar with the files sorted by path, folders first, all owned by root and with the same time. */
async function packFiles(files: readonly ImageFile[]): Promise<Uint8Array> {
  const {pack} = await import('tar-stream')
  const archive = pack()
  const whole = buffer(archive)
  const common = {mtime: CREATED, uid: 0, gid: 0}
  for (const name of foldersOf(files))
    archive.entry({...common, name: `${name}/`, type: 'directory', mode: 0o755})
  for (const {path, content, mode} of files.toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
    archive.entry({...common, name: path, type: 'file', mode}, Buffer.from(content))
  }
  archive.finalize()
  return whole
}

function foldersOf(files: readonly ImageFile[]): string[] {
  const folders = files.flatMap(({path}) => {
    const segments = path.split('/').slice(0, -1)
    return segments.map((_, index) => segments.slice(0, index + 1).join('/'))
  })
  return [...new Set(folders)].toSorted()
}

const GZIP_OS_BYTE = 9
const UNKNOWN_OS = 255

/** Gzip without a time, which zlib omits, and without the system, which it writes (RFC 1952, 2.3). */
async function compress(content: Uint8Array): Promise<Uint8Array> {
  const compressed = await promisify(gzip)(content, {level: 9})
  compressed[GZIP_OS_BYTE] = UNKNOWN_OS
  return compressed
}

function blob(mediaType: string, content: Uint8Array): ImageBlob {
  return {
    mediaType,
    digest: digestOf(content),
    sizeBytes: content.length,
    content: () => Promise.resolve(content),
  }
}

function descriptor({mediaType, digest, sizeBytes}: ImageBlob): object {
  return {mediaType, digest, size: sizeBytes}
}

function json(value: object): Uint8Array {
  return Buffer.from(JSON.stringify(value))
}
