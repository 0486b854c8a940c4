import type {Context} from '../ports/context.ts'
import {MANIFEST_TYPES} from './pull.ts'
import {createRegistryClient} from './registry-client.ts'

/** A reference to an image: `HOST/path/to/image:tag` or `…@sha256:…`. */
interface Reference {
  readonly host: string
  /** Without tag and digest. */
  readonly path: string
  /** A tag, or `sha256:…`. */
  readonly version: string
}

/** @returns `undefined` where it does not begin with a registry's host */
function parseReference(text: string): Reference | undefined {
  const match =
    /^(?<host>[\w.-]+(?::\d+)?)\/(?<path>[\w./-]+?)(?::(?<tag>[\w.-]+))?(?:@(?<digest>sha256:[0-9a-f]{64}))?$/.exec(
      text,
    )
  const {host, path, tag, digest} = match?.groups ?? {}
  if (host === undefined || path === undefined || !/[.:]|^localhost$/.test(host)) return undefined
  return {host, path, version: digest ?? tag ?? 'latest'}
}

/**
 * Whether an image is in the pipeline's registry, under its Google name or that of the local cloud.
 * @returns the reference with its digest, as the service names it; `undefined` where it is not there, or is another
 * registry's
 */
export async function findDigest(
  text: string,
  {cloud, pipeline, signal}: Pick<Context, 'cloud' | 'pipeline' | 'signal'>,
): Promise<string | undefined> {
  const reference = parseReference(text)
  const host = pipeline.names.image.slice(0, pipeline.names.image.indexOf('/'))
  if (reference === undefined || ![host, new URL(cloud.registry.origin).host].includes(reference.host)) {
    return undefined
  }
  const {path, version} = reference
  const client = createRegistryClient({registry: cloud.registry, signal})
  const {status, headers} = await client.persist(() =>
    client.request(`/v2/${path}/manifests/${version}`, {
      method: 'HEAD',
      expected: [200, 404],
      headers: {accept: MANIFEST_TYPES},
    }),
  )
  const digest = headers.get('docker-content-digest') ?? (version.startsWith('sha256:') ? version : undefined)
  return status === 404 || digest === undefined ? undefined : `${host}/${path}@${digest}`
}
