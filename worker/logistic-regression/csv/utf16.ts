import {PermanentError} from '../../processor.ts'
import {peek} from './peek.ts'

/** Bytes needed for detection: two of a byte order mark, or two characters without one. */
const TELLING_BYTES = 4

/** The text of a file as UTF-8, and its original encoding. */
export interface DecodedText {
  encoding: 'UTF-8' | 'UTF-16'
  bytes: AsyncGenerator<Buffer>
}

/**
 * Converts UTF-16 to UTF-8 and keeps a byte order mark; anything else passes unchanged. Without a mark, UTF-16 is
 * detected by every other byte of the first two characters being NUL, which UTF-8 text never contains. Reading
 * `bytes` throws PermanentError `not-utf16` if the file continues as something else.
 * @throws PermanentError `not-utf8` for UTF-32
 */
export async function decodeUtf16(chunks: AsyncGenerator<Buffer>): Promise<DecodedText> {
  const {head, all} = await peek(chunks, TELLING_BYTES)
  const start = head.toString('latin1')
  if (start.startsWith('\xff\xfe\0\0') || start.startsWith('\0\0\xfe\xff')) {
    throw new PermanentError('The file is UTF-32, which is not supported.', {
      code: 'not-utf8',
      line: 1,
      suggestions: ['Save it as UTF-8, for instance: iconv -f UTF-32 -t UTF-8 in.csv > out.csv'],
    })
  }
  if (/^(\xff\xfe|[^\0]\0[^\0]\0)/.test(start)) return {encoding: 'UTF-16', bytes: decoded(all, 'utf-16le')}
  if (/^(\xfe\xff|\0[^\0]\0[^\0])/.test(start)) return {encoding: 'UTF-16', bytes: decoded(all, 'utf-16be')}
  return {encoding: 'UTF-8', bytes: all}
}

async function* decoded(chunks: AsyncIterable<Buffer>, label: string): AsyncGenerator<Buffer> {
  const decoder = new TextDecoder(label, {fatal: true, ignoreBOM: true})
  for await (const chunk of chunks) {
    const text = Buffer.from(decode(() => decoder.decode(chunk, {stream: true})))
    if (text.length > 0) yield text
  }
  decode(() => decoder.decode())
}

function decode(step: () => string): string {
  try {
    return step()
  } catch (cause) {
    throw new PermanentError('The file starts as UTF-16, but contains bytes that are not.', {
      code: 'not-utf16',
      suggestions: ['Export the data again as CSV in UTF-8: the file may have been cut off.'],
      cause,
    })
  }
}
