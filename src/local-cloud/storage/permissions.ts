import type {AccessControl} from '../iam/access.ts'
import {ApiError} from '../wire/api-error.ts'
import type {Principal} from '../wire/call.ts'
import type {Bucket} from './bucket.ts'
import {StorageError} from './errors.ts'
import {preventsPublicAccess} from './public-access.ts'

/** Checks of IAM that fail with Cloud Storage's own wording. */
export interface Permissions {
  requireOnProject(principal: Principal, permission: string, project: string): void
  requireOnBucket(principal: Principal, permission: string, bucket: string): void
  /** Grants on objects are held by their bucket; conditions may name the object. */
  requireOnObjects(principal: Principal, permission: string, bucket: string, object?: string): void
  requireOnManagedFolder(principal: Principal, permission: string, bucket: string, folder: string): void
  /** Which of the permissions the principal has on the bucket, or on a resource in it. */
  held(principal: Principal, permissions: readonly string[], bucket: string, resource?: string): string[]
}

/** Name of a bucket as IAM knows it. */
export const bucketResource = (bucket: string): string => `projects/_/buckets/${bucket}`

/** Name of a managed folder, which ends with a slash, as IAM knows it. */
export const managedFolderResource = (bucket: string, folder: string): string =>
  `${bucketResource(bucket)}/managedFolders/${folder}`

/** @param find a bucket, of whose project the policy reaches it */
export function createPermissions(
  access: AccessControl,
  find: (bucket: string) => Bucket | undefined,
): Permissions {
  /** @throws StorageError 403; 401 for a caller without identity, as Google does */
  const require = (
    principal: Principal,
    permission: string,
    resource: string,
    kind: string,
    project?: string,
  ): void => {
    try {
      access.require(principal, permission, resource, project)
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 'PERMISSION_DENIED') throw error
      const anonymous = principal === 'allUsers'
      const who = anonymous ? 'Anonymous caller' : principal.replace(/^serviceAccount:/, '')
      const refusal = `${who} does not have ${permission} access to the Google Cloud ${kind}.`
      throw new StorageError(
        anonymous ? 401 : 403,
        anonymous ? 'required' : 'forbidden',
        `${refusal} ${error.message}`,
      )
    }
  }
  const holder = (bucket: string): string | undefined => {
    const project = find(bucket)?.project
    return project === undefined ? undefined : `projects/${project}`
  }
  /** What was public before its bucket prevented it is not any more. */
  const refuseAnonymous = (principal: Principal, permission: string, bucket: string): void => {
    if (principal === 'allUsers' && preventsPublicAccess(find(bucket)?.fields ?? {}))
      throw new StorageError(
        401,
        'required',
        `Anonymous caller does not have ${permission} access to the Google Cloud Storage bucket: it prevents public access.`,
      )
  }
  return {
    requireOnProject: (principal, permission, project) =>
      require(principal, permission, `projects/${project}`, 'project'),
    requireOnBucket(principal, permission, bucket) {
      refuseAnonymous(principal, permission, bucket)
      require(principal, permission, bucketResource(bucket), 'Storage bucket', holder(bucket))
    },
    requireOnObjects(principal, permission, bucket, object) {
      refuseAnonymous(principal, permission, bucket)
      const resource = bucketResource(bucket) + (object === undefined ? '' : `/objects/${object}`)
      require(principal, permission, resource, 'Storage object', holder(bucket))
    },
    requireOnManagedFolder(principal, permission, bucket, folder) {
      refuseAnonymous(principal, permission, bucket)
      require(principal, permission, managedFolderResource(bucket, folder), 'Storage managed folder', holder(
        bucket,
      ))
    },
    held: (principal, permissions, bucket, resource = bucketResource(bucket)) =>
      access.testPermissions(principal, permissions, resource, holder(bucket)),
  }
}
