/** Where a part of a service's requests goes. */
export interface TrafficTarget {
  /** Short name; `undefined`: the newest ready revision. */
  readonly revision: string | undefined
  readonly percent: number
  /** Gives the revision its own address. */
  readonly tag?: string
}

/** A `TrafficTarget` currently in effect. */
export interface TrafficState {
  readonly revision: string
  readonly percent: number
  /** It follows the newest ready revision. */
  readonly latest: boolean
  readonly tag: string | undefined
  /** The tag's own address. */
  readonly uri: string | undefined
}

/** What a revision runs. */
export interface WorkerImage {
  /** Reference with its digest. */
  readonly image: string
  /** Port on which it serves `/healthz` for a liveness probe; `undefined`: it does not, or it is unknown. */
  readonly livenessPort: number | undefined
}

/** The current state of a Cloud Run service. */
export interface ServiceState {
  readonly name: string
  readonly uri: string
  /** Reference with its digest. */
  readonly image: string
  readonly ready: boolean
  readonly reconciling: boolean
  /** Short names. */
  readonly latestReadyRevision: string | undefined
  readonly latestCreatedRevision: string | undefined
  /** Why it is not ready, in Google's words. */
  readonly problem: string | undefined
  readonly traffic: readonly TrafficState[]
  /** The model that scores files, `gs://bucket/object#generation`, if one is set. */
  readonly model: string | undefined
  /** Port of the worker's liveness probe; `undefined`: it has none. */
  readonly livenessPort: number | undefined
  /** Revisions that were tried and never had all the traffic; short names. */
  readonly tried: readonly string[]
}

/** A revision of a service. */
export interface RevisionState {
  /** Short name. */
  readonly name: string
  /** Reference with its digest. */
  readonly image: string
  /** RFC 3339. */
  readonly createdAt: string
  readonly ready: boolean
  /** Why it is not ready, in Google's words. */
  readonly problem: string | undefined
}

/** The part of Cloud Run that core needs. */
export interface Services {
  get(service: string): Promise<ServiceState | undefined>
  /** Newest first. */
  revisions(service: string): Promise<RevisionState[]>
  /**
   * Creates a revision with an image, and a liveness probe if the image serves one, follows the operation, and returns
   * the service once it has settled: `ready` says whether the new revision is. The traffic stays where it was until `route` moves it, unless it follows the
   * newest ready revision and `hold` is false: then Cloud Run moves it once that is ready.
   */
  deploy(
    service: string,
    image: WorkerImage,
    options: {hold: boolean; signal: AbortSignal; step: (text: string) => void},
  ): Promise<ServiceState>
  /** Has Cloud Run validate what `deploy` would request, without doing it. @throws AppError with its objection */
  check(service: string, image: WorkerImage): Promise<void>
  /** Sets all traffic, and which revisions count as only tried. */
  route(
    service: string,
    change: {traffic: readonly TrafficTarget[]; tried: readonly string[]},
    options: {signal: AbortSignal},
  ): Promise<ServiceState>
}
