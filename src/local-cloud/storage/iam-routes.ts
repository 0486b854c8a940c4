import type {AccessControl, Policy} from '../iam/access.ts'
import {asRequested, parsePolicy} from '../iam/policy.ts'
import {ApiError} from '../wire/api-error.ts'
import type {JsonObject} from '../wire/json.ts'
import type {HttpRequest, HttpResponse} from '../wire/routes.ts'
import {isUniform} from './acl.ts'
import type {Buckets} from './buckets.ts'
import {conditionNotMet, invalid} from './errors.ts'
import type {JsonRoute} from './json-routes.ts'
import {bucketResource, type Permissions} from './permissions.ts'

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
    if (
      !isUniform(buckets.get(bucket).fields) &&
      policy.bindings?.some(({condition}) => condition !== undefined)
    )
      throw invalid('Conditional role bindings need a bucket with uniform bucket-level access.')
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
