import type {ByteRange} from '../../processor.ts'
import type {Environment} from '../settings.ts'
import type {AccessToken} from './access-token.ts'
import {bytesOf, connect} from './connection.ts'
import {copyObject} from './copy.ts'
import {download, type ObjectBytes} from './download.ts'
import {isNotFound, isPreconditionFailed, NOT_FOUND, saysBucketMissing, StorageError} from './errors.ts'
import {type Patience, Retries} from './retry.ts'
import {ResumableUpload, type Target, uploadWhole} from './upload.ts'

export {
  isBucketMissing,
  isForbidden,
  isNotFound,
  isPreconditionFailed,
  isTransient,
  TransferError,
} from './errors.ts'
export type {ObjectBytes} from './download.ts'
export type {Patience} from './retry.ts'
export type {ResumableUpload} from './upload.ts'

/** `ifGenerationMatch` of an object that must not exist yet. */
export const ABSENT = '0'

/** Objects that can be composed at a time: https://cloud.google.com/storage/quotas#objects */
export const MOST_SOURCES = 32

/** Retries of a request within a few seconds; longer outages are left to Pub/Sub. */
const MOST_RETRIES = 3

/** An object, or one generation of it. */
export interface ObjectName {
  readonly bucket: string
  readonly object: string
  readonly generation?: string
  /** Of its metadata: a read fails with status 412 if that has changed. */
  readonly metageneration?: string
}

/** The metadata that a worker needs of an object (cloud.google.com/storage/docs/json_api/v1/objects). */
export interface ObjectMetadata {
  readonly generation: string
  readonly sizeBytes: number
  readonly contentType: string | undefined
  readonly contentEncoding: string | undefined
  readonly crc32c: string | undefined
  /** RFC 3339. */
  readonly timeCreated: string
  /** Custom metadata. */
  readonly metadata: Readonly<Record<string, string>>
}

export interface ListedObject extends ObjectMetadata {
  readonly name: string
}

/** How to write an object. */
export interface WriteOptions {
  readonly contentType: string
  readonly metadata: Readonly<Record<string, string>>
  /** Generation to replace, {@link ABSENT} for none; undefined for any. */
  readonly expectedGeneration: string | undefined
}

/**
 * The part of Cloud Storage's JSON API that a worker uses, over Node's own HTTP: the official client takes a
 * fifth of the processor time of a large file (docs/adr/0012). All requests are safe to repeat: a write carries a
 * precondition, or writes the same bytes under its name whenever it is repeated; a delete names a generation.
 */
export interface Storage {
  /** Metadata of an object or of one generation; undefined if it does not exist. */
  find(name: ObjectName): Promise<ObjectMetadata | undefined>
  /**
   * Opens an object's bytes; its checksum is verified at the end if `metadata` is given.
   * @param signal ends the wait for the first response; from then on, destroy the stream
   * @param range the bytes to read, of an object without content encoding
   * @throws StorageError, such as 404; the stream also PermanentError if it cannot be unpacked
   */
  read(
    name: ObjectName,
    metadata: ObjectMetadata | undefined,
    signal?: AbortSignal,
    range?: ByteRange,
  ): Promise<ObjectBytes>
  /**
   * Writes an object in one request.
   * @throws StorageError with status 412 if it is not at the expected generation
   */
  write(
    name: ObjectName,
    content: readonly Uint8Array[],
    options: WriteOptions,
    signal?: AbortSignal,
  ): Promise<ObjectMetadata>
  /** Starts writing an object of unknown length. */
  upload(name: ObjectName, options: WriteOptions, signal: AbortSignal): ResumableUpload
  /**
   * Copies one generation inside Cloud Storage, with all its metadata; `options.metadata` is added to the custom one.
   * @throws StorageError: 404 if the generation is gone, 412 if the target is not at the expected generation
   */
  copy(
    name: ObjectName & {readonly generation: string},
    to: ObjectName,
    options: Pick<WriteOptions, 'metadata' | 'expectedGeneration'>,
  ): Promise<void>
  /**
   * Puts objects of one bucket together inside Cloud Storage, in their order.
   * https://cloud.google.com/storage/docs/json_api/v1/objects/compose
   * @param sources at most {@link MOST_SOURCES}
   * @throws StorageError: 404 if a source is gone, 412 if the target is not at the expected generation
   */
  compose(
    name: ObjectName,
    sources: readonly ListedObject[],
    options: WriteOptions,
    signal: AbortSignal,
  ): Promise<ObjectMetadata>
  /**
   * All objects whose names begin so, in the order of their names.
   * @param options.versions noncurrent versions, too
   */
  list(bucket: string, prefix: string, options?: {readonly versions: boolean}): Promise<ListedObject[]>
  /** Removes one generation of an object; ignores one that is gone or was overwritten. */
  remove(name: ObjectName & {readonly generation: string}): Promise<void>
  /**
   * Removes one generation of an object, which a bucket with versioning would otherwise keep as noncurrent.
   * @throws StorageError 403 while the bucket's retention forbids it
   */
  erase(name: ObjectName & {readonly generation: string}): Promise<void>
  /** Of the worker's service account; undefined for an emulator. */
  readonly accessToken: AccessToken | undefined
}

/** @param environment STORAGE_EMULATOR_HOST and the variables of Application Default Credentials */
export function openStorage(environment: Environment, patience: Patience = {}): Storage {
  const connection = connect(environment, patience)
  const retries = new Retries(patience.mostRetries ?? MOST_RETRIES, patience.wait)
  const deleted = async (name: ObjectName, path: string): Promise<void> => {
    try {
      await retries.run(async () => {
        await bytesOf(await connection.send({method: 'DELETE', path, what: nameOf(name)}))
      })
    } catch (error) {
      if (!isNotFound(error) && !isPreconditionFailed(error)) throw error
    }
  }
  const remove: Storage['remove'] = ({bucket, object, generation}) =>
    deleted({bucket, object, generation}, pathOf({bucket, object}, {ifGenerationMatch: generation}))
  return {
    accessToken: connection.accessToken,
    async find(name) {
      const request = {method: 'GET', path: pathOf(name), what: nameOf(name)} as const
      return retries.run(async () => {
        const response = await connection.send(request, [NOT_FOUND])
        const body = (await bytesOf(response)).toString('utf8')
        if (response.statusCode !== NOT_FOUND) return toMetadata(JSON.parse(body))
        // Most looks find nothing: an error, with its stack, would cost more than the rest of the look.
        if (!saysBucketMissing(body)) return undefined
        throw new StorageError(request.what, NOT_FOUND, body)
      })
    },
    read: (name, metadata, signal, range) =>
      download(
        connection,
        {path: pathOf(name, {alt: 'media'}), what: nameOf(name), expected: metadata, range},
        retries,
        signal,
      ),
    async write(name, content, options, signal) {
      return toMetadata(await uploadWhole(connection, targetOf(name, options), content, retries, signal))
    },
    upload: (name, options, signal) =>
      new ResumableUpload(connection, targetOf(name, options), retries, signal, (generation) =>
        remove({...name, generation}),
      ),
    async copy(name, to, {metadata, expectedGeneration}) {
      const target = `/rewriteTo/b/${encodeURIComponent(to.bucket)}/o/${encodeURIComponent(to.object)}`
      const [source = ''] = pathOf({bucket: name.bucket, object: name.object}).split('?')
      await retries.run(() =>
        copyObject(connection, {
          source: pathOf(name),
          rewrite: `${source}${target}`,
          query: new URLSearchParams({
            sourceGeneration: name.generation,
            ...(expectedGeneration === undefined ? {} : {ifGenerationMatch: expectedGeneration}),
          }),
          metadata,
          what: nameOf(name),
        }),
      )
    },
    async compose(name, sources, options, signal) {
      const {query, what, resource} = targetOf(name, options)
      const body = {
        sourceObjects: sources.map((source) => ({name: source.name, generation: source.generation})),
        destination: resource,
      }
      const [target = ''] = pathOf(name).split('?')
      const request = {
        method: 'POST',
        path: `${target}/compose?${query.toString()}`,
        headers: {'content-type': 'application/json; charset=UTF-8'},
        body: [Buffer.from(JSON.stringify(body))],
        what,
        copies: true,
        signal,
      } as const
      return retries.run(async () => {
        return toMetadata(JSON.parse((await bytesOf(await connection.send(request))).toString('utf8')))
      }, signal)
    },
    async list(bucket, prefix, {versions} = {versions: false}) {
      const found: ListedObject[] = []
      let page: unknown = ''
      do {
        const query = new URLSearchParams({
          prefix,
          versions: String(versions),
          ...(page === '' ? {} : {pageToken: String(page)}),
        })
        const path = `/storage/v1/b/${encodeURIComponent(bucket)}/o?${query.toString()}`
        const request = {method: 'GET', path, what: `gs://${bucket}/${prefix}`} as const
        const answer: unknown = await retries.run(async () => {
          return JSON.parse((await bytesOf(await connection.send(request))).toString('utf8'))
        })
        const {items = [], nextPageToken}: {items?: unknown; nextPageToken?: unknown} = Object(answer)
        for (const item of Array.isArray(items) ? items : [])
          found.push({name: String(Object(item).name), ...toMetadata(item)})
        page = nextPageToken
      } while (page !== undefined)
      return found
    },
    remove,
    erase: (name) => deleted(name, pathOf(name)),
  }
}

function pathOf(
  {bucket, object, generation, metageneration}: ObjectName,
  more: Record<string, string> = {},
): string {
  const query = new URLSearchParams({
    ...(generation === undefined ? {} : {generation}),
    ...(metageneration === undefined ? {} : {ifMetagenerationMatch: metageneration}),
    ...more,
  })
  return `/storage/v1/b/${encodeURIComponent(bucket)}/o/${encodeURIComponent(object)}?${query.toString()}`
}

function nameOf({bucket, object, generation}: ObjectName): string {
  return `gs://${bucket}/${object}${generation === undefined ? '' : `#${generation}`}`
}

function targetOf(name: ObjectName, {contentType, metadata, expectedGeneration}: WriteOptions): Target {
  return {
    path: `/upload/storage/v1/b/${encodeURIComponent(name.bucket)}/o`,
    query: new URLSearchParams({
      name: name.object,
      ...(expectedGeneration === undefined ? {} : {ifGenerationMatch: expectedGeneration}),
    }),
    what: nameOf(name),
    // It is sent in a header, too.
    resource: {
      name: name.object,
      contentType: /^[\x20-\x7e]+$/.test(contentType) ? contentType : 'application/octet-stream',
      metadata,
    },
  }
}

/** @throws TypeError if a response is not an object's metadata */
export function toMetadata(answer: unknown): ObjectMetadata {
  const {
    generation,
    size,
    contentType,
    contentEncoding,
    crc32c,
    timeCreated,
    metadata,
  }: Record<string, unknown> = Object(answer)
  if (typeof generation !== 'string')
    throw new TypeError("Cloud Storage's response is not an object's metadata.")
  const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)
  return {
    generation,
    sizeBytes: Number(size),
    contentType: text(contentType),
    contentEncoding: text(contentEncoding),
    crc32c: text(crc32c),
    timeCreated: text(timeCreated) ?? '',
    metadata: Object.fromEntries(
      Object.entries(Object(metadata)).map(([key, value]): [string, string] => [key, String(value)]),
    ),
  }
}
