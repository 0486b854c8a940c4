import {addAbortSignal} from 'node:stream'
import {buffer} from 'node:stream/consumers'
import {PermanentError} from '../processor.ts'
import {isBucketMissing, isForbidden, isNotFound, type Storage} from './storage/index.ts'

/** Other objects that a process reads are held in memory: a model, a lookup table. */
const MOST_BYTES = 256 * 1024 * 1024

/**
 * Reads a whole object by its name, `gs://bucket/object` or `gs://bucket/object#generation`.
 * @throws PermanentError `object-name-invalid`, `object-missing`, `object-forbidden`, `object-too-large`
 */
export async function readNamedObject(storage: Storage, uri: string, signal: AbortSignal): Promise<Buffer> {
  const [, bucket, object, generation] = /^gs:\/\/([^/]+)\/(.+?)(?:#(\d+))?$/s.exec(uri) ?? []
  if (bucket === undefined || object === undefined) {
    throw new PermanentError(`${uri} is not the name of an object.`, {
      code: 'object-name-invalid',
      suggestions: ['Write gs://bucket/object.'],
    })
  }
  const name = {bucket, object, ...(generation === undefined ? {} : {generation})}
  try {
    const metadata = await storage.find(name)
    signal.throwIfAborted()
    if (metadata === undefined) throw missing(uri, undefined)
    if (metadata.sizeBytes > MOST_BYTES) {
      throw new PermanentError(`${uri} is larger than 256 MiB.`, {
        code: 'object-too-large',
        suggestions: ['Name a smaller object.'],
      })
    }
    // The generation whose metadata was read, or the checksum would be another's.
    const stream = await storage.read({...name, generation: metadata.generation}, metadata, signal)
    return await buffer(addAbortSignal(signal, stream))
  } catch (error) {
    signal.throwIfAborted()
    if (isNotFound(error) || isBucketMissing(error)) throw missing(uri, error)
    if (isForbidden(error)) {
      throw new PermanentError(`The worker may not read ${uri}.`, {
        code: 'object-forbidden',
        suggestions: [
          'The worker can read only the input and output buckets: put the object in one of them, or grant the worker roles/storage.objectViewer.',
        ],
        cause: error,
      })
    }
    throw error
  }
}

function missing(uri: string, cause: unknown): PermanentError {
  return new PermanentError(`Object ${uri} does not exist.`, {
    code: 'object-missing',
    suggestions: ['Upload it again, or name another object.'],
    cause,
  })
}
