import {AppError} from '../core/errors.ts'
import type {Registry} from '../core/ports/images.ts'
import {type ImageBlob, MANIFEST_TYPE, type OciImage} from './assemble.ts'
import {createRegistryClient, type RegistryClient} from './registry-client.ts'

export interface PushOptions {
  readonly registry: Registry
  /** `project/repository/image` */
  readonly repository: string
  readonly tag: string
  readonly signal: AbortSignal
  /** Waits between attempts; for tests. */
  readonly pause?: (milliseconds: number) => Promise<unknown>
}

/**
 * Pushes an image with the OCI distribution protocol; blobs that the repository has are not sent again. Transient
 * failures are retried.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#push
 * @returns the reference by digest, `HOST/project/repository/image@sha256:…`
 * @throws AppError with the registry's answer
 */
export async function pushImage(
  image: OciImage,
  {registry, repository, tag, signal, pause}: PushOptions,
): Promise<{reference: string; digest: string}> {
  const client = createRegistryClient({registry, signal, pause})
  for (const blob of [...image.layers, image.config])
    await client.persist(() => pushBlob(client, repository, blob))
  await client.persist(async () => {
    const response = await client.request(`/v2/${repository}/manifests/${tag}`, {
      method: 'PUT',
      expected: [201],
      headers: {'content-type': MANIFEST_TYPE},
      body: image.manifest,
    })
    const stored = response.headers.get('docker-content-digest')
    if (stored !== null && stored !== image.digest) {
      throw new AppError(
        `The registry ${registry.origin} stored ${stored}, but ${image.digest} was pushed.`,
        {
          code: 'checksum-mismatch',
        },
      )
    }
  })
  return {reference: `${new URL(registry.origin).host}/${repository}@${image.digest}`, digest: image.digest}
}

/** Sends a blob in one piece, unless the repository has it. */
async function pushBlob(client: RegistryClient, repository: string, blob: ImageBlob): Promise<void> {
  const found = await client.request(`/v2/${repository}/blobs/${blob.digest}`, {
    method: 'HEAD',
    expected: [200, 404],
  })
  if (found.status === 200) return
  const session = await client.request(`/v2/${repository}/blobs/uploads/`, {
    method: 'POST',
    expected: [202],
    headers: {'content-length': '0'},
  })
  const location = new URL(session.headers.get('location') ?? '', session.url)
  location.searchParams.set('digest', blob.digest)
  await client.request(location.href, {
    method: 'PUT',
    expected: [201],
    headers: {'content-type': 'application/octet-stream'},
    body: await blob.content(),
  })
}
