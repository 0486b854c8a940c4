/** A project, as Google reports it. */
export interface ProjectState {
  /** Decimal text. */
  readonly number: string
  /** False once it has been deleted: Google keeps it for 30 days. */
  readonly active: boolean
  /** Whether a billing account is linked; `undefined` if the caller lacks the permission to see it. */
  readonly billing: boolean | undefined
  /** Id of that account: `012345-6789AB-CDEF01`. */
  readonly billingAccount: string | undefined
  /** Name of the pipeline that `setup --create-project` created the project for; `undefined`: the user's own project. */
  readonly madeFor: string | undefined
  /** RFC 3339; `undefined` if it is not reported. */
  readonly createdAt: string | undefined
}

/** A billing account that the caller may use. */
export interface BillingAccount {
  /** `012345-6789AB-CDEF01` */
  readonly id: string
  readonly name: string
}

/** A bucket of a project, and the pipeline that it belongs to, if any. */
export interface ProjectBucket {
  readonly name: string
  readonly pipeline: string | undefined
}

/** A bucket as it is, created by the pipeline or not. */
export interface ExistingBucket {
  /** How long its retention policy keeps each object; `undefined`: it has none. */
  readonly retentionSeconds: number | undefined
  /** Whether each new object gets an event-based hold, which prevents its deletion. */
  readonly holdsNewObjects: boolean
  /** Whether replaced and deleted objects stay as noncurrent versions. */
  readonly keepsVersions: boolean
  /** Those of the given permissions that the caller lacks on it. */
  readonly missingPermissions: readonly string[]
}

/** The role that a service agent needs on a key: https://cloud.google.com/kms/docs/compatible-services */
export const KEY_USER = 'roles/cloudkms.cryptoKeyEncrypterDecrypter'

/** The project that a pipeline lives in, and the caller. */
export interface Project {
  /** Whose credentials are used. @throws AppError `unauthenticated` */
  principal(): Promise<string>
  /** `undefined` if it does not exist, or the caller may not see it. */
  state(): Promise<ProjectState | undefined>
  /** Names of the enabled APIs: `run.googleapis.com` … */
  enabledApis(): Promise<ReadonlySet<string>>
  /**
   * Which of these permissions the caller lacks on the project; `undefined` if that cannot be tested.
   * @param billingAccount id of the account to ask about instead of the project
   */
  missingPermissions(
    permissions: readonly string[],
    billingAccount?: string,
  ): Promise<readonly string[] | undefined>
  /** Whether a bucket name is free, belongs to this project, or to another: names are globally unique. */
  bucketOwner(bucket: string): Promise<'free' | 'ours' | 'other'>
  /**
   * An existing bucket of any project; `undefined` if there is none.
   * @throws AppError `permission-denied` if the caller may not see it
   */
  bucket(name: string, permissions: readonly string[]): Promise<ExistingBucket | undefined>
  /**
   * Members with the role {@link KEY_USER} on a key, by the policies of the key, its ring and its project.
   * @param key `projects/P/locations/L/keyRings/R/cryptoKeys/K`
   * @returns `isComplete`: the caller may read all of these policies
   */
  keyUsers(key: string): Promise<{readonly members: ReadonlySet<string>; readonly isComplete: boolean}>
  /** Email of the project's Pub/Sub service agent, which pushes messages. */
  pubsubAgent(): Promise<string>
  /**
   * Whether the Pub/Sub agent may create tokens of a service account, by the policies of the project and the account;
   * `undefined` if the caller may not read them.
   */
  pubsubAgentMaySignFor(account: string): Promise<boolean | undefined>
  /** All buckets of the project, whatever they belong to. */
  buckets(): Promise<ProjectBucket[]>
  /** Creates the project, labelled with its pipeline. @throws AppError `conflict` if the id is taken */
  create(madeFor: string, options: {signal: AbortSignal}): Promise<void>
  /** The open billing accounts that the caller may use. */
  billingAccounts(): Promise<BillingAccount[]>
  /** Links a billing account to the project. */
  linkBilling(account: string): Promise<void>
  enableApis(apis: readonly string[], options: {signal: AbortSignal}): Promise<void>
  /** Deletes the project with everything in it. */
  delete(options: {signal: AbortSignal}): Promise<void>
}
