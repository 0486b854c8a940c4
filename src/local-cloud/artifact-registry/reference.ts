/** What `HOST/PROJECT/REPOSITORY/IMAGE[:TAG][@DIGEST]` names. */
export interface ImageReference {
  readonly host: string
  /** `PROJECT/REPOSITORY` */
  readonly space: string
  readonly image: string
  /** A tag, or `sha256:…`, which wins over a tag. */
  readonly version: string
}

/** @returns `undefined` if the text has another form */
export function parseReference(text: string): ImageReference | undefined {
  const {host, space, image, tag, digest} =
    /^(?<host>[^/]+)\/(?<space>[^/]+\/[^/]+)\/(?<image>[^:@]+)(?::(?<tag>[^@]+))?(?:@(?<digest>sha256:[a-f0-9]{64}))?$/.exec(
      text,
    )?.groups ?? {}
  return host === undefined || space === undefined || image === undefined
    ? undefined
    : {host, space, image, version: digest ?? tag ?? 'latest'}
}

/** The same image by its digest, whatever tag named it. */
export function byDigest({host, space, image}: ImageReference, digest: string): string {
  return `${host}/${space}/${image}@${digest}`
}
