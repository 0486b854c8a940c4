import type {Operations} from '../operations/operations.ts'
import type {Clock} from '../wire/clock.ts'
import type {JsonObject} from '../wire/json.ts'
import type {HttpRequest} from '../wire/routes.ts'
import type {Bucket} from './bucket.ts'
import type {Buckets} from './buckets.ts'
import {invalid, objectNotFound, StorageError, toStorageError} from './errors.ts'
import {globMatcher} from './glob.ts'
import type {JsonRoute} from './json-routes.ts'
import type {ObjectChanges} from './object-changes.ts'
import {contentOfObject, restoredFields} from './object-draft.ts'
import {operationJson} from './operation-resource.ts'
import {bucketResource, type Permissions} from './permissions.ts'
import {requireSoftDelete, type SoftDeletedObjects} from './soft-deleted.ts'
import type {StoredObject} from './stored-object.ts'

const PAGE = 1000
const TYPE = 'google.storage.control.v2.BulkRestoreObjectsMetadata'

/**
 * Restores the soft-deleted objects of a bucket that match, of each name the last one:
 * https://cloud.google.com/storage/docs/json_api/v1/objects/bulkRestore
 */
export function bulkRestoreRoutes({
  clock,
  buckets,
  softDeleted,
  changes,
  permissions,
  operations,
}: {
  clock: Clock
  buckets: Buckets
  softDeleted: SoftDeletedObjects
  changes: ObjectChanges
  permissions: Permissions
  operations: Operations
}): JsonRoute[] {
  function* lastOfEachName(
    bucket: string,
    matches: (object: StoredObject) => boolean,
  ): Generator<StoredObject> {
    const now = clock.now()
    let last: StoredObject | undefined
    let range = {from: '', generation: 0, to: undefined}
    for (;;) {
      const page = softDeleted.page(bucket, range, PAGE, now)
      for (const object of page) {
        range = {...range, from: object.name, generation: object.generation + 1}
        if (!matches(object)) continue
        if (last !== undefined && last.name !== object.name) yield last
        last = object
      }
      if (page.length < PAGE) break
    }
    if (last !== undefined) yield last
  }

  const start = async ({params, call, json}: HttpRequest) => {
    const {principal, origin} = call
    const bucket = permitted(params, principal, 'storage.buckets.restore')
    permissions.requireOnObjects(principal, 'storage.objects.restore', bucket.name)
    requireSoftDelete(bucket)
    const body = await json()
    const matches = matcherOf(body)
    const {allowOverwrite, copySourceAcl} = body
    const preconditions = allowOverwrite === true ? {} : {generationMatch: 0}

    const restore = async (object: StoredObject): Promise<void> => {
      const {name, generation} = object
      const acl = copySourceAcl === true ? object.fields['acl'] : undefined
      const fields = {...restoredFields(object), ...(acl === undefined ? {} : {acl})}
      await changes.store({bucket: bucket.name, name, fields, preconditions, principal, origin}, () => {
        const found = softDeleted.find(bucket.name, name, generation, clock.now())
        if (found === undefined) throw objectNotFound(bucket.name, name)
        return contentOfObject(found)
      })
    }

    const begun = new Date(clock.now()).toISOString()
    const described = (counts: object, ended = {}): object => ({
      commonMetadata: {
        createTime: begun,
        updateTime: new Date(clock.now()).toISOString(),
        ...ended,
        type: 'bulk-restore-objects',
        requestedCancellation: false,
        progressPercent: -1,
      },
      ...counts,
    })
    const work = async (): Promise<object> => {
      const counts = {succeededCount: 0, skippedCount: 0, failedCount: 0}
      for (const object of lastOfEachName(bucket.name, matches)) {
        const outcome = await restore(object).then(
          () => 'succeededCount' as const,
          (error: unknown) => (toStorageError(error).code === 412 ? 'skippedCount' : 'failedCount'),
        )
        counts[outcome]++
      }
      const texts = Object.entries(counts).map(([name, count]) => [name, String(count)])
      return described(Object.fromEntries(texts), {endTime: new Date(clock.now()).toISOString()})
    }
    const parent = bucketResource(bucket.name)
    const operation = {parent, type: TYPE, metadata: described({}), answerAtOnce: true}
    return {json: operationJson(await operations.run(operation, work), origin)}
  }

  const permitted = (
    params: Readonly<Record<string, string>>,
    principal: HttpRequest['call']['principal'],
    permission: string,
  ): Bucket => {
    const bucket = buckets.get(params['bucket'] ?? '')
    permissions.requireOnBucket(principal, permission, bucket.name)
    return bucket
  }

  return [
    ['POST', '/b/:bucket/o/bulkRestore', start],
    [
      'GET',
      '/b/:bucket/operations',
      ({params, call}) => {
        const {name} = permitted(params, call.principal, 'storage.buckets.get')
        const items = operations.ofParent(bucketResource(name))
        return {
          json: {
            kind: 'storage#operations',
            operations: items.map((operation) => operationJson(operation, call.origin)),
          },
        }
      },
    ],
    [
      'GET',
      '/b/:bucket/operations/:operation',
      ({params, call}) => {
        const parent = bucketResource(permitted(params, call.principal, 'storage.buckets.get').name)
        const name = `${parent}/operations/${params['operation']}`
        const operation = operations.ofParent(parent).find((each) => each.name === name)
        if (operation === undefined)
          throw new StorageError(404, 'notFound', `The operation ${name} does not exist.`)
        return {json: operationJson(operation, call.origin)}
      },
    ],
  ]
}

/** Whether an object is one of those that a body asks for. @throws StorageError 400 */
function matcherOf(body: JsonObject): (object: StoredObject) => boolean {
  const {matchGlobs = []} = body
  if (!Array.isArray(matchGlobs)) throw invalid('Invalid matchGlobs: it is not a list of globs.')
  const globs = matchGlobs.map((glob) => globMatcher(String(glob)))
  const time = (name: string, otherwise: number): number => {
    const given = body[name]
    const at = given === undefined ? otherwise : Date.parse(typeof given === 'string' ? given : '')
    if (Number.isNaN(at)) throw invalid(`Invalid ${name}: ${JSON.stringify(given)} is not a time.`)
    return at
  }
  const deletedAfter = time('softDeletedAfterTime', -Infinity)
  const deletedBefore = time('softDeletedBeforeTime', Infinity)
  const createdAfter = time('createdAfterTime', -Infinity)
  const createdBefore = time('createdBeforeTime', Infinity)
  return ({name, timeCreated, softDeleted: {at} = {at: 0}}) =>
    (globs.length === 0 || globs.some((matches) => matches(name))) &&
    at > deletedAfter &&
    at < deletedBefore &&
    timeCreated > createdAfter &&
    timeCreated < createdBefore
}
