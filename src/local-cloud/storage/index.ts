import {AsyncLocalStorage} from 'node:async_hooks'
import type {AccessControl, AccountKeys, ServiceAgents} from '../iam/access.ts'
import type {Operations} from '../operations/operations.ts'
import type {Publishing} from '../pubsub/publishing.ts'
import type {State} from '../state/state.ts'
import type {Clock} from '../wire/clock.ts'
import {route, type Route} from '../wire/routes.ts'
import {createAcls, isUniform} from './acl.ts'
import {createAclLists} from './acl-lists.ts'
import {aclRoutes} from './acl-routes.ts'
import {batchRoutes} from './batch-routes.ts'
import {bucketRoutes} from './bucket-routes.ts'
import {type Buckets, createBuckets} from './buckets.ts'
import {bulkRestoreRoutes} from './bulk-restore.ts'
import {composeRoutes} from './compose-routes.ts'
import {copyRoutes} from './copy-routes.ts'
import {allowedPages} from './cors.ts'
import {renderStorageError} from './errors.ts'
import {createFolders} from './folders.ts'
import {formUploads} from './form-uploads.ts'
import {createGenerations} from './generations.ts'
import {createHmacKeys} from './hmac-keys.ts'
import {iamRoutes, initialBindings} from './iam-routes.ts'
import {jsonRoutes, named, partially} from './json-routes.ts'
import {createManagedFolders} from './managed-folders.ts'
import {notificationRoutes} from './notification-routes.ts'
import {createLifecycle} from './lifecycle.ts'
import {createNotifications} from './notifications.ts'
import {createObjectChanges} from './object-changes.ts'
import {objectJson, type RenderObject} from './object-resource.ts'
import {objectRoutes} from './object-routes.ts'
import {createObjects} from './objects.ts'
import {createPartUploads} from './part-uploads.ts'
import {bucketResource, createPermissions} from './permissions.ts'
import {createResumableUploads} from './resumable-uploads.ts'
import {createSignatures} from './signatures.ts'
import {asSigner} from './signed-requests.ts'
import {createSoftDeletedBuckets} from './soft-deleted-buckets.ts'
import {createSoftDeleted} from './soft-deleted.ts'
import type {RetryTests} from './retry-tests.ts'
import {createUploadSessions} from './upload-sessions.ts'
import {createUploads} from './upload-routes.ts'
import {createXmlAcls} from './xml-acl.ts'
import {createXmlBuckets} from './xml-buckets.ts'
import {createXmlObjects} from './xml-objects.ts'
import {createXmlParts} from './xml-parts.ts'
import {xmlRoutes} from './xml-routes.ts'
import {createXmlSubresources} from './xml-subresources.ts'

export {createRetryTests} from './retry-tests.ts'
export {storageSchema} from './schema.ts'

export interface Storage extends AsyncDisposable {
  readonly routes: Route[]
  /**
   * The XML API, `/BUCKET` and `/BUCKET/OBJECT`. They match nearly any path, so they go behind the routes of every other
   * service.
   */
  readonly objectRoutes: Route[]
  /** Whether an object or an unfinished upload refers to a blob, for `Blobs.sweep`. */
  readonly refersTo: (blob: string) => boolean
  /**
   * Begins to do what is due by the clock: lifecycle rules, the end of soft-deleted objects.
   * @param origin what links in events begin with
   */
  start(origin: string): void
  /** How many buckets there are, of all projects. */
  bucketCount(): number
}

/** Cloud Storage of the local cloud: the JSON API and the XML API, as this folder's README lists it. */
export function createStorage({
  state,
  clock,
  access,
  agents,
  keys,
  operations,
  publishing,
  retryTests = {has: () => false},
  report,
}: {
  state: State
  clock: Clock
  access: AccessControl
  agents: ServiceAgents
  /** What signed URLs are checked with. */
  keys: Pick<AccountKeys, 'hasKeys' | 'verify'>
  operations: Operations
  publishing: Publishing
  /** Retention does not hold what their calls delete or replace, and while there are any, notifications need no topic. */
  retryTests?: Pick<RetryTests, 'has'>
  /** Called with errors that no caller sees. */
  report: (error: unknown) => void
}): Storage {
  const nextGeneration = createGenerations({state, clock})
  const buckets = createBuckets({state, clock, nextGeneration})
  const permissions = createPermissions(access, (bucket) => buckets.find(bucket))
  const objects = createObjects(state)
  const softDeleted = createSoftDeleted(state)
  const softDeletedBuckets = createSoftDeletedBuckets({state, clock, access, buckets, objects: softDeleted})
  const notifications = createNotifications({state, clock, access, agents, publishing, retryTests})
  const sessions = createUploadSessions({state, clock})
  const parts = createPartUploads({state, clock})
  const acls = createAcls(agents)
  const retryTestCalls = new AsyncLocalStorage<true>()
  const isOfRetryTest = (): boolean => retryTestCalls.getStore() === true
  const insertBucket: Buckets['insert'] = (given) => {
    const bucket = buckets.insert(given)
    access.startPolicy(bucketResource(bucket.name), initialBindings(bucket))
    return bucket
  }
  const hmacKeys = createHmacKeys({state, clock, permissions})
  const signatures = createSignatures({keys, hmacKeys, clock})
  const managedFolders = createManagedFolders({state, clock, buckets, objects, permissions, access})
  const folders = createFolders({state, clock, buckets, objects, managedFolders, permissions, operations})
  const changes = createObjectChanges({
    state,
    clock,
    buckets,
    objects,
    softDeleted,
    permissions,
    acls,
    notifications,
    folders,
    nextGeneration,
    isOfRetryTest,
  })
  const lists = createAclLists({state, buckets, objects, changes, permissions, acls})
  const render: RenderObject = (object, origin, withAcl = false) => {
    const bucket = buckets.find(object.bucket)
    const json = objectJson(object, origin, bucket)
    if (!withAcl || bucket === undefined || isUniform(bucket.fields)) return json
    const entries = acls.entries('object', bucket, object)
    const owner = {entity: entries.find(({role}) => role === 'OWNER')?.entity}
    return {...json, acl: entries.map((entry) => acls.json('object', entry, {bucket, object, origin})), owner}
  }
  const resumable = createResumableUploads({state, clock, sessions, objects, changes, render})
  const uploads = createUploads({blobs: state.blobs, changes, resumable, render, isOfRetryTest})
  const stored = objectRoutes({
    state,
    clock,
    buckets,
    objects,
    softDeleted,
    changes,
    permissions,
    acls,
    managedFolders,
    folders,
    render,
  })
  const lifecycle = createLifecycle({
    state,
    clock,
    buckets,
    objects,
    softDeleted,
    softDeletedBuckets,
    parts,
    changes,
    report,
  })

  const xmlObjects = createXmlObjects({state, buckets, objects, changes, permissions, resumable})
  const xmlParts = createXmlParts({state, buckets, changes, permissions, uploads: parts})
  const removeBucket = (name: string): void => {
    const bucket = buckets.get(name)
    folders.checkNone(name)
    buckets.remove(bucket)
    softDeletedBuckets.keep(bucket)
    forget(name)
    access.dropPolicy(bucketResource(name))
  }
  const xmlBuckets = createXmlBuckets({
    state,
    buckets,
    objects,
    changes,
    permissions,
    insertBucket,
    removeBucket,
  })

  const forget = (bucket: string): void => {
    notifications.forget(bucket)
    sessions.cancelOfBucket(bucket)
    softDeleted.giveUp(bucket)
    managedFolders.forget(bucket)
    // Their bytes go with the next sweep.
    for (const {id} of parts.list(bucket)) parts.remove(id)
  }
  const uploadPaths = ['/upload/storage/v1/b/:bucket/o', '/resumable/upload/storage/v1/b/:bucket/o']
  const json = jsonRoutes([
    // Most requests are for these, and the first routes are found first.
    ...stored.json,
    ...bucketRoutes({
      state,
      buckets,
      softDeleted: softDeletedBuckets,
      permissions,
      acls,
      agents,
      insertBucket,
      removeBucket,
      isOfRetryTest,
    }),
    ...aclRoutes({lists, acls}),
    ...hmacKeys.routes,
    ...managedFolders.routes,
    ...folders.routes,
    ...iamRoutes({buckets, managedFolders, permissions, access}),
    ...notificationRoutes({state, buckets, permissions, notifications}),
    ...bulkRestoreRoutes({clock, buckets, softDeleted, changes, permissions, operations}),
    ...copyRoutes({buckets, objects, changes, permissions, render}),
    ...composeRoutes({blobs: state.blobs, buckets, objects, changes, permissions, render}),
  ])
  const allowPage = allowedPages(buckets)
  const forPages = (routes: readonly Route[]): Route[] =>
    routes.map((each) => ({
      ...each,
      allowPage,
      handle(request) {
        const id = request.headers['x-retry-test-id']
        return typeof id === 'string' && retryTests.has(id)
          ? retryTestCalls.run(true, () => each.handle(request))
          : each.handle(request)
      },
    }))
  return {
    routes: forPages([
      ...json,
      ...batchRoutes(json),
      ...uploadPaths.flatMap((path) => [
        named('storage.objects.insert', route('POST', path, partially(uploads.post), renderStorageError)),
        named('storage.objects.insert', route('PUT', path, partially(uploads.put), renderStorageError)),
        named('storage.objects.insert', route('DELETE', path, uploads.remove, renderStorageError)),
      ]),
      ...['GET', 'HEAD'].map((method) =>
        named(
          'storage.objects.get',
          route(method, '/download/storage/v1/b/:bucket/o/:object', stored.download),
        ),
      ),
    ]),
    objectRoutes: forPages(
      xmlRoutes({
        asSigner: (request) => asSigner(request, {signatures, clock}),
        objects: xmlObjects,
        parts: xmlParts,
        buckets: xmlBuckets,
        acl: createXmlAcls({lists, acls}),
        subresource: createXmlSubresources({state, buckets, permissions}),
        form: formUploads({state, changes, signatures}),
      }),
    ),
    refersTo: (blob) => objects.refersTo(blob) || sessions.refersTo(blob) || parts.refersTo(blob),
    bucketCount: () => buckets.count(),
    start: (origin) => lifecycle.start(origin),
    async [Symbol.asyncDispose]() {
      await lifecycle[Symbol.asyncDispose]()
      await resumable[Symbol.asyncDispose]()
    },
  }
}
