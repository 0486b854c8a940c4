import {AppError} from './errors.ts'
import type {Context} from './ports/context.ts'
import type {ImageReference} from './ports/images.ts'

/** @returns `undefined` if it does not start with a registry's host */
function parseReference(text: string): ImageReference | undefined {
  const match =
    /^(?<host>[\w.-]+(?::\d+)?)\/(?<path>[\w./-]+?)(?::(?<tag>[\w.-]+))?(?:@(?<digest>sha256:[0-9a-f]{64}))?$/.exec(
      text,
    )
  const {host, path, tag, digest} = match?.groups ?? {}
  if (host === undefined || path === undefined || !/[.:]|^localhost$/.test(host)) return undefined
  return {host, path, version: digest ?? tag ?? 'latest'}
}

/** Host and path of `HOST/path/to/image`, which has neither tag nor digest. */
export function splitImage(image: string): Pick<ImageReference, 'host' | 'path'> {
  const slash = image.indexOf('/')
  return {host: image.slice(0, slash), path: image.slice(slash + 1)}
}

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
  context: Pick<Context, 'cloud' | 'images' | 'pipeline' | 'signal'>,
): Promise<Readonly<Record<string, unknown>>> {
  const reference = inRegistry(text, context)
  if (reference === undefined) return {}
  const {cloud, images, signal} = context
  try {
    return await images.readLabels(reference, {registry: cloud.registry, signal})
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
  context: Pick<Context, 'cloud' | 'images' | 'pipeline' | 'signal'>,
): Promise<string | undefined> {
  const reference = inRegistry(text, context)
  if (reference === undefined) return undefined
  const {cloud, images, signal} = context
  const digest = await images.findDigest(reference, {registry: cloud.registry, signal})
  return digest === undefined ? undefined : `${reference.host}/${reference.path}@${digest}`
}
