import type {Principal} from '../wire/call.ts'
import type {Condition} from './conditions.ts'

/** Members hold a role. `members` as IAM spells them: `serviceAccount:EMAIL`, `allUsers`, `user:EMAIL` … */
export interface Binding {
  role: string
  members: string[]
  condition?: Condition
}

/** google.iam.v1.Policy in JSON. An absent `bindings` is an empty one. */
export interface Policy {
  version?: number
  etag?: string
  bindings?: Binding[]
}

/** What the name of a resource does not say. */
export interface ResourceContext {
  /** `projects/P`, whose policy counts as well, of a bucket. */
  readonly project?: string | undefined
  /** Whether grants to `allUsers` and `allAuthenticatedUsers` count for nothing. */
  readonly preventsPublicAccess?: boolean
}

/**
 * Who may do what. Resources go by their relative names: `projects/P/topics/T`, `projects/P/subscriptions/S`,
 * `projects/P/locations/R/services/S`, `projects/P/secrets/S`, `projects/_/buckets/B`,
 * `projects/P/serviceAccounts/EMAIL`, `projects/P`. An object,
 * `projects/_/buckets/B/objects/O`, has the policies of its bucket and of the managed folders that it is in,
 * `projects/_/buckets/B/managedFolders/F/`.
 */
export interface AccessControl {
  /**
   * @throws ApiError PERMISSION_DENIED, unless the mode is `audit`, that names principal, permission, resource and a
   * role that would grant it; the denial is kept for `denials`. Nobody may act as an account that does not exist.
   */
  require(principal: Principal, permission: string, resource: string, context?: ResourceContext): void
  allows(principal: Principal, permission: string, resource: string, context?: ResourceContext): boolean
  /** The policy of a resource, `{etag}` if none was set. The service answers for the resource's existence. */
  getPolicy(resource: string): Policy
  /**
   * Replaces the policy.
   * @throws ApiError ABORTED if `policy.etag` is given and not the current one; INVALID_ARGUMENT for a role that
   * cannot be granted there, a malformed member, or a new one that is a service account which does not exist
   */
  setPolicy(resource: string, policy: Policy): Promise<Policy>
  /** Gives a new resource its first policy; inside a `State.write`. */
  startPolicy(resource: string, bindings: readonly Binding[]): void
  /** Which of `permissions` the principal has. */
  testPermissions(
    principal: Principal,
    permissions: readonly string[],
    resource: string,
    context?: ResourceContext,
  ): string[]
  /**
   * Turns a deleted account into `deleted:serviceAccount:EMAIL?uid=…` in every policy, so that another of its name gets
   * nothing of it; inside a `State.write`.
   */
  dropAccount(email: string, uniqueId: string): void
  /** Forgets the policy of a deleted resource; inside a `State.write`. */
  dropPolicy(resource: string): void
  /** The last denials, and in `audit` missing grants, newest first; repeated ones are merged. */
  denials(): readonly Denial[]
}

export interface Denial {
  readonly time: string
  readonly principal: Principal
  readonly permission: string
  readonly resource: string
  /** The smallest role that would have allowed it, granted on the resource. */
  readonly role?: string
  /** How often; `time` is the last one. */
  readonly count: number
}

export interface KnownAccounts {
  exists(email: string): boolean
  /** No caller can act as a disabled account. */
  isDisabled(email: string): boolean
}

/** Google-signed ID tokens (RS256), as Pub/Sub push and the metadata server hand them out. */
export interface IdTokens {
  /** A token for a service account; valid for an hour. */
  mint(claims: {email: string; audience: string; lifetimeSeconds?: number}): string
  /**
   * Checks signature, issuer, expiry and audience.
   * @returns the account's email, or why the token is invalid.
   */
  verify(token: string, audiences: readonly string[]): {email: string} | {error: string}
  /** JSON Web Key Set, as `https://www.googleapis.com/oauth2/v3/certs` publishes it. */
  keys(): object
  /** The same as X.509 certificates in PEM by key id, as `https://www.googleapis.com/oauth2/v1/certs` does. */
  certificates(): Record<string, string>
  /** Whether a token was signed here, whatever it says. */
  signedHere(token: string): boolean
}

/** A google.iam.admin.v1.ServiceAccountKey in JSON. */
export interface AccountKey {
  readonly name: string
  readonly keyAlgorithm: 'KEY_ALG_RSA_2048'
  readonly keyOrigin: 'GOOGLE_PROVIDED'
  /** A key that Google manages signs `signBlob` and `signJwt`; its private half never leaves. */
  readonly keyType: 'USER_MANAGED' | 'SYSTEM_MANAGED'
  readonly validAfterTime: string
  readonly validBeforeTime: string
  readonly disabled?: true
}

/** RSA keys of service accounts. Methods that take a key's id throw ApiError NOT_FOUND. */
export interface AccountKeys {
  /** @returns the private key in PEM, which is not kept. @throws ApiError FAILED_PRECONDITION above ten keys */
  create(account: {name: string; email: string}): Promise<{key: AccountKey; id: string; privateKey: string}>
  list(email: string): AccountKey[]
  /** `certificate` in PEM. */
  get(email: string, id: string): {key: AccountKey; certificate: string}
  setDisabled(email: string, id: string, disabled: boolean): Promise<void>
  remove(email: string, id: string): Promise<void>
  /** Removes all keys of a deleted account; inside a `State.write`. */
  dropAccount(email: string): void
  /** Certificates in PEM by key id. */
  certificates(email: string): Record<string, string>
  hasKeys(email: string): boolean
  /** Signs with the account's Google-managed key, which the first call generates: RSASSA-PKCS1-v1_5 with SHA-256. */
  sign(
    account: {name: string; email: string},
    contentOf: (keyId: string) => Buffer,
  ): Promise<{keyId: string; content: Buffer; signature: Buffer}>
  /** Whether an enabled key of the account signed the data. */
  verify(email: string, data: string, signature: Buffer): boolean
  /** The claims of an unexpired JWT that its issuer, an account, signed; otherwise `undefined`. */
  readToken(token: string): {email: string; claims: Readonly<Record<string, unknown>>} | undefined
}

/** Who is behind an `authorization` header. */
export interface Credentials {
  accessToken(email: string, lifetimeSeconds?: number): {token: string; expiresInSeconds: number}
  /**
   * The account that an access token of the local cloud identifies; `undefined` if there is none: then the port
   * decides. Tools that have no credentials send any text.
   * @throws ApiError UNAUTHENTICATED for one that is expired or forged, and for an ID token
   */
  principalOf(authorization: string | undefined): Principal | undefined
}

/** Accounts that Google runs services as, per project. */
export interface ServiceAgents {
  /** Decimal text of twelve digits; of a number, itself. */
  projectNumber(project: string): string
  /** `service-<number>@gs-project-accounts.iam.gserviceaccount.com` */
  storage(project: string): string
  /** `service-<number>@gcp-sa-pubsub.iam.gserviceaccount.com` */
  pubsub(project: string): string
}
