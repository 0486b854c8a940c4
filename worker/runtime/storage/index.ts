import type {Readable} from 'node:stream'
import type {Environment} from '../settings.ts'
import type {AccessToken} from './access-token.ts'
import {bytesOf, connect} from './connection.ts'
import {download} from './download.ts'
import {isNotFound, isPreconditionFailed} from './errors.ts'
import {type Patience, Retries} from './retry.ts'
import {ResumableUpload, type Target, uploadWhole} from './upload.ts'

export {isBucketMissing, isForbidden, isNotFound, isPreconditionFailed} from './errors.ts'
export type {Patience} from './retry.ts'
export type {ResumableUpload} from './upload.ts'

/** `ifGenerationMatch` of an object that must not be there yet. */
export const ABSENT = '0'

/** Repetitions of a request within a few seconds; what takes longer is left to Pub/Sub. */
const MOST_RETRIES = 3

/** An object, or one generation of it. */
export interface ObjectName {
  readonly bucket: string
  readonly object: string
  readonly generation?: string
}

/** What a worker needs to know of an object (cloud.google.com/storage/docs/json_api/v1/objects). */
export interface ObjectMetadata {
  readonly generation: string
  readonly sizeBytes: number
  readonly contentType: string | undefined
  readonly contentEncoding: string | undefined
  readonly md5Hash: string | undefined
  readonly crc32c: string | undefined
  /** RFC 3339. */
  readonly timeCreated: string
  /** Custom metadata. */
  readonly metadata: Readonly<Record<string, string>>
}

/** How an object is to be written. */
export interface WriteOptions {
  readonly contentType: string
  readonly metadata: Readonly<Record<string, string>>
  /** Generation that is replaced, {@link ABSENT} for none; undefined for any. */
  readonly expectedGeneration: string | undefined
}

/**
 * The part of Cloud Storage's JSON API that a worker uses, over Node's own HTTP: the official client takes a
 * fifth of the processor time of a large file (docs/adr/0012). All requests are safe to repeat, since writes carry preconditions
 * and deletes name a generation.
 */
export interface Storage {
  /** Metadata of an object or of one generation of it; undefined where there is none. */
  find(name: ObjectName): Promise<ObjectMetadata | undefined>
  /**
   * Opens an object's bytes; its checksum is compared at their end where `metadata` is given.
   * @param signal ends the wait for the first answer; from then on the stream is to be destroyed
   * @throws StorageError, such as 404; of the stream also PermanentError where it is packed and cannot be unpacked
   */
  read(name: ObjectName, metadata: ObjectMetadata | undefined, signal?: AbortSignal): Promise<Readable>
  /**
   * Writes an object in one request.
   * @throws StorageError with status 412 where it is not at the expected generation
   */
  write(
    name: ObjectName,
    content: readonly Uint8Array[],
    options: WriteOptions,
    signal?: AbortSignal,
  ): Promise<ObjectMetadata>
  /** Begins to write an object whose length is not known. */
  upload(name: ObjectName, options: WriteOptions, signal: AbortSignal): ResumableUpload
  /** Removes that generation of an object; one that is gone or was overwritten since is left alone. */
  remove(name: ObjectName & {readonly generation: string}): Promise<void>
  /** Of the worker's service account; undefined where the endpoint is an emulator's. */
  readonly accessToken: AccessToken | undefined
}

/** @param environment STORAGE_EMULATOR_HOST and what Application Default Credentials are found by */
export function openStorage(environment: Environment, patience: Patience = {}): Storage {
  const connection = connect(environment, patience)
  const retries = new Retries(patience.mostRetries ?? MOST_RETRIES, patience.wait)
  const remove: Storage['remove'] = async (name) => {
    const {bucket, object, generation} = name
    const path = pathOf({bucket, object}, {ifGenerationMatch: generation})
    try {
      await retries.run(async () => {
        await bytesOf(await connection.send({method: 'DELETE', path, what: nameOf(name)}))
      })
    } catch (error) {
      if (!isNotFound(error) && !isPreconditionFailed(error)) throw error
    }
  }
  return {
    accessToken: connection.accessToken,
    async find(name) {
      try {
        return await retries.run(async () => {
          const request = {method: 'GET', path: pathOf(name), what: nameOf(name)} as const
          return toMetadata(JSON.parse((await bytesOf(await connection.send(request))).toString('utf8')))
        })
      } catch (error) {
        if (isNotFound(error)) return undefined
        throw error
      }
    },
    read: (name, metadata, signal) =>
      download(
        connection,
        {path: pathOf(name, {alt: 'media'}), what: nameOf(name), expected: metadata},
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
    remove,
  }
}

function pathOf({bucket, object, generation}: ObjectName, more: Record<string, string> = {}): string {
  const query = new URLSearchParams({...(generation === undefined ? {} : {generation}), ...more})
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
    // It stands in a header too.
    resource: {
      name: name.object,
      contentType: /^[\x20-\x7e]+$/.test(contentType) ? contentType : 'application/octet-stream',
      metadata,
    },
  }
}

/** @throws TypeError where an answer is no object's metadata */
function toMetadata(answer: unknown): ObjectMetadata {
  const {
    generation,
    size,
    contentType,
    contentEncoding,
    md5Hash,
    crc32c,
    timeCreated,
    metadata,
  }: Record<string, unknown> = Object(answer)
  if (typeof generation !== 'string') throw new TypeError("Cloud Storage's answer is no object's metadata.")
  const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)
  return {
    generation,
    sizeBytes: Number(size),
    contentType: text(contentType),
    contentEncoding: text(contentEncoding),
    md5Hash: text(md5Hash),
    crc32c: text(crc32c),
    timeCreated: text(timeCreated) ?? '',
    metadata: Object.fromEntries(
      Object.entries(Object(metadata)).map(([key, value]): [string, string] => [key, String(value)]),
    ),
  }
}
