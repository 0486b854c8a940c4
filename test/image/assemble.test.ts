import {execFile} from 'node:child_process'
import {createHash} from 'node:crypto'
import {writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {promisify} from 'node:util'
import {gunzipSync} from 'node:zlib'
import {expect, test} from 'vitest'
import {assembleImage, type BaseImage, type ImageBlob, LAYER_TYPE} from '../../src/image/assemble.ts'
import type {ImageFile} from '../../src/core/ports/images.ts'
import {temporaryFolder} from '../support/temporary-folder.ts'

function file(path: string, text: string, mode = 0o644): ImageFile {
  return {path, content: Buffer.from(text), mode}
}
const FILES = [
  file('app/worker.cjs', 'console.log(1)'),
  file('app/data/a.txt', 'a'),
  file('bin/tool', '#!', 0o755),
]

function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

function parse(bytes: Uint8Array): unknown {
  return JSON.parse(Buffer.from(bytes).toString())
}

test('the same files give the same image, other files another', async () => {
  const image = await assembleImage({files: FILES})
  expect((await assembleImage({files: FILES.toReversed()})).digest).toBe(image.digest)
  const changes = [
    [file('app/worker.cjs', 'console.log(2)')],
    [file('app/worker.js', 'console.log(1)')],
    [file('app/worker.cjs', 'console.log(1)', 0o755)],
  ]
  const single = await assembleImage({files: [file('app/worker.cjs', 'console.log(1)')]})
  const changed = await Promise.all(changes.map(async (files) => (await assembleImage({files})).digest))
  expect(new Set([image.digest, single.digest, ...changed]).size).toBe(5)
})

test('digests and sizes are those of the bytes, and the configuration says how it runs', async () => {
  const {digest, manifest, config, layers} = await assembleImage({files: FILES})
  const [layer] = layers
  const bytes = (await layer?.content()) ?? Buffer.alloc(0)
  const configBytes = await config.content()
  expect(digest).toBe(sha256(manifest))
  expect(parse(manifest)).toEqual({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: {
      mediaType: 'application/vnd.oci.image.config.v1+json',
      digest: sha256(configBytes),
      size: configBytes.length,
    },
    layers: [
      {mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest: sha256(bytes), size: bytes.length},
    ],
    annotations: {'dev.cloud-runner.runtime': 'node24'},
  })
  expect(parse(configBytes)).toMatchObject({
    architecture: 'amd64',
    os: 'linux',
    config: {
      User: '65532:65532',
      Env: ['NODE_ENV=production', 'HEALTH_PORT=8081'],
      Entrypoint: ['node', '/app/worker.cjs'],
      WorkingDir: '/app',
    },
    rootfs: {type: 'layers', diff_ids: [sha256(gunzipSync(bytes))]},
  })
  // Neither time nor system in the gzip header (RFC 1952).
  expect([...bytes.subarray(0, 10)]).toEqual([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255])
})

test('tar reads the layer', async () => {
  const {layers} = await assembleImage({files: FILES})
  const archive = join(await temporaryFolder(), 'layer.tar.gz')
  await writeFile(archive, (await layers[0]?.content()) ?? '')
  const {stdout} = await promisify(execFile)('tar', ['--numeric-owner', '--utc', '-tvzf', archive])
  expect(
    stdout
      .trim()
      .split('\n')
      .map((line) => line.replaceAll(/\s+/g, ' ')),
  ).toEqual([
    'drwxr-xr-x 0/0 0 1970-01-01 00:00 app/',
    'drwxr-xr-x 0/0 0 1970-01-01 00:00 app/data/',
    'drwxr-xr-x 0/0 0 1970-01-01 00:00 bin/',
    '-rw-r--r-- 0/0 1 1970-01-01 00:00 app/data/a.txt',
    '-rw-r--r-- 0/0 14 1970-01-01 00:00 app/worker.cjs',
    '-rwxr-xr-x 0/0 2 1970-01-01 00:00 bin/tool',
  ])
})

test('on a base, its layers come first and its environment stays', async () => {
  const content = Buffer.from('base')
  const layer: ImageBlob = {
    mediaType: LAYER_TYPE,
    digest: sha256(content),
    sizeBytes: 4,
    content: () => Promise.resolve(content),
  }
  const base: BaseImage = {
    config: {
      architecture: 'amd64',
      os: 'linux',
      env: ['PATH=/sbin', 'SSL_CERT_FILE=/etc/ssl/certs'],
      diffIds: ['sha256:0'],
    },
    layers: [layer],
  }
  const {manifest, config, layers} = await assembleImage({files: FILES, base})
  expect(layers[0]).toBe(layer)
  expect(parse(manifest)).not.toHaveProperty('annotations')
  expect(parse(await config.content())).toMatchObject({
    config: {
      Env: [
        'SSL_CERT_FILE=/etc/ssl/certs',
        'PATH=/nodejs/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        'NODE_ENV=production',
        'HEALTH_PORT=8081',
      ],
    },
    rootfs: {diff_ids: ['sha256:0', expect.stringMatching(/^sha256:/)]},
  })
})
