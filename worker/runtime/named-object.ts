import type {Storage} from '@google-cloud/storage'
import {PermanentError} from '../processor.ts'
import {httpStatus, isNotFound} from './buckets.ts'

/** What a process reads beside its file is held in memory: a model, a table of codes. */
const MOST_BYTES = 256 * 1024 * 1024
const FORBIDDEN = 403

/**
 * Reads a whole object by its name, `gs://bucket/object` or `gs://bucket/object#generation`.
 * @throws PermanentError `object-name-invalid`, `object-missing`, `object-forbidden`, `object-too-large`
 */
export async function readNamedObject(storage: Storage, uri: string, signal: AbortSignal): Promise<Buffer> {
  const [, bucket, object, generation] = /^gs:\/\/([^/]+)\/(.+?)(?:#(\d+))?$/s.exec(uri) ?? []
  if (bucket === undefined || object === undefined) {
    throw new PermanentError(`${uri} names no object.`, {
      code: 'object-name-invalid',
      suggestions: ['Write gs://bucket/object.'],
    })
  }
  const file = storage.bucket(bucket).file(object, generation === undefined ? {} : {generation})
  try {
    const [metadata] = await file.getMetadata()
    signal.throwIfAborted()
    if (Number(metadata.size) > MOST_BYTES) {
      throw new PermanentError(`${uri} has more than 256 MiB.`, {
        code: 'object-too-large',
        suggestions: ['Name a smaller object.'],
      })
    }
    const [bytes] = await file.download({validation: metadata.md5Hash === undefined ? 'crc32c' : 'md5'})
    signal.throwIfAborted()
    return bytes
  } catch (error) {
    if (isNotFound(error)) {
      throw new PermanentError(`There is no object ${uri}.`, {
        code: 'object-missing',
        suggestions: ['Upload it again, or name another one.'],
        cause: error,
      })
    }
    if (httpStatus(error) === FORBIDDEN) {
      throw new PermanentError(`The worker may not read ${uri}.`, {
        code: 'object-forbidden',
        suggestions: [
          'The worker reads the input and the output bucket: put it there, or grant it roles/storage.objectViewer.',
        ],
        cause: error,
      })
    }
    throw error
  }
}
