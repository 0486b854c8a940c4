import {type Context} from '../ports/context.ts'
import {AppError} from '../errors.ts'
import {MANIFEST_TYPES, pullLabels} from './pull.ts'
import {type ImageReference, parseReference, splitImage} from './reference.ts'
import {createRegistryClient} from './registry-client.ts'

/** A reference, if it names something in the pipeline's registry: under its Google name or that of the local cloud. */
function inRegistry(
  text: string,
  {cloud, pipeline}: Pick<Context, 'cloud' | 'pipeline'>,
): ImageReference | undefined {
  const reference = parseReference(text)
  const {host} = splitImage(pipeline.names.image)
  const hosts = [host, new URL(cloud.registry.origin).host]
  return reference !== undefined && hosts.includes(reference.host) ? {...reference, host} : undefined
}

/** Labels of an image in the pipeline's registry; none if it does not exist or cannot be read. */
export async function readLabels(
  text: string,
  context: Pick<Context, 'cloud' | 'pipeline' | 'signal'>,
): Promise<Readonly<Record<string, unknown>>> {
  const reference = inRegistry(text, context)
  if (reference === undefined) return {}
  const {cloud, signal} = context
  const {path, version} = reference
  try {
    return await pullLabels({registry: cloud.registry, repository: path, reference: version, signal})
  } catch (error) {
    if (error instanceof AppError && UNREADABLE.has(error.code)) return {}
    throw error
  }
}

const UNREADABLE: ReadonlySet<string> = new Set(['not-found', 'invalid-request'])

/**
 * Looks up an image in the pipeline's registry, by its Google name or by that of the local cloud.
 * @returns the reference with its digest, as the service names it; `undefined` if it does not exist or belongs to
 * another registry
 */
export async function findDigest(
  text: string,
  context: Pick<Context, 'cloud' | 'pipeline' | 'signal'>,
): Promise<string | undefined> {
  const reference = inRegistry(text, context)
  if (reference === undefined) return undefined
  const {cloud, signal} = context
  const {host, path, version} = reference
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
