import {pipeline} from 'node:stream'
import {createGunzip} from 'node:zlib'
import {type FileBytes, type InputFile, PermanentError} from '../../processor.ts'
import {peek} from './peek.ts'
import {type DecodedText, decodeUtf16} from './utf16.ts'

/** The signature of gzip. */
const GZIP_MAGIC = Buffer.from([0x1f, 0x8b])

/** Whether the object's name says gzip; its result is then gzipped, too. */
export function isGzipName(object: string): boolean {
  return object.toLowerCase().endsWith('.gz')
}

/**
 * The file's text in UTF-8 from the start: unpacked if its name ends in `.gz`, decoded if it is UTF-16. Each
 * call is a new read. A chunk is gone when the next one is asked for.
 * @throws PermanentError `broken-gzip`, `not-utf16`
 */
export async function* readBytes(input: InputFile): AsyncGenerator<Buffer> {
  yield* (await openText(input)).bytes
}

/** The same, with the file's encoding. */
export async function openText(input: InputFile): Promise<DecodedText> {
  return decodeUtf16(unpacked(input))
}

/** Nothing to do if the storage already unpacked the file because of its content encoding. */
async function* unpacked(input: InputFile): AsyncGenerator<Buffer> {
  const stream = await input.open()
  if (!isGzipName(input.object)) {
    yield* chunksOf(stream, stream.free)
    return
  }
  const {head, all} = await peek(chunksOf(stream), GZIP_MAGIC.length)
  yield* head.subarray(0, GZIP_MAGIC.length).equals(GZIP_MAGIC) ? gunzipped(all) : all
}

async function* gunzipped(packed: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const stream = pipeline(packed, createGunzip(), () => {
    // Errors arrive through the iteration below.
  })
  try {
    yield* chunksOf(stream)
  } catch (error) {
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('Z_')) {
      throw new PermanentError('The name ends in .gz, but the content is not a complete gzip file.', {
        code: 'broken-gzip',
        suggestions: ['Check it with gzip -t, then upload it again.'],
        cause: error,
      })
    }
    throw error
  }
}

/** @param free called with each chunk when the next one is asked for */
async function* chunksOf(stream: FileBytes, free?: FileBytes['free']): AsyncGenerator<Buffer> {
  for await (const chunk of stream) {
    if (!Buffer.isBuffer(chunk)) throw new TypeError('An input stream must give bytes')
    if (chunk.length === 0) continue
    yield chunk
    free?.(chunk)
  }
}
