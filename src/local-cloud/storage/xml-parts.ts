import type {State} from '../state/state.ts'
import type {HttpRequest, HttpResponse} from '../wire/routes.ts'
import type {Buckets} from './buckets.ts'
import {checkChecksums, checksumsOfHeaders} from './checksums.ts'
import {concatenate} from './compose-routes.ts'
import {invalid, notServed, StorageError} from './errors.ts'
import type {ObjectChanges} from './object-changes.ts'
import {contentOfBlob} from './object-draft.ts'
import {storageClassOf} from './stored-object.ts'
import type {Part, PartUpload, PartUploads} from './part-uploads.ts'
import type {Permissions} from './permissions.ts'
import {receive} from './upload-routes.ts'
import {element, textOf, textsOf, xmlAnswer, type XmlHandler} from './xml.ts'
import {
  draftOfHeaders,
  extension,
  fieldsOfHeaders,
  hexadecimal,
  storedHeaders,
  xmlEtag,
} from './xml-headers.ts'

/** https://cloud.google.com/storage/quotas#requests */
const MAX_PARTS = 10_000
const LEAST_PART_BYTES = 5 * 1024 * 1024

/** Uploads in parts are answered in S3's namespace, unlike the rest of the XML API. */
const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/'
const answerOfParts = (root: string, children: readonly string[]): HttpResponse =>
  xmlAnswer(root, children, {namespace: NAMESPACE})

/** Uploads in parts: https://cloud.google.com/storage/docs/multipart-uploads */
export interface XmlParts {
  readonly start: XmlHandler
  readonly put: XmlHandler
  readonly complete: XmlHandler
  readonly abort: XmlHandler
  readonly listParts: XmlHandler
  readonly listUploads: XmlHandler
}

export function createXmlParts({
  state,
  buckets,
  changes,
  permissions,
  uploads,
}: {
  state: State
  buckets: Buckets
  changes: ObjectChanges
  permissions: Permissions
  uploads: PartUploads
}): XmlParts {
  const permit = ({params, call}: HttpRequest, permission: string): string => {
    const {name} = buckets.get(params['bucket'] ?? '')
    permissions.requireOnObjects(call.principal, permission, name, params['object'])
    return name
  }

  const find = (request: HttpRequest, permission: string): PartUpload => {
    const bucket = permit(request, permission)
    return uploads.get(request.url.searchParams.get('uploadId') ?? '', bucket, request.params['object'] ?? '')
  }

  const identify = ({id, bucket, name}: PartUpload): string[] => [
    element('Bucket', bucket),
    element('Key', name),
    element('UploadId', id),
  ]

  const removeBlobs = async (blobs: readonly string[]): Promise<void> => {
    for (const blob of blobs) await state.blobs.remove(blob)
  }

  return {
    async start(request) {
      const bucket = permit(request, 'storage.multipartUploads.create')
      const draft = draftOfHeaders(request, fieldsOfHeaders(request.headers))
      changes.checkDraft(draft)
      const id = await state.write(() => uploads.insert(draft))
      return answerOfParts('InitiateMultipartUploadResult', identify(uploads.get(id, bucket, draft.name)))
    },

    async put(request) {
      const {id, bucket, name} = find(request, 'storage.multipartUploads.create')
      const number = Number(request.url.searchParams.get('partNumber'))
      if (!Number.isInteger(number) || number < 1 || number > MAX_PARTS)
        throw invalid(`The part number must be 1 to ${MAX_PARTS}.`)
      if (extension(request.headers, 'copy-source') !== undefined)
        throw notServed('A part of an upload that is copied from an object')
      const blob = await receive(state.blobs, request.stream)
      try {
        checkChecksums(checksumsOfHeaders(request.headers), blob)
        const replaced = await state.write(() => {
          // It may have been completed or aborted meanwhile.
          uploads.get(id, bucket, name)
          return uploads.setPart(id, number, blob)
        })
        if (replaced !== undefined) await state.blobs.remove(replaced)
      } catch (error) {
        await state.blobs.remove(blob.id)
        throw error
      }
      return {
        headers: {
          etag: `"${hexadecimal(blob.md5)}"`,
          'x-goog-hash': `crc32c=${blob.crc32c},md5=${blob.md5}`,
        },
      }
    },

    async complete(request) {
      const upload = find(request, 'storage.multipartUploads.create')
      const parts = chosenParts(uploads.parts(upload.id), (await request.bytes()).toString('utf8'))
      const blob = await concatenate(state.blobs, parts, request.call.signal)
      let freed: string[] = []
      try {
        // Google computes no MD5 of what it has only put together.
        const content = {...contentOfBlob(blob), md5: undefined}
        const draft = {...upload.draft, principal: request.call.principal}
        const stored = await changes.store(
          draft,
          () => {
            uploads.get(upload.id, upload.bucket, upload.name)
            return content
          },
          () => (freed = uploads.remove(upload.id)),
        )
        await removeBlobs(freed)
        const answer = answerOfParts('CompleteMultipartUploadResult', [
          element('Location', `${request.call.origin}${request.url.pathname}`),
          element('Bucket', upload.bucket),
          element('Key', upload.name),
          element('ETag', xmlEtag(stored)),
        ])
        return {...answer, headers: {...storedHeaders(stored), ...answer.headers}}
      } catch (error) {
        await state.blobs.remove(blob.id)
        throw error
      }
    },

    async abort(request) {
      const {id} = find(request, 'storage.multipartUploads.abort')
      await removeBlobs(await state.write(() => uploads.remove(id)))
      return {status: 204}
    },

    listParts(request) {
      const upload = find(request, 'storage.multipartUploads.listParts')
      const from = Number(request.url.searchParams.get('part-number-marker') ?? 0)
      const size = Math.min(1000, Number(request.url.searchParams.get('max-parts') ?? 1000))
      const all = uploads.parts(upload.id).filter(({number}) => number > from)
      const page = all.slice(0, size)
      return answerOfParts('ListPartsResult', [
        ...identify(upload),
        element('StorageClass', storageClassOf(upload.draft)),
        element('PartNumberMarker', from),
        element('NextPartNumberMarker', page.at(-1)?.number ?? from),
        element('MaxParts', size),
        element('IsTruncated', page.length < all.length),
        ...page.map(({number, updated, md5, sizeBytes}) =>
          element('Part', [
            element('PartNumber', number),
            element('LastModified', new Date(updated).toISOString()),
            element('ETag', `"${hexadecimal(md5)}"`),
            element('Size', sizeBytes),
          ]),
        ),
      ])
    },

    listUploads(request) {
      const bucket = permit(request, 'storage.multipartUploads.list')
      const prefix = request.url.searchParams.get('prefix') ?? ''
      return answerOfParts('ListMultipartUploadsResult', [
        element('Bucket', bucket),
        element('Prefix', prefix),
        element('IsTruncated', false),
        ...uploads
          .list(bucket)
          .filter(({name}) => name.startsWith(prefix))
          .map(({id, name, timeCreated}) =>
            element('Upload', [
              element('Key', name),
              element('UploadId', id),
              element('StorageClass', 'STANDARD'),
              element('Initiated', new Date(timeCreated).toISOString()),
            ]),
          ),
      ])
    },
  }
}

/** The parts that a completion names. @throws StorageError 400 if one is missing, too small or out of order */
function chosenParts(present: readonly Part[], body: string): Part[] {
  const chosen = textsOf(body, 'Part').map((xml) => {
    const number = Number(textOf(xml, 'PartNumber'))
    const part = present.find((each) => each.number === number)
    const etag = textOf(xml, 'ETag')?.replaceAll('"', '')
    if (part === undefined || (etag !== undefined && etag !== hexadecimal(part.md5)))
      throw refusedPart('InvalidPart', `One or more of the specified parts could not be found: ${number}`)
    return part
  })
  if (chosen.length === 0) throw refusedPart('MalformedXML', 'The completion names no part.')
  if (chosen.some(({number}, index) => number <= (chosen[index - 1]?.number ?? 0)))
    throw refusedPart('InvalidPartOrder', 'The list of parts was not in ascending order.')
  if (chosen.slice(0, -1).some(({sizeBytes}) => sizeBytes < LEAST_PART_BYTES))
    throw refusedPart(
      'EntityTooSmall',
      `All parts but the last must have at least ${LEAST_PART_BYTES} bytes.`,
    )
  return chosen
}

function refusedPart(xmlCode: string, message: string): StorageError {
  return new StorageError(400, 'invalid', message, {xmlCode})
}
