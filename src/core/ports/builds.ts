import type {Readable} from 'node:stream'

/** What Cloud Build does with a source. */
export type BuildRecipe = {readonly dockerfile: string} | 'buildpacks'

/** Bucket for the source of a build; if it does not exist, it is created for this build only. */
export interface SourceBucket {
  readonly name: string
  /** Name of the pipeline, whose label the bucket gets. */
  readonly pipeline: string
}

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
    readonly bucket: SourceBucket
    readonly signal: AbortSignal
    readonly step: (text: string) => void
  }): Promise<string | undefined>
  /** Removes a source bucket that an interrupted build left. @returns whether there was one with the pipeline's label */
  removeSource(
    bucket: SourceBucket,
    doing: {readonly signal: AbortSignal; readonly step: (text: string) => void},
  ): Promise<boolean>
}
