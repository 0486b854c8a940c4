import type {Readable} from 'node:stream'

/** An OCI image as a revision needs it. */
export interface Image {
  /** `sha256:…` of its manifest. */
  readonly digest: string
  readonly annotations: Readonly<Record<string, string>>
  readonly config: {
    readonly entrypoint: readonly string[]
    readonly cmd: readonly string[]
    /** `NAME=value` */
    readonly env: readonly string[]
    readonly workingDir: string
    readonly user: string
  }
  /** Base first. */
  readonly layers: readonly {
    readonly digest: string
    readonly mediaType: string
    readonly sizeBytes: number
  }[]
}

/** What Cloud Run asks of the registry. */
export interface Images {
  /**
   * The image that a reference like `HOST/project/repository/image[:tag|@sha256:…]` names, or `undefined` where it
   * is not in this registry. The host part is not compared: `REGION-docker.pkg.dev` and the local host are the same.
   */
  resolve(reference: string): Image | undefined
  /** `PROJECT/REPOSITORY/IMAGE` under which a manifest can be pulled by its digest. */
  place(digest: string): string | undefined
  /** Bytes of a layer. */
  openBlob(digest: string): Readable
}

/** The environment that an image sets. */
export function imageEnvironment({config}: Pick<Image, 'config'>): Record<string, string> {
  return Object.fromEntries(
    config.env.map((assignment) => {
      const at = assignment.indexOf('=')
      return at === -1 ? [assignment, ''] : [assignment.slice(0, at), assignment.slice(at + 1)]
    }),
  )
}
