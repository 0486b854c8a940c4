import type {AccessControl, ServiceAgents} from '../iam/access.ts'
import type {Publishing} from '../pubsub/publishing.ts'
import type {State} from '../state/state.ts'
import type {Clock} from '../wire/clock.ts'
import {route, type Route} from '../wire/routes.ts'
import {bucketRoutes} from './bucket-routes.ts'
import {createBuckets} from './buckets.ts'
import {composeRoutes} from './compose-routes.ts'
import {copyRoutes} from './copy-routes.ts'
import {renderStorageError} from './errors.ts'
import {createGenerations} from './generations.ts'
import {iamRoutes} from './iam-routes.ts'
import {jsonRoutes, named} from './json-routes.ts'
import {notificationRoutes} from './notification-routes.ts'
import {createNotifications} from './notifications.ts'
import {createObjectChanges} from './object-changes.ts'
import {objectRoutes} from './object-routes.ts'
import {createObjects} from './objects.ts'
import {createPermissions} from './permissions.ts'
import {createResumableUploads} from './resumable-uploads.ts'
import {createUploadSessions} from './upload-sessions.ts'
import {createUploads} from './upload-routes.ts'

export {retryTestRoutes} from './retry-tests.ts'
export {storageSchema} from './schema.ts'

export interface Storage extends AsyncDisposable {
  readonly routes: Route[]
  /**
   * Reads of the XML API, `/BUCKET/OBJECT`. They match nearly any path, so they go behind the routes of every other
   * service.
   */
  readonly objectRoutes: Route[]
  /** Whether an object or an unfinished upload refers to a blob, for `Blobs.sweep`. */
  readonly refersTo: (blob: string) => boolean
  /** How many buckets there are, of all projects. */
  bucketCount(): number
}

/** `/BUCKET/OBJECT`; a path that begins like an API is not one, so an unserved call is reported as such. */
const XML_OBJECT =
  /^\/(?!(?:apis|batch|compute|download|resumable|storage|upload|v\d\w*)\/)(?<bucket>[a-z0-9][a-z0-9._-]+[a-z0-9])\/(?<object>.+)$/

/** Cloud Storage of the local cloud: the JSON API, as this folder's README lists it. */
export function createStorage({
  state,
  clock,
  access,
  agents,
  publishing,
}: {
  state: State
  clock: Clock
  access: AccessControl
  agents: ServiceAgents
  publishing: Publishing
}): Storage {
  const nextGeneration = createGenerations({state, clock})
  const buckets = createBuckets({state, clock, nextGeneration})
  const permissions = createPermissions(access, (bucket) => buckets.find(bucket)?.project)
  const objects = createObjects(state)
  const notifications = createNotifications({state, clock, access, agents, publishing})
  const sessions = createUploadSessions({state, clock})
  const changes = createObjectChanges({
    state,
    clock,
    buckets,
    objects,
    permissions,
    notifications,
    nextGeneration,
  })
  const resumable = createResumableUploads({state, clock, sessions, objects, changes})
  const uploads = createUploads({blobs: state.blobs, changes, resumable})
  const stored = objectRoutes({state, buckets, objects, changes, permissions})

  const forget = (bucket: string): void => {
    notifications.forget(bucket)
    sessions.cancelOfBucket(bucket)
  }
  const uploadPaths = ['/upload/storage/v1/b/:bucket/o', '/resumable/upload/storage/v1/b/:bucket/o']
  return {
    routes: [
      ...jsonRoutes([
        ...bucketRoutes({state, buckets, permissions, access, agents, forget}),
        ...iamRoutes({buckets, permissions, access}),
        ...notificationRoutes({state, buckets, permissions, notifications}),
        ...stored.json,
        ...copyRoutes({buckets, objects, changes, permissions}),
        ...composeRoutes({blobs: state.blobs, buckets, objects, changes, permissions}),
      ]),
      ...uploadPaths.flatMap((path) => [
        named('storage.objects.insert', route('POST', path, uploads.post, renderStorageError)),
        named('storage.objects.insert', route('PUT', path, uploads.put, renderStorageError)),
        named('storage.objects.insert', route('DELETE', path, uploads.remove, renderStorageError)),
      ]),
      named('storage.objects.get', route('GET', '/download/storage/v1/b/:bucket/o/:object', stored.download)),
    ],
    objectRoutes: ['GET', 'HEAD'].map((method) =>
      named('storage.objects.get', {method, pattern: XML_OBJECT, handle: stored.download}),
    ),
    refersTo: (blob) => objects.refersTo(blob) || sessions.refersTo(blob),
    bucketCount: () => buckets.count(),
    [Symbol.asyncDispose]: () => resumable[Symbol.asyncDispose](),
  }
}
