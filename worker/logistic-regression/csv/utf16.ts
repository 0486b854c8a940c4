import {PermanentError} from '../../processor.ts'

const BYTE_ORDER_MARK_BYTES = 2

/** The text of a file as UTF-8, and what it was. */
export interface DecodedText {
  encoding: 'UTF-8' | 'UTF-16'
  bytes: AsyncGenerator<Buffer>
}

/**
 * Turns UTF-16 with a byte order mark into UTF-8 with one; anything else is passed on as it is.
 * Reading `bytes` throws PermanentError `not-utf16` where the file goes on as something else.
 */
export async function decodeUtf16(chunks: AsyncGenerator<Buffer>): Promise<DecodedText> {
  let head: Buffer = Buffer.alloc(0)
  while (head.length < BYTE_ORDER_MARK_BYTES) {
    const next = await chunks.next()
    if (next.done === true) break
    head = Buffer.concat([head, next.value])
  }
  const all = joined(head, chunks)
  const [first, second] = head
  if (first === 0xff && second === 0xfe) return {encoding: 'UTF-16', bytes: decoded(all, 'utf-16le')}
  if (first === 0xfe && second === 0xff) return {encoding: 'UTF-16', bytes: decoded(all, 'utf-16be')}
  return {encoding: 'UTF-8', bytes: all}
}

async function* joined(head: Buffer, rest: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  if (head.length > 0) yield head
  yield* rest
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
    throw new PermanentError('The file begins as UTF-16, but has bytes that are none.', {
      code: 'not-utf16',
      suggestions: ['Export the data again as CSV in UTF-8: the file may have been cut off.'],
      cause,
    })
  }
}
