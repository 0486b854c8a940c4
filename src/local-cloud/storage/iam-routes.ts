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
import {bucketResource, type Permissions} from './permissions.ts'
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

/** A bucket's policy: https://cloud.google.com/storage/docs/json_api/v1/buckets/getIamPolicy */
export function iamRoutes({
  buckets,
  permissions,
  access,
}: {
  buckets: Buckets
  permissions: Permissions
  access: AccessControl
}): JsonRoute[] {
  const bucketOf = (request: HttpRequest): string => buckets.get(request.params['bucket'] ?? '').name

  const json = (bucket: string, policy: Policy): JsonObject => ({
    kind: 'storage#policy',
    resourceId: bucketResource(bucket),
    version: 1,
    // Never absent on Google, so programs add to it.
    bindings: [],
    ...policy,
  })

  const get = (request: HttpRequest): HttpResponse => {
    const bucket = bucketOf(request)
    permissions.requireOnBucket(request.call.principal, 'storage.buckets.getIamPolicy', bucket)
    const version = request.url.searchParams.get('optionsRequestedPolicyVersion')
    return {json: json(bucket, asRequested(access.getPolicy(bucketResource(bucket)), version))}
  }

  const set = async (request: HttpRequest): Promise<HttpResponse> => {
    const bucket = bucketOf(request)
    permissions.requireOnBucket(request.call.principal, 'storage.buckets.setIamPolicy', bucket)
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
      return {json: json(bucket, await access.setPolicy(bucketResource(bucket), policy))}
    } catch (error) {
      // Cloud Storage answers 412 to a stale etag; other services answer 409.
      if (error instanceof ApiError && error.status === 'ABORTED') throw conditionNotMet()
      throw error
    }
  }

  const test = (request: HttpRequest): HttpResponse => {
    const bucket = bucketOf(request)
    const asked = request.url.searchParams.getAll('permissions')
    const granted = permissions.held(request.call.principal, asked, bucket)
    return {
      json: {
        kind: 'storage#testIamPermissionsResponse',
        ...(granted.length > 0 ? {permissions: granted} : {}),
      },
    }
  }

  return [
    ['GET', '/b/:bucket/iam', get],
    ['PUT', '/b/:bucket/iam', set],
    ['GET', '/b/:bucket/iam/testPermissions', test],
  ]
}
