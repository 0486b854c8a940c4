import type {Readable} from 'node:stream'
import type {BlobInfo, Blobs, BlobWriter} from '../state/blobs.ts'
import {SMALL_BYTES} from '../state/small-blobs.ts'
import type {JsonObject} from '../wire/json.ts'
import type {HttpRequest, HttpResponse} from '../wire/routes.ts'
import {checkChecksums, checksumsOfHeaders, checksumsOfMetadata, type Checksums} from './checksums.ts'
import {chunksOf, takeChunks} from './chunks.ts'
import {invalid, missingParameter} from './errors.ts'
import {boundaryOf, readRelatedParts} from './multipart.ts'
import {checkObjectName} from './names.ts'
import type {ObjectChanges} from './object-changes.ts'
import {contentOfBlob, draftOptions, type ObjectDraft} from './object-draft.ts'
import {type RenderObject, writableObjectFields} from './object-resource.ts'
import {readPreconditions} from './preconditions.ts'
import {wantsAcl} from './query.ts'
import type {ResumableUploads} from './resumable-uploads.ts'

/** Uploads: https://cloud.google.com/storage/docs/json_api/v1/objects/insert */
export function createUploads({
  blobs,
  changes,
  resumable,
  render,
  isOfRetryTest,
}: {
  blobs: Blobs
  changes: ObjectChanges
  resumable: ResumableUploads
  render: RenderObject
  /** Whether the current call is a retry test's: Google's begin resumable uploads that could not end. */
  isOfRetryTest: () => boolean
}): {post: Handler; put: Handler; remove: Handler} {
  const uploadMedia: Handler = async (request) => {
    const contentType = request.headers['content-type']
    const contentEncoding = request.url.searchParams.get('contentEncoding')
    const metadata = {
      ...(contentType === undefined ? {} : {contentType}),
      ...(contentEncoding === null ? {} : {contentEncoding}),
    }
    const draft = draftOf(request, metadata)
    changes.checkDraft(draft)
    const blob = await receive(blobs, request.stream)
    return finish(request, draft, blob, checksumsOfHeaders(request.headers))
  }

  const uploadMultipart: Handler = async (request) => {
    const boundary = boundaryOf(request.headers['content-type'], 'multipart/related', 'multipart/form-data')
    const {metadata, contentType, content} = await readRelatedParts(chunksOf(request.stream), boundary)
    const draft = draftOf(request, {...(contentType === undefined ? {} : {contentType}), ...metadata})
    changes.checkDraft(draft)
    const blob = await receive(blobs, content)
    const expected = {...checksumsOfHeaders(request.headers), ...checksumsOfMetadata(metadata)}
    return finish(request, draft, blob, expected)
  }

  const finish = async (
    {url}: HttpRequest,
    draft: ObjectDraft,
    blob: BlobInfo,
    expected: Checksums,
  ): Promise<HttpResponse> => {
    try {
      checkChecksums(expected, blob)
      const stored = await changes.store(draft, () => contentOfBlob(blob))
      return {
        json: render(stored, draft.origin, wantsAcl(url.searchParams, draft.fields['acl'] !== undefined)),
      }
    } catch (error) {
      await blobs.remove(blob.id)
      throw error
    }
  }

  const startResumable: Handler = async (request) => {
    const metadata = await request.json()
    const {headers, url, call} = request
    const contentType = headers['x-upload-content-type']
    const draft = draftOf(request, {...(typeof contentType === 'string' ? {contentType} : {}), ...metadata})
    changes.checkDraft(isOfRetryTest() ? {...draft, preconditions: {}} : draft)
    const id = await resumable.start({
      draft,
      checksums: {...checksumsOfHeaders(headers), ...checksumsOfMetadata(metadata)},
      total: declaredLength(headers['x-upload-content-length']),
    })
    const query = new URLSearchParams({uploadType: 'resumable', name: draft.name, upload_id: id})
    return {
      headers: {location: `${call.origin}${url.pathname}?${query.toString()}`, 'x-guploader-uploadid': id},
    }
  }

  return {
    post(request) {
      const query = request.url.searchParams
      if (query.has('upload_id')) return resumable.receive(request)
      const type = query.get('uploadType') ?? ''
      if (type === 'media') return uploadMedia(request)
      if (type === 'multipart') return uploadMultipart(request)
      if (type === 'resumable') return startResumable(request)
      throw type === '' ? missingParameter('uploadType') : invalid(`Invalid upload type: '${type}'`)
    },
    put(request) {
      if (!request.url.searchParams.has('upload_id')) throw missingParameter('upload_id')
      return resumable.receive(request)
    },
    remove(request) {
      if (!request.url.searchParams.has('upload_id')) throw missingParameter('upload_id')
      return resumable.cancel(request)
    },
  }
}

type Handler = (request: HttpRequest) => Promise<HttpResponse>

function draftOf(request: HttpRequest, metadata: JsonObject): ObjectDraft {
  const {call, params, url} = request
  const name = url.searchParams.get('name') ?? metadata['name']
  if (typeof name !== 'string') throw missingParameter('name')
  checkObjectName(name)
  // Decoding replaces invalid bytes with this character, so different names would collide.
  if (name.includes('\uFFFD') && !/%EF%BF%BD/i.test(url.search) && metadata['name'] !== name)
    throw invalid('The object name is not valid UTF-8.')
  return {
    bucket: params['bucket'] ?? '',
    name,
    ...draftOptions(request, writableObjectFields(metadata)),
    preconditions: readPreconditions(url.searchParams),
    principal: call.principal,
    origin: call.origin,
  }
}

function declaredLength(header: string | string[] | undefined): number | undefined {
  if (header === undefined) return undefined
  const length = Number(header)
  if (!Number.isSafeInteger(length) || length < 0)
    throw invalid(`Invalid X-Upload-Content-Length: '${String(header)}'`)
  return length
}

/** Takes the bytes into a new blob; nothing is left of it if they break off. */
export async function receive(blobs: Blobs, body: Readable | AsyncIterable<Buffer>): Promise<BlobInfo> {
  const first: Buffer[] = []
  let sizeBytes = 0
  let writer: BlobWriter | undefined
  const writeFirst = async (): Promise<void> => {
    writer = await blobs.create()
    for (const chunk of first.splice(0)) await writer.write(chunk)
  }
  try {
    await takeChunks(body, (chunk) => {
      if (writer !== undefined) return writer.write(chunk)
      first.push(chunk)
      sizeBytes += chunk.length
      return sizeBytes > SMALL_BYTES ? writeFirst() : undefined
    })
    return writer === undefined ? blobs.small(Buffer.concat(first)) : await writer.finish()
  } catch (error) {
    await writer?.discard()
    throw error
  }
}
