import {pipeline, type Readable} from 'node:stream'
import {createGunzip} from 'node:zlib'
import {type InputFile, PermanentError} from '../../processor.ts'
import {type DecodedText, decodeUtf16} from './utf16.ts'

/** Whether the object holds gzip by its name; its result is then gzipped too. */
export function isGzipName(object: string): boolean {
  return object.toLowerCase().endsWith('.gz')
}

/**
 * The file's text in UTF-8 from the beginning: unpacked where its name ends in `.gz`, decoded where it is UTF-16. Each
 * call is a new read.
 * @throws PermanentError `broken-gzip`, `not-utf16`
 */
export async function* readBytes(input: InputFile): AsyncGenerator<Buffer> {
  yield* (await openText(input)).bytes
}

/** The same, with what the file's encoding is. */
export async function openText(input: InputFile): Promise<DecodedText> {
  return decodeUtf16(unpacked(input))
}

async function* unpacked(input: InputFile): AsyncGenerator<Buffer> {
  const raw = await input.open()
  const stream: Readable = isGzipName(input.object)
    ? pipeline(raw, createGunzip(), () => {
        // Errors arrive through the iteration below.
      })
    : raw
  try {
    for await (const chunk of stream) {
      if (!Buffer.isBuffer(chunk)) throw new TypeError('An input stream must give bytes')
      if (chunk.length > 0) yield chunk
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('Z_')) {
      throw new PermanentError('The name ends in .gz, but the content is no complete gzip file.', {
        code: 'broken-gzip',
        suggestions: ['Check it with gzip -t, then upload it again.'],
        cause: error,
      })
    }
    throw error
  }
}
