/** The registry that images are pushed to. */
export interface Registry {
  /** `https://europe-west3-docker.pkg.dev` or the local cloud's origin, which serves the registry protocol. */
  readonly origin: string
  /** Value of the `authorization` header, if one is needed. */
  authorization(): Promise<string | undefined>
}

/** An image reference: `HOST/path/to/image:tag` or `…@sha256:…`. */
export interface ImageReference {
  readonly host: string
  /** Without tag or digest. */
  readonly path: string
  /** A tag, or `sha256:…`. */
  readonly version: string
}

/** A file in an image. */
export interface ImageFile {
  /** From the image's root, without a leading slash, e.g. `app/worker.cjs`. */
  readonly path: string
  readonly content: Uint8Array
  /** Permission bits. */
  readonly mode: number
}

/** What an image without a base runs. */
export interface Program {
  readonly entrypoint: readonly string[]
  /** `NAME=value` */
  readonly env: readonly string[]
  /** Of the manifest: they name the runtime. */
  readonly annotations: Readonly<Record<string, string>>
}

/** An image that is put together, but not yet in a registry. */
export interface AssembledImage {
  /** `sha256:…` of the manifest: the same files, base and labels give the same one. */
  readonly digest: string
  /**
   * Pushes the image; what the repository has already is not sent again.
   * @param repository `project/repository/image`
   * @throws AppError with the registry's answer
   */
  push(options: {
    readonly registry: Registry
    readonly repository: string
    readonly tag: string
    readonly signal: AbortSignal
  }): Promise<void>
}

/** Bundles workers, puts images together without a docker engine, and asks registries about them. */
export interface Images {
  /**
   * Bundles a worker into one file, `app/worker.cjs`. The same sources give the same bytes, wherever they are.
   * @throws AppError `worker-missing` if there is no worker in the folder; `worker-build-failed` with file, line and
   * column if it cannot be bundled
   */
  bundleWorker(options: {
    /** Of a custom worker; `undefined` is the packaged one. */
    readonly folder: string | undefined
    /** Keeps the code as it is written, and names the sources by their place on this machine. */
    readonly isDebugged?: boolean
  }): Promise<ImageFile[]>
  /**
   * Port on which a bundled worker serves `/healthz`; `undefined` if this package's runtime does not run it.
   * @param folder of a custom worker; `undefined` is the packaged one
   * @throws AppError `worker-missing`
   */
  livenessPort(folder: string | undefined): Promise<number | undefined>
  /**
   * Puts an image together: a layer with the files, on the base of this package's `Dockerfile` or on none.
   * @throws AppError if the base cannot be pulled
   */
  assemble(options: {
    readonly files: readonly ImageFile[]
    readonly labels: Readonly<Record<string, string>>
    /** Default: a bundled worker, under Node. */
    readonly program?: Program | undefined
    /** Without a base, the image runs only as a process of this machine. */
    readonly hasBase: boolean
    /** Of the manifest, besides the program's; only without a base. */
    readonly annotations?: Readonly<Record<string, string>>
    readonly signal: AbortSignal
  }): Promise<AssembledImage>
  /**
   * Digest of an image, `sha256:…`; `undefined` if the registry does not have it.
   * @throws AppError with the registry's answer
   */
  findDigest(
    reference: ImageReference,
    options: {readonly registry: Registry; readonly signal: AbortSignal},
  ): Promise<string | undefined>
  /**
   * Labels of an image, for linux/amd64 if it has several platforms.
   * @throws AppError with the registry's answer; `not-found`; `invalid-request` if it is not such an image
   */
  readLabels(
    reference: ImageReference,
    options: {readonly registry: Registry; readonly signal: AbortSignal},
  ): Promise<Readonly<Record<string, unknown>>>
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
