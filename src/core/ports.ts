import type {Readable} from 'node:stream'
import type {Pipeline} from './pipeline/pipeline.ts'

/** An object of a bucket. Generations are decimal text: they exceed 2^53. Times are RFC 3339. */
export interface StoredObject {
  readonly bucket: string
  readonly name: string
  readonly generation: string
  readonly sizeBytes: number
  readonly contentType: string | undefined
  /** Base64 of the big-endian CRC-32C. */
  readonly crc32c: string | undefined
  readonly timeCreated: string
  readonly metadata: Readonly<Record<string, string>>
}

export interface UploadOptions {
  readonly bucket: string
  readonly name: string
  /** A path, or bytes whose length is not known before they end. */
  readonly source: {readonly file: string; readonly sizeBytes: number} | {readonly stream: Readable}
  readonly contentType?: string
  readonly metadata?: Readonly<Record<string, string>>
  readonly signal: AbortSignal
  readonly progress?: (sentBytes: number) => void
}

/** Cloud Storage, as far as core needs it. All throw AppError. */
export interface ObjectStore {
  /** Metadata of an object's live generation, or of the given one; `undefined` where there is none. */
  stat(bucket: string, name: string, generation?: string): Promise<StoredObject | undefined>
  /**
   * Objects in the order of their names' bytes, page by page as they are asked for; from `startOffset` (inclusive) to
   * `endOffset` (exclusive).
   */
  list(
    bucket: string,
    options?: {prefix?: string; startOffset?: string; endOffset?: string},
  ): AsyncIterable<StoredObject>
  /** Resumable where it is worth it; the checksum is compared with what arrived. */
  upload(options: UploadOptions): Promise<StoredObject>
  read(bucket: string, name: string, options: {generation: string; signal: AbortSignal}): Promise<Readable>
  /** Removes an object; nothing there is fine. */
  delete(bucket: string, name: string): Promise<void>
}

/** A message that nobody has taken, as a look at it shows. */
export interface WaitingMessage {
  readonly messageId: string
  readonly publishTime: string
  readonly attributes: Readonly<Record<string, string>>
}

/** A message with its content. */
export interface TakenMessage extends WaitingMessage {
  readonly data: Uint8Array
}

/** Pub/Sub, as far as core needs it. */
export interface Messages {
  /** Looks at messages of a pull subscription and puts them back at once; at most `limit`. */
  peek(subscription: string, options: {limit: number; signal: AbortSignal}): Promise<WaitingMessage[]>
  /**
   * Gives every message of a pull subscription to `work`, a few at the same time. Where that says true the message is
   * acknowledged; the others are put back at the end. What is interrupted in between stays in the subscription.
   */
  take(
    subscription: string,
    work: (message: TakenMessage) => Promise<boolean>,
    options: {signal: AbortSignal},
  ): Promise<void>
  /** Publishes to a topic. Sent again where the answer is lost, so at least once. @returns the message's id */
  publish(
    topic: string,
    message: Pick<TakenMessage, 'data' | 'attributes'>,
    options: {signal: AbortSignal},
  ): Promise<string>
}

/** Where a part of a service's requests goes. */
export interface TrafficTarget {
  /** Short name; `undefined`: whichever revision is the newest ready one. */
  readonly revision: string | undefined
  readonly percent: number
  /** Gives the revision an address of its own. */
  readonly tag?: string
}

/** A `TrafficTarget` as it is in effect. */
export interface TrafficState {
  readonly revision: string
  readonly percent: number
  /** It follows the newest ready revision. */
  readonly latest: boolean
  readonly tag: string | undefined
  /** The tag's own address. */
  readonly uri: string | undefined
}

/** A Cloud Run service as it is now. */
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
  /** The model that files are scored by, `gs://bucket/object#generation`, where one is set. */
  readonly model: string | undefined
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

/** Cloud Run, as far as core needs it. */
export interface Services {
  get(service: string): Promise<ServiceState | undefined>
  /** Newest first. */
  revisions(service: string): Promise<RevisionState[]>
  /**
   * Puts an image into a new revision, follows the operation, and returns the service once it has settled: `ready`
   * says whether the new revision is. The traffic stays where it was until `route` moves it, unless it follows the
   * newest ready revision and is not to be held: then Cloud Run moves it once that is ready.
   */
  deploy(
    service: string,
    image: string,
    options: {hold: boolean; signal: AbortSignal; step: (text: string) => void},
  ): Promise<ServiceState>
  /** Has Cloud Run check what `deploy` would ask for, without doing it. @throws AppError with its objection */
  check(service: string, image: string): Promise<void>
  /** Sets the whole traffic, and which revisions count as tried only. */
  route(
    service: string,
    change: {traffic: readonly TrafficTarget[]; tried: readonly string[]},
    options: {signal: AbortSignal},
  ): Promise<ServiceState>
}

/** An execution of a Cloud Run job: one long file. */
export interface ExecutionState {
  /** Short name. */
  readonly name: string
  readonly state: 'running' | 'succeeded' | 'failed'
  /** Why it failed, in Google's words. */
  readonly problem: string | undefined
  /** RFC 3339. */
  readonly createdAt: string
}

/** Cloud Run's jobs, as far as core needs them. */
export interface Jobs {
  /** Reference of the image that executions start with; `undefined` where there is no such job. */
  image(job: string): Promise<string | undefined>
  setImage(job: string, image: string, options: {signal: AbortSignal}): Promise<void>
  /** `undefined` where there is no such execution, or no longer. */
  execution(job: string, execution: string): Promise<ExecutionState | undefined>
}

/** One line of a pipeline's logs. */
export interface LogLine {
  readonly time: string
  readonly insertId: string
  readonly severity: string
  readonly message: string
  readonly object: string | undefined
  readonly generation: string | undefined
  readonly attempt: number | undefined
  readonly messageId: string | undefined
  readonly revision: string | undefined
  /** HTTP status, where the line is of a request log. */
  readonly status: number | undefined
  /** The structured fields besides the message. */
  readonly fields: Readonly<Record<string, unknown>>
}

export interface LogQuery {
  readonly service: string
  /** Lines of this job as well. */
  readonly job?: string
  readonly object?: string
  readonly revision?: string
  /** This severity and above. */
  readonly severity?: string
  /** RFC 3339. */
  readonly since?: string
}

/** Cloud Logging, as far as core needs it. */
export interface LogSource {
  /** Newest first; page by page as they are asked for. */
  list(query: LogQuery, options: {limit: number; signal: AbortSignal}): AsyncIterable<LogLine>
  /** New lines as they come, from now on, until the signal. */
  tail(query: LogQuery, options: {signal: AbortSignal}): AsyncIterable<LogLine>
}

/** A role for a member on one resource. */
export interface Grant {
  readonly role: string
  /** `serviceAccount:EMAIL`; in words where its name is not known yet. */
  readonly member: string
  readonly on: {readonly kind: string; readonly name: string}
}

/** A resource of the pipeline as plan, apply and destroy speak of it. */
export interface PlannedResource {
  /** Google's word for it: `bucket`, `topic`, `service account` … */
  readonly kind: string
  readonly name: string
  /** `replace`: deleted and made anew, since it cannot be changed. */
  readonly action: 'create' | 'update' | 'replace' | 'none' | 'delete'
  /** Of the kind `grant`. */
  readonly grant?: Grant
}

export interface ApplyOptions {
  /** Reference with digest; `undefined` in the first phase: everything that needs no image. */
  readonly image: string | undefined
  readonly signal: AbortSignal
  readonly step: (text: string) => void
}

/** What makes and removes the pipeline's resources: Terraform, or the same calls made directly. */
export interface Infrastructure {
  /** What `apply` would do. */
  plan(
    pipeline: Pipeline,
    options: {image: string | undefined; signal: AbortSignal},
  ): Promise<PlannedResource[]>
  /** Makes what is missing and mends what differs. @returns what was done, `none` included */
  apply(pipeline: Pipeline, options: ApplyOptions): Promise<PlannedResource[]>
  /** Removes everything, buckets' contents first; what is not there is fine. @returns what was removed */
  destroy(
    pipeline: Pipeline,
    options: {signal: AbortSignal; step: (text: string) => void},
  ): Promise<PlannedResource[]>
  /** What is still there, by name and by label. */
  leftovers(pipeline: Pipeline, options: {signal: AbortSignal}): Promise<PlannedResource[]>
}

/** Where images are pushed. */
export interface Registry {
  /** `https://europe-west3-docker.pkg.dev` or the local cloud's origin: where the registry protocol is spoken. */
  readonly origin: string
  /** Value of the `authorization` header, where one is needed. */
  authorization(): Promise<string | undefined>
}

/** What Google says of a project. */
export interface ProjectState {
  /** Decimal text. */
  readonly number: string
  /** False once it has been deleted: Google keeps it for 30 days. */
  readonly active: boolean
  /** Whether a billing account is linked; `undefined` where the caller may not ask. */
  readonly billing: boolean | undefined
  /** Name of the pipeline that `setup --create-project` made the project for; `undefined`: it is the user's own. */
  readonly madeFor: string | undefined
  /** RFC 3339; `undefined` where it is not told. */
  readonly createdAt: string | undefined
}

/** A billing account that the caller may use. */
export interface BillingAccount {
  /** `012345-6789AB-CDEF01` */
  readonly id: string
  readonly name: string
}

/** A bucket of a project, and the pipeline that it is of, if any. */
export interface ProjectBucket {
  readonly name: string
  readonly pipeline: string | undefined
}

/** The project that a pipeline lives in, and who asks. */
export interface Project {
  /** Whose credentials are used. @throws AppError `unauthenticated` */
  principal(): Promise<string>
  /** `undefined` where there is none, or none that the caller may see. */
  state(): Promise<ProjectState | undefined>
  /** Names of the APIs that are on: `run.googleapis.com` … */
  enabledApis(): Promise<ReadonlySet<string>>
  /** Which of these permissions the caller lacks on the project; `undefined` where that cannot be asked. */
  missingPermissions(permissions: readonly string[]): Promise<readonly string[] | undefined>
  /** Whether a bucket of this name is free, of this project, or somebody else's: names are unique in the world. */
  bucketOwner(bucket: string): Promise<'free' | 'ours' | 'other'>
  /** Google's own account of this project that pushes messages: its email. */
  pubsubAgent(): Promise<string>
  /**
   * Whether the Pub/Sub agent may make tokens of a service account, by the policies of the project and of the account;
   * `undefined` where the caller may not read them.
   */
  pubsubAgentMaySignFor(account: string): Promise<boolean | undefined>
  /** All buckets of the project, of whatever. */
  buckets(): Promise<ProjectBucket[]>
  /** Makes the project, labelled with the pipeline that it is for. @throws AppError `conflict` where the id is taken */
  create(madeFor: string, options: {signal: AbortSignal}): Promise<void>
  /** The open billing accounts that the caller may use. */
  billingAccounts(): Promise<BillingAccount[]>
  /** Has what the project costs billed to an account. */
  linkBilling(account: string): Promise<void>
  enableApis(apis: readonly string[], options: {signal: AbortSignal}): Promise<void>
  /** Deletes the project with everything in it. */
  delete(options: {signal: AbortSignal}): Promise<void>
}

/** The same questions as of the infrastructure, put to the APIs themselves, whoever made the resources. */
export type Inspection = Pick<Infrastructure, 'plan' | 'leftovers'>

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

/** Everything that a target offers, local or gcp. */
export interface Cloud {
  /** Whether a local cloud answers, whatever the target is called: its images have an empty base, since this machine's Node runs them. */
  readonly isLocal: boolean
  readonly objects: ObjectStore
  readonly messages: Messages
  readonly services: Services
  readonly jobs: Jobs
  readonly logs: LogSource
  readonly infrastructure: Infrastructure
  readonly inspection: Inspection
  readonly project: Project
  readonly registry: Registry
  /** Closes connections; nothing may be asked afterwards. */
  close(): Promise<void>
}
