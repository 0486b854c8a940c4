/** An image reference: `HOST/path/to/image:tag` or `…@sha256:…`. */
export interface ImageReference {
  readonly host: string
  /** Without tag or digest. */
  readonly path: string
  /** A tag, or `sha256:…`. */
  readonly version: string
}

/** @returns `undefined` if it does not start with a registry's host */
export function parseReference(text: string): ImageReference | undefined {
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
