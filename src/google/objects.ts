import {EventEmitter} from 'node:events'
import {open, readFile} from 'node:fs/promises'
import {PassThrough} from 'node:stream'
import {pipeline} from 'node:stream/promises'
import type {File, FileMetadata, Storage} from '@google-cloud/storage'
import {AppError} from '../core/errors.ts'
import {isJsonObject} from '../core/json.ts'
import type {ObjectStore, StoredObject, UploadOptions} from '../core/ports/objects.ts'
import {codeOf} from '../core/system-error.ts'
import {defaultCredentials, noAuth, once, type Connection} from './connection.ts'
import {retried, toAppError, translated} from './errors.ts'
import {objectsIn, textIn, type Json, type Rest} from './rest.ts'

/** Files up to this size are read into memory and sent over REST: the library takes several times as long for each. */
const SMALL_BYTES = 1024 * 1024
/** Larger uploads are resumable; for smaller ones the session's extra request costs more than sending again. */
const RESUMABLE_BYTES = 8 * 1024 * 1024
/** What is wanted of an object: https://cloud.google.com/storage/docs/json_api#partial-response */
const STATED = 'name,generation,size,contentType,crc32c,timeCreated,metadata'

/**
 * Cloud Storage: content through `@google-cloud/storage`, metadata and lists over REST, which loads nothing. The library
 * builds an object with methods for each listed item, which takes longer than the list itself.
 */
export function createObjectStore(connection: Connection, rest: Rest): ObjectStore {
  const storage = once(() => openStorage(connection))
  const fileOf = async (bucket: string, name: string, generation?: string): Promise<File> =>
    (await storage()).bucket(bucket).file(name, generation === undefined ? {} : {generation})

  const pages: ObjectStore['pages'] = async function* (bucket, {metadata, ...range} = {}) {
    const parts = metadata?.map((key) => `metadata/${key}`) ?? ['metadata']
    const fields = `items(name,generation,size,timeCreated,${parts.join()}),nextPageToken`
    const fetchPage = async (pageToken?: string): Promise<Json> => {
      const query = new URLSearchParams({fields, maxResults: '1000'})
      for (const [name, value] of Object.entries({...range, pageToken}))
        if (value !== undefined) query.set(name, String(value))
      const path = `/storage/v1/b/${encodeURIComponent(bucket)}/o?${query.toString()}`
      return rest.request('storage', 'GET', path, undefined, `Listing bucket ${bucket}`)
    }
    let page: Promise<Json> | undefined = fetchPage()
    while (page !== undefined) {
      const json: Json = await page
      const token = textIn(json, 'nextPageToken')
      page = token === undefined ? undefined : fetchPage(token)
      // If the reader stops here, nobody waits for it.
      page?.catch(() => {})
      yield objectsIn(json, 'items').map((item) => listedObject(bucket, item))
    }
  }

  return {
    async stat(bucket, name, generation) {
      const query = new URLSearchParams({fields: STATED, ...(generation === undefined ? {} : {generation})})
      const path = `${objectPath(bucket, name)}?${query.toString()}`
      const doing = `Reading object ${name} in bucket ${bucket}`
      const found = await rest.get('storage', path, doing)
      return found && listedObject(bucket, found)
    },

    async *list(bucket, range) {
      for await (const page of pages(bucket, range)) yield* page
    },

    pages,

    upload: (options) => {
      const {source, contentType} = options
      return translated(`Uploading ${options.name} to bucket ${options.bucket}`, async () => {
        if ('file' in source && source.sizeBytes <= SMALL_BYTES && contentType !== undefined)
          return uploadSmall(rest, source.file, contentType, options)
        const file = await fileOf(options.bucket, options.name)
        // A stream cannot be read twice; a file is sent again. If only the first answer was lost, the same bytes have
        // two generations, and the later one counts.
        await ('file' in source ? retried(() => send(file, options), options.signal) : send(file, options))
        return toStoredObject(options.bucket, file.metadata)
      })
    },

    copy: (source, name, without) =>
      translated(`Copying object ${source.name} in bucket ${source.bucket}`, async () => {
        const from = await fileOf(source.bucket, source.name, source.generation)
        const [all] = await from.getMetadata()
        const {contentType, contentEncoding, contentDisposition, contentLanguage, cacheControl} = all
        const kept = {contentType, contentEncoding, contentDisposition, contentLanguage, cacheControl}
        const custom = Object.entries(source.metadata).filter(([key]) => key !== without)
        const to = await fileOf(source.bucket, name)
        const [, answer] = await from.copy(to, {
          ...Object.fromEntries(Object.entries(kept).filter(([, value]) => value !== undefined)),
          metadata: Object.fromEntries(custom),
          preconditionOpts: {ifGenerationMatch: 0},
        })
        const resource = isJsonObject(answer) ? answer['resource'] : undefined
        if (!isJsonObject(resource)) throw new TypeError('A rewrite answers with the copy.')
        return listedObject(source.bucket, resource)
      }),

    async addMetadata({bucket, name, generation}, metadata) {
      const path = `${objectPath(bucket, name)}?ifGenerationMatch=${generation}`
      await rest.request('storage', 'PATCH', path, {metadata}, `Changing object ${name} in bucket ${bucket}`)
    },

    readJson({bucket, name, generation}) {
      const path = `${objectPath(bucket, name)}?alt=media&generation=${generation}`
      return rest.request('storage', 'GET', path, undefined, `Reading object ${name} in bucket ${bucket}`)
    },

    read: (bucket, name, {generation, signal, range}) =>
      translated(`Reading object ${name} in bucket ${bucket}`, async () => {
        const source = (await fileOf(bucket, name, generation)).createReadStream({
          decompress: false,
          // The library counts the last byte in.
          ...(range && {start: range.start, end: range.end - 1}),
        })
        source.once('response', (response: unknown) => {
          if (response instanceof EventEmitter) response.setMaxListeners(LISTENERS_OF_A_DOWNLOAD)
        })
        const out = new PassThrough()
        // The caller reads `out` to its end or gets its error there; this promise adds nothing.
        void pipeline(source, out, {signal}).catch((error: unknown) => {
          out.destroy(toAppError(error, `Reading object ${name} in bucket ${bucket}`))
        })
        return out
      }),

    delete: (bucket, name) =>
      translated(`Deleting object ${name} in bucket ${bucket}`, async () => {
        await (await fileOf(bucket, name)).delete({ignoreNotFound: true})
      }),
  }
}

function objectPath(bucket: string, name: string): string {
  return `/storage/v1/b/${encodeURIComponent(bucket)}/o/${encodeURIComponent(name)}`
}

/** The library stacks two pipelines on a download's response: more listeners than Node's limit of 10, but no leak. */
const LISTENERS_OF_A_DOWNLOAD = 20

async function openStorage({projectId, endpoint}: Connection): Promise<Storage> {
  const [{IdempotencyStrategy, Storage: Client}, {NativeCrc32c}] = await Promise.all([
    import('@google-cloud/storage'),
    import('./crc32c.ts'),
  ])
  return new Client({
    projectId,
    crc32cGenerator: () => new NativeCrc32c(),
    retryOptions: {
      autoRetry: true,
      maxRetries: 3,
      // Waits are short for a process on this machine; for Google they double.
      retryDelayMultiplier: endpoint === undefined ? 2 : 1.1,
      totalTimeout: 60,
      idempotencyStrategy: IdempotencyStrategy.RetryAlways,
    },
    ...(endpoint === undefined
      ? {authClient: await defaultCredentials()}
      : {apiEndpoint: endpoint, authClient: await noAuth()}),
  })
}

async function uploadSmall(
  rest: Rest,
  file: string,
  contentType: string,
  {bucket, name, metadata, expectedGeneration, signal}: UploadOptions,
): Promise<StoredObject> {
  const {NativeCrc32c} = await import('./crc32c.ts')
  const bytes = await readFile(file, {signal})
  const checksum = new NativeCrc32c()
  checksum.update(bytes)
  const query = new URLSearchParams({
    uploadType: 'multipart',
    fields: STATED,
    ...(expectedGeneration === undefined ? {} : {ifGenerationMatch: expectedGeneration}),
  })
  const path = `/upload/storage/v1/b/${encodeURIComponent(bucket)}/o?${query.toString()}`
  const object = {
    name,
    contentType,
    crc32c: checksum.toString(),
    ...(metadata === undefined ? {} : {metadata}),
  }
  const doing = `Uploading ${name} to bucket ${bucket}`
  try {
    return listedObject(bucket, await rest.upload(path, object, bytes, doing, signal))
  } catch (error) {
    throw error instanceof AppError && /\bCRC32C\b/.test(error.message) ? damaged(name, error) : error
  }
}

async function send(
  file: File,
  {source, contentType, metadata, expectedGeneration, progress, signal}: UploadOptions,
): Promise<void> {
  const resumable = 'stream' in source || source.sizeBytes >= RESUMABLE_BYTES
  const target = file.createWriteStream({
    resumable,
    validation: 'crc32c',
    ...(expectedGeneration === undefined ? {} : {preconditionOpts: {ifGenerationMatch: expectedGeneration}}),
    metadata: {
      ...(contentType === undefined ? {} : {contentType}),
      ...(metadata === undefined ? {} : {metadata: {...metadata}}),
    },
  })
  const sent = 'file' in source ? wholeOf(source.file) : source.stream
  try {
    await pipeline(progress === undefined ? sent : counted(sent, progress), target, {signal})
  } catch (error) {
    if (error instanceof RangeError && /Initiate a new upload/.test(error.message))
      throw brokenOff(file.name, error)
    throw codeOf(error) === 'FILE_NO_UPLOAD' ? damaged(file.name, error) : error
  }
}

/** The library keeps nothing that it has sent, so it cannot send it again if a request fails. */
function brokenOff(name: string, cause: unknown): AppError {
  return new AppError(`The upload of ${name} broke off: Cloud Storage does not have what was sent.`, {
    code: 'unavailable',
    suggestions: ['Upload it again.'],
    cause,
  })
}

/** Fewer, larger reads spare time between them; more than this gains nothing. */
const PIECE_BYTES = 512 * 1024

/**
 * The bytes of a file. An error at their end keeps the object from being stored.
 * @throws AppError `file-changed` if another program wrote to it meanwhile
 */
async function* wholeOf(path: string): AsyncGenerator<Buffer> {
  await using file = await open(path)
  const before = await file.stat({bigint: true})
  yield* file.createReadStream({autoClose: false, highWaterMark: PIECE_BYTES})
  const after = await file.stat({bigint: true})
  if (before.size === after.size && before.mtimeNs === after.mtimeNs) return
  throw new AppError(`${path} changed while it was being uploaded, so it was not stored.`, {
    code: 'file-changed',
    suggestions: ['Upload it again once no other program writes to it.'],
  })
}

/** Passes bytes through. @param progress receives how many have passed so far */
async function* counted(
  bytes: AsyncIterable<Uint8Array>,
  progress: (sentBytes: number) => void,
): AsyncGenerator<Uint8Array> {
  let sentBytes = 0
  for await (const piece of bytes) {
    yield piece
    sentBytes += piece.length
    progress(sentBytes)
  }
}

function damaged(name: string, cause: unknown): AppError {
  return new AppError(`${name} arrived damaged: its checksum differs from the file's.`, {
    code: 'checksum-mismatch',
    suggestions: ['Upload it again; if that fails too, the network or the disk corrupts data.'],
    cause,
  })
}

function toStoredObject(bucket: string, metadata: FileMetadata): StoredObject {
  const custom = Object.entries(metadata.metadata ?? {}).flatMap(([key, value]) =>
    value === null || value === undefined ? [] : [[key, String(value)] as const],
  )
  return {
    bucket,
    name: metadata.name ?? '',
    generation: String(metadata.generation ?? ''),
    sizeBytes: Number(metadata.size ?? 0),
    contentType: metadata.contentType,
    crc32c: metadata.crc32c,
    timeCreated: metadata.timeCreated ?? '',
    metadata: Object.fromEntries(custom),
  }
}

function listedObject(bucket: string, item: Json): StoredObject {
  return {
    bucket,
    name: textIn(item, 'name') ?? '',
    generation: textIn(item, 'generation') ?? '',
    sizeBytes: Number(item['size'] ?? 0),
    contentType: textIn(item, 'contentType'),
    crc32c: textIn(item, 'crc32c'),
    timeCreated: textIn(item, 'timeCreated') ?? '',
    metadata: textsIn(item['metadata']),
  }
}

function textsIn(value: unknown): Readonly<Record<string, string>> {
  if (isTexts(value)) return value
  return isJsonObject(value)
    ? Object.fromEntries(
        Object.entries(value).flatMap(([name, text]) => (typeof text === 'string' ? [[name, text]] : [])),
      )
    : {}
}

/** Whether it can be kept as it was parsed: a copy of each would double what a long list allocates. */
function isTexts(value: unknown): value is Readonly<Record<string, string>> {
  if (!isJsonObject(value)) return false
  for (const name in value) if (typeof value[name] !== 'string') return false
  return true
}
