import {createHash} from 'node:crypto'
import {buffer} from 'node:stream/consumers'
import {gzipSync} from 'node:zlib'
import {pack, type Header} from 'tar-stream'

export interface ImageFiles {
  /** Path in the image to text. */
  readonly files: Readonly<Record<string, string>>
  readonly entrypoint?: readonly string[]
  readonly cmd?: readonly string[]
  readonly env?: readonly string[]
  readonly workingDir?: string
  readonly annotations?: Readonly<Record<string, string>>
}

export interface BuiltImage {
  readonly digest: string
  readonly manifest: Buffer
  readonly blobs: readonly Buffer[]
}

export const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json'

export function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

/** A tar archive of the entries, in their order. */
export async function tar(
  entries: readonly (Partial<Header> & {name: string; text?: string})[],
): Promise<Buffer> {
  const archive = pack()
  for (const {text, ...header} of entries) archive.entry(header, text ?? '')
  archive.finalize()
  return buffer(archive)
}

/** An image of one layer without a base, as the assembler makes them. */
export async function buildImage({
  files,
  entrypoint = ['node', '/app/main.js'],
  cmd = [],
  env = [],
  workingDir = '/app',
  annotations = {'dev.cloud-runner.runtime': 'node24'},
}: ImageFiles): Promise<BuiltImage> {
  const layer = gzipSync(await tar(Object.entries(files).map(([name, text]) => ({name, text, mode: 0o644}))))
  const config = Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: {Entrypoint: entrypoint, Cmd: cmd, Env: env, WorkingDir: workingDir},
    }),
  )
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST_TYPE,
      config: {
        mediaType: 'application/vnd.oci.image.config.v1+json',
        digest: sha256(config),
        size: config.length,
      },
      layers: [
        {mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest: sha256(layer), size: layer.length},
      ],
      annotations,
    }),
  )
  return {digest: sha256(manifest), manifest, blobs: [config, layer]}
}

/**
 * Pushes an image by the registry protocol.
 * @param repository `PROJECT/REPOSITORY/IMAGE`
 * @returns its reference by digest
 */
export async function pushImage(
  origin: string,
  repository: string,
  image: BuiltImage,
  tag = 'latest',
): Promise<string> {
  for (const blob of image.blobs) {
    const response = await fetch(`${origin}/v2/${repository}/blobs/uploads/?digest=${sha256(blob)}`, {
      method: 'POST',
      body: new Uint8Array(blob),
    })
    if (response.status !== 201) throw new Error(`blob: ${response.status} ${await response.text()}`)
  }
  const response = await fetch(`${origin}/v2/${repository}/manifests/${tag}`, {
    method: 'PUT',
    headers: {'content-type': MANIFEST_TYPE},
    body: new Uint8Array(image.manifest),
  })
  if (response.status !== 201) throw new Error(`manifest: ${response.status} ${await response.text()}`)
  return `europe-west3-docker.pkg.dev/${repository}@${image.digest}`
}
