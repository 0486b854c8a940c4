/** Where images are pushed. */
export interface Registry {
  /** `https://europe-west3-docker.pkg.dev` or the local cloud's origin: where the registry protocol is spoken. */
  readonly origin: string
  /** Value of the `authorization` header, where one is needed. */
  authorization(): Promise<string | undefined>
}

/** A docker engine on this machine. */
export interface ContainerEngine {
  /** Whether there is one that answers. */
  answers(): Promise<boolean>
  /** Whether it has this image. */
  has(reference: string): Promise<boolean>
  /**
   * Builds the `Dockerfile` of a folder for linux/amd64, what Cloud Run runs.
   * @throws AppError `worker-build-failed` with the last lines of the build
   */
  build(options: {
    readonly folder: string
    readonly reference: string
    /** What the image carries, to be found by. */
    readonly labels: Readonly<Record<string, string>>
    readonly signal: AbortSignal
    readonly step: (text: string) => void
  }): Promise<void>
  /**
   * Pushes an image that it has under another name.
   * @param authorization value of the registry's `authorization` header
   * @returns the digest, `sha256:…`
   */
  push(options: {
    readonly reference: string
    readonly as: string
    readonly authorization: string | undefined
    readonly signal: AbortSignal
  }): Promise<string>
  /**
   * Removes the images that carry all these labels, and these names of others; no engine, or none of them, is fine, and
   * one that a container runs stays.
   * @returns how many images are gone
   */
  remove(options: {
    readonly labels: Readonly<Record<string, string>>
    readonly references: readonly string[]
  }): Promise<number>
}
