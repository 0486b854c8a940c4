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
