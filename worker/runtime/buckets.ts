import type {File, FileMetadata, Storage} from '@google-cloud/storage'

/** A failed precondition: the object is not at the generation that was expected. */
const PRECONDITION_FAILED = 412
const NOT_FOUND = 404

/** `ifGenerationMatch` of an object that must not be there yet. */
export const ABSENT = '0'

/**
 * The storage client of a worker. Every request is safe to repeat (writes carry preconditions, deletes name a
 * generation), so all are retried, three times within a few seconds: what takes longer is left to Pub/Sub.
 */
export async function openStorage(): Promise<Storage> {
  const {Storage, IdempotencyStrategy} = await import('@google-cloud/storage')
  return new Storage({
    retryOptions: {
      maxRetries: 3,
      retryDelayMultiplier: 2,
      maxRetryDelay: 4,
      idempotencyStrategy: IdempotencyStrategy.RetryAlways,
    },
  })
}

/** HTTP status of an error of the storage client, which puts it in `code` or `status`, as a number or as text. */
export function httpStatus(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined
  for (const field of ['code', 'status'] as const) {
    const status = Number(Reflect.get(error, field))
    if (status >= 100 && status < 600) return status
  }
  return undefined
}

export function isNotFound(error: unknown): boolean {
  return httpStatus(error) === NOT_FOUND
}

export function isPreconditionFailed(error: unknown): boolean {
  return httpStatus(error) === PRECONDITION_FAILED
}

/** Metadata of an object or of one generation of it; `undefined` where there is none. */
export async function findMetadata(file: File): Promise<FileMetadata | undefined> {
  try {
    const [metadata] = await file.getMetadata()
    return metadata
  } catch (error) {
    if (isNotFound(error)) return undefined
    throw error
  }
}

/** Custom metadata as the text that it is on the wire. */
export function customMetadata(metadata: FileMetadata): Record<string, string> {
  const custom: Record<string, string> = {}
  for (const [name, value] of Object.entries(metadata.metadata ?? {})) {
    if (value !== null) custom[name] = String(value)
  }
  return custom
}

/** Writes a small object in a single request, if the object is at `expectedGeneration`. */
export async function writeObject(
  file: File,
  content: Uint8Array,
  options: {contentType: string; metadata: Record<string, string>; expectedGeneration: string},
): Promise<void> {
  await file.save(content, {
    resumable: false,
    validation: 'md5',
    contentType: options.contentType,
    metadata: {metadata: options.metadata},
    preconditionOpts: {ifGenerationMatch: options.expectedGeneration},
  })
}

/** Removes that generation of an object; one that is gone or was overwritten since is left alone. */
export async function removeObject(file: File, generation: string): Promise<void> {
  try {
    await file.delete({ifGenerationMatch: generation})
  } catch (error) {
    if (!isNotFound(error) && !isPreconditionFailed(error)) throw error
  }
}
