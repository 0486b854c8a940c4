import type {AccessControl, Binding, Policy} from '../iam/access.ts'
import {asRequested, parsePolicy} from '../iam/policy.ts'
import {ApiError} from '../wire/api-error.ts'
import type {JsonObject} from '../wire/json.ts'
import type {HttpRequest, HttpResponse} from '../wire/routes.ts'
import {isUniform} from './acl.ts'
import type {Bucket} from './bucket.ts'
import type {Buckets} from './buckets.ts'
import {conditionNotMet, StorageError} from './errors.ts'
import type {JsonRoute} from './json-routes.ts'
import {type ManagedFolders, withSlash} from './managed-folders.ts'
import {bucketResource, managedFolderResource, type Permissions} from './permissions.ts'
import {refusePublic} from './public-access.ts'

/**
 * What a new bucket grants, as on Google: https://cloud.google.com/storage/docs/access-control/iam#convenience-values
 * Buckets with uniform access also grant on objects what access control lists would.
 */
export function initialBindings({project, fields}: Bucket): Binding[] {
  const owners = [`projectEditor:${project}`, `projectOwner:${project}`]
  const viewers = [`projectViewer:${project}`]
  return ['Bucket', ...(isUniform(fields) ? ['Object'] : [])].flatMap((kind) => [
    {role: `roles/storage.legacy${kind}Owner`, members: owners},
    {role: `roles/storage.legacy${kind}Reader`, members: viewers},
  ])
}

/** What has a policy: a bucket, or a managed folder in it. */
interface Holder {
  readonly bucket: string
  readonly resource: string
}

/** Policies of buckets and managed folders: https://cloud.google.com/storage/docs/json_api/v1/buckets/getIamPolicy */
export function iamRoutes({
  buckets,
  managedFolders,
  permissions,
  access,
}: {
  buckets: Buckets
  managedFolders: Pick<ManagedFolders, 'get'>
  permissions: Permissions
  access: AccessControl
}): JsonRoute[] {
  const holderOf = ({params, call}: HttpRequest, verb?: 'getIamPolicy' | 'setIamPolicy'): Holder => {
    const bucket = buckets.get(params['bucket'] ?? '').name
    const {managedFolder: given} = params
    if (given === undefined) {
      if (verb !== undefined) permissions.requireOnBucket(call.principal, `storage.buckets.${verb}`, bucket)
      return {bucket, resource: bucketResource(bucket)}
    }
    const managedFolder = withSlash(given)
    const permission = `storage.managedFolders.${verb}`
    if (verb !== undefined)
      permissions.requireOnManagedFolder(call.principal, permission, bucket, managedFolder)
    managedFolders.get(bucket, managedFolder)
    return {bucket, resource: managedFolderResource(bucket, managedFolder)}
  }

  const json = (resourceId: string, policy: Policy): JsonObject => ({
    kind: 'storage#policy',
    resourceId,
    version: 1,
    // Never absent on Google, so programs add to it.
    bindings: [],
    ...policy,
  })

  const get = (request: HttpRequest): HttpResponse => {
    const {resource} = holderOf(request, 'getIamPolicy')
    const version = request.url.searchParams.get('optionsRequestedPolicyVersion')
    return {json: json(resource, asRequested(access.getPolicy(resource), version))}
  }

  const set = async (request: HttpRequest): Promise<HttpResponse> => {
    const {bucket, resource} = holderOf(request, 'setIamPolicy')
    const policy = parsePolicy(await request.json())
    const {fields} = buckets.get(bucket)
    refusePublic(
      fields,
      (policy.bindings ?? []).flatMap(({members}) => members),
    )
    if (!isUniform(fields) && policy.bindings?.some(({condition}) => condition !== undefined))
      throw new StorageError(
        412,
        'conditionNotMet',
        'To use conditional role bindings, enable uniform bucket-level access.',
      )
    try {
      return {json: json(resource, await access.setPolicy(resource, policy))}
    } catch (error) {
      // Cloud Storage answers 412 to a stale etag; other services answer 409.
      if (error instanceof ApiError && error.status === 'ABORTED') throw conditionNotMet()
      throw error
    }
  }

  const test = (request: HttpRequest): HttpResponse => {
    const {bucket, resource} = holderOf(request)
    const asked = request.url.searchParams.getAll('permissions')
    const granted = permissions.held(request.call.principal, asked, bucket, resource)
    return {
      json: {
        kind: 'storage#testIamPermissionsResponse',
        ...(granted.length > 0 ? {permissions: granted} : {}),
      },
    }
  }

  return ['/b/:bucket/iam', '/b/:bucket/managedFolders/:managedFolder/iam'].flatMap((path): JsonRoute[] => [
    ['GET', path, get],
    ['PUT', path, set],
    ['GET', `${path}/testPermissions`, test],
  ])
}
