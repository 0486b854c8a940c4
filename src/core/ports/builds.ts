import type {Readable} from 'node:stream'

/** What Cloud Build does with a source. */
export type BuildRecipe = {readonly dockerfile: string} | 'buildpacks'

/** Image builds on Google's machines, for a machine without docker. */
export interface Builds {
  /**
   * Uploads a source to a bucket, builds it, and removes it again. When the signal aborts, the build is cancelled.
   * @returns the digest, `sha256:…`; `undefined` without `push`
   * @throws AppError `worker-build-failed` with the last lines of the build's log; `api-disabled`; `permission-denied`
   */
  build(options: {
    /** A tar.gz of the folder. */
    readonly source: Readable
    readonly recipe: BuildRecipe
    /** `HOST/path/to/image:tag` */
    readonly image: string
    readonly labels: Readonly<Record<string, string>>
    /** False: only builds. */
    readonly push: boolean
    /** Bucket for the source; if it does not exist, it is created for this build only. */
    readonly bucket: string
    readonly signal: AbortSignal
    readonly step: (text: string) => void
  }): Promise<string | undefined>
}
