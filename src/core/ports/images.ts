/** The registry that images are pushed to. */
export interface Registry {
  /** `https://europe-west3-docker.pkg.dev` or the local cloud's origin, which serves the registry protocol. */
  readonly origin: string
  /** Value of the `authorization` header, if one is needed. */
  authorization(): Promise<string | undefined>
}

/** A docker engine on this machine. */
export interface ContainerEngine {
  /** Whether an engine answers. */
  answers(): Promise<boolean>
  /** Whether it has this image. */
  has(reference: string): Promise<boolean>
  /**
   * Builds the Dockerfile of a folder for linux/amd64, Cloud Run's platform.
   * @throws AppError `worker-build-failed` with the last lines of the build
   */
  build(options: {
    readonly folder: string
    /** Relative to the folder; default `Dockerfile`. */
    readonly dockerfile?: string
    readonly reference: string
    /** Labels of the image, to find it by. */
    readonly labels: Readonly<Record<string, string>>
    readonly signal: AbortSignal
    readonly step: (text: string) => void
  }): Promise<void>
  /**
   * Pushes an image of the engine under another name.
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
   * Removes the images that have all these labels, and these names of others. It is not an error if there are none, or
   * no engine. An image that a container uses stays.
   * @returns how many images were removed
   */
  remove(options: {
    readonly labels: Readonly<Record<string, string>>
    readonly references: readonly string[]
  }): Promise<number>
}
