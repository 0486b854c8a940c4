import type {JsonObject} from '../wire/json.ts'
import type {HttpRequest, HttpResponse} from '../wire/routes.ts'
import type {Buckets} from './buckets.ts'
import {checkKey, keptEncryption} from './encryption.ts'
import {invalid} from './errors.ts'
import type {JsonRoute} from './json-routes.ts'
import {checkObjectName} from './names.ts'
import type {ObjectChanges} from './object-changes.ts'
import {contentOfObject, draftOptions, inheritedFields} from './object-draft.ts'
import {type RenderObject, writableObjectFields} from './object-resource.ts'
import {storageClassOf, type StoredObject} from './stored-object.ts'
import type {Objects} from './objects.ts'
import type {Permissions} from './permissions.ts'
import {checkForChange, readPreconditions} from './preconditions.ts'
import {wantsAcl, wholeNumber} from './query.ts'

const BYTES_PER_MIB = 1024 * 1024
const OPTIONS = {predefinedAcl: 'destinationPredefinedAcl', kmsKeyName: 'destinationKmsKeyName'}

/**
 * Copies of objects: https://cloud.google.com/storage/docs/json_api/v1/objects/rewrite
 * Bytes are shared with the source, so every rewrite finishes in one call.
 */
export function copyRoutes({
  buckets,
  objects,
  changes,
  permissions,
  render,
}: {
  buckets: Buckets
  objects: Objects
  changes: ObjectChanges
  permissions: Permissions
  render: RenderObject
}): JsonRoute[] {
  const copy = async (request: HttpRequest): Promise<StoredObject> => {
    const {params, url, call} = request
    const query = url.searchParams
    const source = buckets.get(params['bucket'] ?? '').name
    permissions.requireOnObjects(call.principal, 'storage.objects.get', source, params['object'])
    const conditions = readPreconditions(query, 'Source')
    const generation = wholeNumber(query, 'sourceGeneration')
    const find = (): StoredObject => {
      const object = objects.get(source, params['object'] ?? '', generation)
      checkForChange(conditions, object)
      checkKey(object, request.headers, 'copy-source-')
      return object
    }
    const name = params['destination'] ?? ''
    checkObjectName(name)
    const body = await request.json()
    // Given metadata replaces all of the source's; Google falls back only if none is given.
    const given = writableObjectFields(body)
    const fields = Object.keys(given).length > 0 ? given : inheritedFields(find())
    const draft = {
      bucket: params['target'] ?? '',
      name,
      ...draftOptions(request, fields, OPTIONS),
      preconditions: readPreconditions(query),
      principal: call.principal,
      origin: call.origin,
    }
    return changes.store(draft, () => contentOfObject(find()))
  }

  /** A rename within a bucket, in one transaction: https://cloud.google.com/storage/docs/json_api/v1/objects/move */
  const move = async (request: HttpRequest): Promise<HttpResponse> => {
    const {params, url, call} = request
    const bucket = buckets.get(params['bucket'] ?? '').name
    permissions.requireOnObjects(call.principal, 'storage.objects.move', bucket, params['object'])
    const conditions = readPreconditions(url.searchParams, 'Source')
    const name = params['destination'] ?? ''
    checkObjectName(name)
    const source = objects.get(bucket, params['object'] ?? '')
    if (name === source.name) throw invalid('The object already has the name to which it is to be moved.')
    const stored = await changes.move(
      {
        bucket,
        name,
        fields: {...inheritedFields(source), ...keptEncryption(source), storageClass: storageClassOf(source)},
        preconditions: readPreconditions(url.searchParams),
        principal: call.principal,
        origin: call.origin,
      },
      {
        bucket,
        name: source.name,
        generation: undefined,
        preconditions: {...conditions, generationMatch: conditions.generationMatch ?? source.generation},
        origin: call.origin,
      },
    )
    return {json: json(request, stored)}
  }

  const json = ({url, call}: HttpRequest, object: StoredObject): JsonObject =>
    render(object, call.origin, wantsAcl(url.searchParams, false))

  return [
    ['POST', '/b/:bucket/o/:object/moveTo/o/:destination', move],
    [
      'POST',
      '/b/:bucket/o/:object/copyTo/b/:target/o/:destination',
      async (request) => ({json: json(request, await copy(request))}),
    ],
    [
      'POST',
      '/b/:bucket/o/:object/rewriteTo/b/:target/o/:destination',
      async (request) => {
        const most = wholeNumber(request.url.searchParams, 'maxBytesRewrittenPerCall') ?? 0
        if (most % BYTES_PER_MIB !== 0)
          throw invalid(`Invalid value for maxBytesRewrittenPerCall: ${most} is not a multiple of 1 MiB.`)
        const stored = await copy(request)
        const size = String(stored.sizeBytes)
        return {
          json: {
            kind: 'storage#rewriteResponse',
            totalBytesRewritten: size,
            objectSize: size,
            done: true,
            resource: json(request, stored),
          },
        }
      },
    ],
  ]
}
