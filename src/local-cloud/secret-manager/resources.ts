/** google.cloud.secretmanager.v1.Secret in proto3 JSON, as far as it is served. */
export interface Secret {
  /** `projects/NUMBER/secrets/S` */
  name: string
  replication: Replication
  createTime: string
  labels?: Record<string, string>
  annotations?: Record<string, string>
  /** Numbers of versions by alias. */
  versionAliases?: Record<string, string>
  expireTime?: string
  /** Between the request to destroy a version and its destruction. */
  versionDestroyTtl?: string
  etag: string
}

/** A secret as a caller sends it. */
export interface SentSecret extends Partial<Secret> {
  ttl?: string
  topics?: object[]
  rotation?: object
  customerManagedEncryption?: object
  tags?: Record<string, string>
  secretType?: string
}

export interface Replication {
  automatic?: {customerManagedEncryption?: object}
  userManaged?: {replicas?: {location?: string; customerManagedEncryption?: object}[]}
}

/** google.cloud.secretmanager.v1.SecretVersion in proto3 JSON. */
export interface SecretVersion {
  /** `projects/NUMBER/secrets/S/versions/N` */
  name: string
  createTime: string
  destroyTime?: string
  scheduledDestroyTime?: string
  state: 'ENABLED' | 'DISABLED' | 'DESTROYED'
  replicationStatus: {automatic: object} | {userManaged: {replicas: {location?: string}[]}}
  etag: string
  clientSpecifiedPayloadChecksum?: boolean
}
