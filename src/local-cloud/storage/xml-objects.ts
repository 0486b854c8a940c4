import type {IncomingHttpHeaders} from 'node:http'
import type {State} from '../state/state.ts'
import type {HttpRequest, HttpResponse} from '../wire/routes.ts'
import type {Buckets} from './buckets.ts'
import {checkChecksums, checksumsOfHeaders} from './checksums.ts'
import {downloadObject} from './download.ts'
import {checkKey} from './encryption.ts'
import {conditionNotMet, invalid, notModified} from './errors.ts'
import type {ObjectChanges} from './object-changes.ts'
import {contentOfBlob, contentOfObject, inheritedFields} from './object-draft.ts'
import type {StoredObject} from './stored-object.ts'
import type {Objects} from './objects.ts'
import type {Permissions} from './permissions.ts'
import {checkForChange, checkForRead, preconditionsOfHeaders, readPreconditions} from './preconditions.ts'
import {wholeNumber} from './query.ts'
import type {ResumableUploads} from './resumable-uploads.ts'
import {receive} from './upload-routes.ts'
import {element, xmlAnswer, type XmlHandler} from './xml.ts'
import {
  draftOfHeaders,
  extension,
  fieldsOfHeaders,
  metadataHeaders,
  storedHeaders,
  xmlEtag,
} from './xml-headers.ts'

export interface XmlObjects {
  readonly get: XmlHandler
  readonly put: XmlHandler
  readonly remove: XmlHandler
  readonly startResumable: XmlHandler
}

/** Objects in the XML API: https://cloud.google.com/storage/docs/xml-api/reference-methods */
export function createXmlObjects({
  state,
  buckets,
  objects,
  changes,
  permissions,
  resumable,
}: {
  state: State
  buckets: Buckets
  objects: Objects
  changes: ObjectChanges
  permissions: Permissions
  resumable: ResumableUploads
}): XmlObjects {
  const conditionsOf = ({url, headers}: HttpRequest) => ({
    ...readPreconditions(url.searchParams),
    ...preconditionsOfHeaders(headers),
  })

  const get: XmlHandler = (request) => {
    const {params, url, headers, call} = request
    const bucket = buckets.get(params['bucket'] ?? '').name
    permissions.requireOnObjects(call.principal, 'storage.objects.get', bucket, params['object'])
    const generation = wholeNumber(url.searchParams, 'generation')
    const object = objects.get(bucket, params['object'] ?? '', generation)
    checkForRead(conditionsOf(request), object)
    checkHttpConditions(headers, object)
    checkKey(object, headers)
    const answer = downloadObject(state.blobs, object, headers)
    return {
      ...answer,
      headers: {...answer.headers, ...metadataHeaders(object, headers), etag: xmlEtag(object)},
    }
  }

  const put: XmlHandler = (request) => {
    const {url, headers} = request
    if (url.searchParams.has('upload_id')) return continueResumable(request)
    const source = extension(headers, 'copy-source')
    return source === undefined ? upload(request) : copy(request, source)
  }

  const upload = async (request: HttpRequest): Promise<HttpResponse> => {
    const draft = draftOfHeaders(request, fieldsOfHeaders(request.headers))
    changes.checkDraft(draft)
    const blob = await receive(state.blobs, request.stream)
    try {
      checkChecksums(checksumsOfHeaders(request.headers), blob)
      return {headers: storedHeaders(await changes.store(draft, () => contentOfBlob(blob)))}
    } catch (error) {
      await state.blobs.remove(blob.id)
      throw error
    }
  }

  const copy = async (request: HttpRequest, from: string): Promise<HttpResponse> => {
    const {headers, call} = request
    const [path = '', query = ''] = decodeURIComponent(from).replace(/^\//, '').split('?generation=')
    const slash = path.indexOf('/')
    if (slash < 1) throw invalid(`Invalid copy source: '${from}' is not BUCKET/OBJECT.`)
    const source = buckets.get(path.slice(0, slash)).name
    permissions.requireOnObjects(call.principal, 'storage.objects.get', source, path.slice(slash + 1))
    const conditions = preconditionsOfHeaders(headers, 'copy-source-')
    const generation = Number(extension(headers, 'copy-source-generation') ?? query)
    const find = (): StoredObject => {
      const object = objects.get(source, path.slice(slash + 1), generation === 0 ? undefined : generation)
      checkForChange(conditions, object)
      checkKey(object, headers, 'copy-source-')
      return object
    }
    const replaces = extension(headers, 'metadata-directive')?.toUpperCase() === 'REPLACE'
    const storageClass = extension(headers, 'storage-class')
    const fields = replaces
      ? fieldsOfHeaders(headers)
      : {...inheritedFields(find()), ...(storageClass === undefined ? {} : {storageClass})}
    const stored = await changes.store(draftOfHeaders(request, fields), () => contentOfObject(find()))
    const answer = xmlAnswer('CopyObjectResult', [
      element('ETag', xmlEtag(stored)),
      element('LastModified', new Date(stored.updated).toISOString()),
    ])
    return {...answer, headers: {...answer.headers, ...storedHeaders(stored)}}
  }

  const remove: XmlHandler = async (request) => {
    const {params, url, call} = request
    if (url.searchParams.has('upload_id')) return resumable.cancel(request)
    const bucket = buckets.get(params['bucket'] ?? '').name
    permissions.requireOnObjects(call.principal, 'storage.objects.delete', bucket, params['object'])
    await changes.remove({
      bucket,
      name: params['object'] ?? '',
      generation: wholeNumber(url.searchParams, 'generation'),
      preconditions: conditionsOf(request),
      origin: call.origin,
    })
    return {status: 204}
  }

  const startResumable: XmlHandler = async (request) => {
    const {url, headers, call} = request
    const draft = draftOfHeaders(request, fieldsOfHeaders(headers))
    changes.checkDraft(draft)
    const id = await resumable.start({draft, checksums: checksumsOfHeaders(headers), total: undefined})
    const query = new URLSearchParams({upload_id: id})
    return {
      status: 201,
      headers: {location: `${call.origin}${url.pathname}?${query.toString()}`, 'x-guploader-uploadid': id},
    }
  }

  /** The XML API answers with headers alone. */
  const continueResumable = async (request: HttpRequest): Promise<HttpResponse> => {
    const {status = 200, headers = {}, json} = await resumable.receive(request)
    if (json === undefined || status !== 200) return {status, headers}
    return {
      status,
      headers: {
        ...headers,
        ...storedHeaders(objects.get(request.params['bucket'] ?? '', request.params['object'] ?? '')),
      },
    }
  }

  return {get, put, remove, startResumable}
}

/**
 * The conditions of HTTP itself (RFC 9110, 13).
 * @throws StorageError 304, 412
 */
function checkHttpConditions(headers: IncomingHttpHeaders, object: StoredObject): void {
  const etag = xmlEtag(object)
  const seconds = Math.floor(object.updated / 1000) * 1000
  const names = (list: string): boolean =>
    list.split(',').some((each) => ['*', etag, etag.replaceAll('"', '')].includes(each.trim()))
  const match = headers['if-match']
  const noneMatch = headers['if-none-match']
  const unmodified = Date.parse(headers['if-unmodified-since'] ?? '')
  const modified = Date.parse(headers['if-modified-since'] ?? '')
  if (match === undefined ? seconds > unmodified : !names(match)) throw conditionNotMet()
  if (noneMatch === undefined ? seconds <= modified : names(noneMatch)) throw notModified(etag)
}
