import type {AccessControl, ResourceContext} from '../iam/access.ts'
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

/** @param find a bucket, for what its name does not say */
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
    context?: ResourceContext,
  ): void => {
    try {
      access.require(principal, permission, resource, context)
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 'PERMISSION_DENIED') throw error
      const anonymous = principal === 'allUsers'
      const who = anonymous ? 'Anonymous caller' : principal.replace(/^serviceAccount:/, '')
      const refusal = `${who} does not have ${permission} access to the Google Cloud ${kind}.`
      const isPrevented = context?.preventsPublicAccess === true
      throw new StorageError(
        anonymous ? 401 : 403,
        anonymous ? 'required' : 'forbidden',
        `${refusal} ${error.message}${isPrevented ? ' Public access is prevented.' : ''}`,
      )
    }
  }
  const contextOf = (name: string): ResourceContext => {
    const bucket = find(name)
    if (bucket === undefined) return {}
    return {
      project: `projects/${bucket.project}`,
      preventsPublicAccess: preventsPublicAccess(bucket.fields),
    }
  }
  return {
    requireOnProject: (principal, permission, project) =>
      require(principal, permission, `projects/${project}`, 'project'),
    requireOnBucket: (principal, permission, bucket) =>
      require(principal, permission, bucketResource(bucket), 'Storage bucket', contextOf(bucket)),
    requireOnObjects(principal, permission, bucket, object) {
      const resource = bucketResource(bucket) + (object === undefined ? '' : `/objects/${object}`)
      require(principal, permission, resource, 'Storage object', contextOf(bucket))
    },
    requireOnManagedFolder(principal, permission, bucket, folder) {
      const resource = managedFolderResource(bucket, folder)
      require(principal, permission, resource, 'Storage managed folder', contextOf(bucket))
    },
    held: (principal, permissions, bucket, resource = bucketResource(bucket)) =>
      access.testPermissions(principal, permissions, resource, contextOf(bucket)),
  }
}
