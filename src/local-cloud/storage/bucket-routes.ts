import type {ServiceAgents} from '../iam/access.ts'
import type {State} from '../state/state.ts'
import type {JsonObject} from '../wire/json.ts'
import {pageByKey, pageByOffset} from '../wire/paging.ts'
import type {HttpRequest, HttpResponse} from '../wire/routes.ts'
import {type AclKind, type Acls, isUniform} from './acl.ts'
import {bucketJson, writableBucketFields} from './bucket-resource.ts'
import {type Bucket, hasFolders, type SoftDeletedBucket} from './bucket.ts'
import type {Buckets} from './buckets.ts'
import {missingParameter} from './errors.ts'
import {bucketEtag} from './etag.ts'
import type {JsonRoute} from './json-routes.ts'
import {mergePatch} from './json.ts'
import {checkBucketName} from './names.ts'
import type {Permissions} from './permissions.ts'
import {checkForChange, checkForRead, readPreconditions} from './preconditions.ts'
import {flag, pageSize, wantsAcl, wholeNumber} from './query.ts'
import type {SoftDeletedBuckets} from './soft-deleted-buckets.ts'

/** Buckets: https://cloud.google.com/storage/docs/json_api/v1/buckets */
export function bucketRoutes({
  state,
  buckets,
  softDeleted,
  permissions,
  acls,
  agents,
  insertBucket,
  removeBucket,
  isOfRetryTest,
}: {
  state: State
  buckets: Buckets
  softDeleted: SoftDeletedBuckets
  permissions: Permissions
  acls: Acls
  agents: ServiceAgents
  /** Creates a bucket with its first policy; inside a `State.write`. */
  insertBucket: Buckets['insert']
  /** Removes a bucket and what else belongs to it; inside a `State.write`. */
  removeBucket: (name: string) => void
  /** Whether the current call is a retry test's: Google's lock buckets that have no retention policy. */
  isOfRetryTest: () => boolean
}): JsonRoute[] {
  const json = (bucket: Bucket, request: HttpRequest, withAcl: boolean): JsonObject => {
    const {origin} = request.call
    const projectNumber = agents.projectNumber(bucket.project)
    const list = (kind: AclKind): JsonObject[] =>
      acls.entries(kind, bucket).map((entry) => acls.json(kind, entry, {bucket, origin}))
    const full = wantsAcl(request.url.searchParams, withAcl) && !isUniform(bucket.fields)
    return bucketJson(
      bucket,
      {origin, projectNumber},
      full
        ? {
            acl: list('bucket'),
            defaultObjectAcl: list('defaultObject'),
            owner: {entity: `project-owners-${projectNumber}`},
          }
        : {},
    )
  }

  /** The lists that a request names. @throws StorageError 400 */
  const predefinedLists = ({url}: HttpRequest, bucket: Pick<Bucket, 'project' | 'fields'>): JsonObject => {
    const acl = url.searchParams.get('predefinedAcl') ?? ''
    const ofObjects = url.searchParams.get('predefinedDefaultObjectAcl') ?? ''
    return {
      ...(acl === '' ? {} : {acl: acls.predefined('bucket', acl, bucket)}),
      ...(ofObjects === '' ? {} : {defaultObjectAcl: acls.predefined('defaultObject', ofObjects, bucket)}),
    }
  }

  const projectOf = (request: HttpRequest): string => {
    const project = request.url.searchParams.get('project')
    if (project === null || project === '') throw missingParameter('project')
    return project
  }

  const insert = async (request: HttpRequest): Promise<HttpResponse> => {
    const project = projectOf(request)
    const body = await request.json()
    const name = body['name']
    if (typeof name !== 'string') throw missingParameter('name')
    checkBucketName(name)
    permissions.requireOnProject(request.call.principal, 'storage.buckets.create', project)
    const retention = flag(request.url.searchParams, 'enableObjectRetention')
    const given = writableBucketFields(body)
    const fields = {
      ...given,
      ...predefinedLists(request, {project, fields: given}),
      ...(retention ? {objectRetention: {mode: 'Enabled'}} : {}),
    }
    const created = await state.write(() => insertBucket({name, project, fields}))
    return {
      json: json(created, request, given['acl'] !== undefined || given['defaultObjectAcl'] !== undefined),
    }
  }

  const listJson = (request: HttpRequest, items: readonly Bucket[], next: object): object => ({
    kind: 'storage#buckets',
    ...next,
    ...(items.length === 0 ? {} : {items: items.map((bucket) => json(bucket, request, false))}),
  })

  const list = (request: HttpRequest): HttpResponse => {
    const project = projectOf(request)
    const query = request.url.searchParams
    permissions.requireOnProject(request.call.principal, 'storage.buckets.list', project)
    const prefix = query.get('prefix') ?? ''
    const size = pageSize(query)
    const wanted = ({name}: Bucket): boolean => name.startsWith(prefix)
    if (flag(query, 'softDeleted')) {
      const {items, next} = pageByOffset(
        {pageToken: query.get('pageToken') ?? ''},
        {usual: size, largest: size},
        (limit, offset) =>
          softDeleted
            .list(project)
            .filter(wanted)
            .slice(offset, offset + limit),
      )
      return {json: listJson(request, items, next)}
    }
    const {items, next} = pageByKey(
      {pageToken: query.get('pageToken') ?? ''},
      {usual: size, largest: size},
      (after, limit) => buckets.list(project, prefix, after, limit).filter(wanted),
      ({name}) => name,
    )
    return {json: listJson(request, items, next)}
  }

  const layout = (request: HttpRequest): HttpResponse => {
    const bucket = permitted(request, 'storage.objects.list')
    const {location} = bucketJson(bucket, {origin: '', projectNumber: ''})
    return {
      json: {
        kind: 'storage#storageLayout',
        bucket: bucket.name,
        location,
        hierarchicalNamespace: {enabled: hasFolders(bucket)},
      },
    }
  }

  /** The bucket that is named, once the caller may do this to it. */
  const permitted = (request: HttpRequest, permission: string): Bucket => {
    const bucket = buckets.get(request.params['bucket'] ?? '')
    permissions.requireOnBucket(request.call.principal, permission, bucket.name)
    return bucket
  }

  /** A deleted bucket has no policy of its own any more, so its project's decides. */
  const softDeletedOf = ({params, url, call}: HttpRequest, permission: string): SoftDeletedBucket => {
    const bucket = softDeleted.get(params['bucket'] ?? '', wholeNumber(url.searchParams, 'generation'))
    permissions.requireOnProject(call.principal, permission, bucket.project)
    return bucket
  }

  const restore = async (request: HttpRequest): Promise<HttpResponse> => {
    const {name, generation} = softDeletedOf(request, 'storage.buckets.restore')
    const restored = await state.write(() => softDeleted.restore(name, generation))
    return {json: json(restored, request, false)}
  }

  const get = (request: HttpRequest): HttpResponse => {
    if (flag(request.url.searchParams, 'softDeleted'))
      return {json: json(softDeletedOf(request, 'storage.buckets.get'), request, false)}
    const bucket = permitted(request, 'storage.buckets.get')
    checkForRead(readPreconditions(request.url.searchParams), bucket, bucketEtag(bucket.metageneration))
    return {headers: {etag: bucketEtag(bucket.metageneration)}, json: json(bucket, request, false)}
  }

  const change = async (
    request: HttpRequest,
    fieldsOf: (present: JsonObject, body: JsonObject) => JsonObject,
  ) => {
    const {name} = permitted(request, 'storage.buckets.update')
    const conditions = readPreconditions(request.url.searchParams)
    const body = await request.json()
    const changed = await state.write(() => {
      const bucket = buckets.get(name)
      checkForChange(conditions, bucket)
      const fields = writableBucketFields(fieldsOf(bucket.fields, body), bucket.fields)
      return buckets.replaceFields(bucket, {...fields, ...predefinedLists(request, {...bucket, fields})})
    })
    return {json: json(changed, request, true)}
  }

  const lock = async (request: HttpRequest): Promise<HttpResponse> => {
    const {name} = permitted(request, 'storage.buckets.update')
    const conditions = readPreconditions(request.url.searchParams)
    if (conditions.metagenerationMatch === undefined) throw missingParameter('ifMetagenerationMatch')
    const isTest = isOfRetryTest()
    const locked = await state.write(() => {
      const bucket = buckets.get(name)
      checkForChange(conditions, bucket)
      return isTest && bucket.fields['retentionPolicy'] === undefined ? bucket : buckets.lock(bucket)
    })
    return {json: json(locked, request, true)}
  }

  const remove = async (request: HttpRequest): Promise<HttpResponse> => {
    const {name} = permitted(request, 'storage.buckets.delete')
    const conditions = readPreconditions(request.url.searchParams)
    await state.write(() => {
      const bucket = buckets.get(name)
      checkForChange(conditions, bucket)
      removeBucket(name)
    })
    return {status: 204}
  }

  return [
    ['POST', '/b', insert],
    ['GET', '/b', list],
    ['GET', '/b/:bucket', get],
    ['PATCH', '/b/:bucket', (request) => change(request, mergePatch)],
    // The location of a bucket cannot be changed, so it is kept if a full replacement omits it.
    ['PUT', '/b/:bucket', (request) => change(request, keepPlace)],
    ['DELETE', '/b/:bucket', remove],
    ['POST', '/b/:bucket/restore', restore],
    ['POST', '/b/:bucket/lockRetentionPolicy', lock],
    // Terraform requests them before it deletes a bucket; there are none here.
    ['GET', '/b/:bucket/anywhereCaches', () => ({json: {}})],
    ['GET', '/b/:bucket/storageLayout', layout],
    [
      'GET',
      '/projects/:project/serviceAccount',
      ({params, call}) => {
        const project = params['project'] ?? ''
        permissions.requireOnProject(call.principal, 'resourcemanager.projects.get', project)
        return {json: {kind: 'storage#serviceAccount', email_address: agents.storage(project)}}
      },
    ],
  ]
}

function keepPlace(present: JsonObject, body: JsonObject): JsonObject {
  const place = present['location'] === undefined ? {} : {location: present['location']}
  return {...place, ...body}
}
