import type {Readable} from 'node:stream'
import type {BlobInfo, Blobs, BlobWriter} from '../state/blobs.ts'
import {isJsonObject, type JsonObject} from '../wire/json.ts'
import type {HttpRequest, HttpResponse} from '../wire/routes.ts'
import type {Buckets} from './buckets.ts'
import {checkKey} from './encryption.ts'
import {conditionNotMet, invalid, missingParameter} from './errors.ts'
import type {JsonRoute} from './json-routes.ts'
import {checkObjectName} from './names.ts'
import type {ObjectChanges} from './object-changes.ts'
import {type Content, contentOfBlob, draftOptions} from './object-draft.ts'
import {type RenderObject, writableObjectFields} from './object-resource.ts'
import type {StoredObject} from './stored-object.ts'
import type {Objects} from './objects.ts'
import type {Permissions} from './permissions.ts'
import {readPreconditions} from './preconditions.ts'

/** https://cloud.google.com/storage/quotas#objects */
const MAX_SOURCES = 32

/** Objects put together from others: https://cloud.google.com/storage/docs/json_api/v1/objects/compose */
export function composeRoutes({
  blobs,
  buckets,
  objects,
  changes,
  permissions,
  render,
}: {
  blobs: Blobs
  buckets: Buckets
  objects: Objects
  changes: ObjectChanges
  permissions: Permissions
  render: RenderObject
}): JsonRoute[] {
  const compose = async (request: HttpRequest): Promise<HttpResponse> => {
    const {params, url, call} = request
    const body = await request.json()
    const bucket = buckets.get(params['bucket'] ?? '').name
    const name = params['object'] ?? ''
    checkObjectName(name)
    const named = sourcesOf(body)
    const deletes = body['deleteSourceObjects'] === true
    for (const permission of ['storage.objects.get', ...(deletes ? ['storage.objects.delete'] : [])])
      for (const source of named)
        permissions.requireOnObjects(call.principal, permission, bucket, String(source['name']))
    const destination = isJsonObject(body['destination']) ? body['destination'] : {}
    const draft = {
      bucket,
      name,
      ...draftOptions(request, writableObjectFields(destination), {
        predefinedAcl: 'destinationPredefinedAcl',
        kmsKeyName: 'kmsKeyName',
      }),
      preconditions: readPreconditions(url.searchParams),
      principal: call.principal,
      origin: call.origin,
    }
    changes.checkDraft(draft)
    const sources = named.map((source) => findSource(objects, bucket, source))
    for (const source of sources) checkKey(source, request.headers)
    const blob = await concatenate(blobs, sources, call.signal)
    const componentCount = sources.reduce((sum, source) => sum + (source.componentCount ?? 1), 0)
    try {
      // Google computes no MD5 of what it has only put together.
      const content = (): Content => ({...contentOfBlob(blob), md5: undefined, componentCount})
      const stored = await (deletes
        ? changes.storeInPlaceOf(sources, draft, content)
        : changes.store(draft, content))
      return {json: render(stored, call.origin)}
    } catch (error) {
      await blobs.remove(blob.id)
      throw error
    }
  }
  return [['POST', '/b/:bucket/o/:object/compose', compose]]
}

function sourcesOf(body: JsonObject): JsonObject[] {
  const sources: unknown = body['sourceObjects']
  if (!Array.isArray(sources) || sources.length === 0) throw missingParameter('sourceObjects')
  if (sources.length > MAX_SOURCES) {
    throw invalid(
      `The number of source components provided (${sources.length}) exceeds the maximum (${MAX_SOURCES}).`,
    )
  }
  return sources.map((source: unknown) => {
    if (!isJsonObject(source)) throw invalid('Invalid sourceObjects: each is an object with a name.')
    return source
  })
}

/** @throws StorageError 400, 404, 412 */
function findSource(objects: Objects, bucket: string, source: JsonObject): StoredObject {
  const {name, objectPreconditions: conditions} = source
  // Google's client for Python writes null if there is none.
  const generation = source['generation'] ?? undefined
  if (typeof name !== 'string') throw missingParameter('sourceObjects.name')
  const object = objects.get(bucket, name, generation === undefined ? undefined : Number(generation))
  const wanted = isJsonObject(conditions) ? (conditions['ifGenerationMatch'] ?? undefined) : undefined
  if (wanted !== undefined && Number(wanted) !== object.generation) throw conditionNotMet()
  return object
}

/**
 * Copies the bytes one after another. All files are opened first, so a deletion cannot interfere.
 * @throws the reason of `signal` once its caller has left: nothing of it is kept
 */
export async function concatenate(
  blobs: Blobs,
  sources: readonly {blob: string}[],
  signal: AbortSignal,
): Promise<BlobInfo> {
  const streams: Readable[] = []
  let writer: BlobWriter | undefined
  try {
    for (const {blob} of sources) streams.push(blobs.read(blob))
    writer = await blobs.create()
    for (const stream of streams) {
      for await (const chunk of stream) {
        signal.throwIfAborted()
        await writer.write(chunk)
      }
    }
    signal.throwIfAborted()
    return await writer.finish()
  } catch (error) {
    await writer?.discard()
    throw error
  } finally {
    for (const stream of streams) stream.destroy()
  }
}
