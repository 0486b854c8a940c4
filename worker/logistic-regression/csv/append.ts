import type {Output} from '../../processor.ts'
import type {Pacer} from '../pacer.ts'
import type {Delimiter} from './delimiters.ts'
import type {Shape} from './records.ts'

const LF = 0x0a
const CR = 0x0d
const BYTE_ORDER_MARK_BYTES = 3
const FLUSH_BYTES = 256 * 1024

/** The fields that are appended to each record. */
export interface AppendedFields {
  /** Most bytes of one record's fields. */
  readonly mostBytes: number
  /**
   * Writes those of record `index` (0 is the header) into `into` from `at` on, quoted if necessary, each with
   * the delimiter before it.
   * @returns where they end
   */
  write(index: number, into: Buffer, at: number): number
}

/**
 * Copies the records of a file that {@link readRecords} has read, byte for byte, and appends fields to each.
 * Blank lines and lines that are neither header nor row are dropped; each record keeps its own line end. A header that
 * has a delimiter more or less than the rows gets as many.
 * @param bytes the same file from its start
 * @param output must have taken a chunk's bytes when its promise resolves: the buffer is reused
 */
export async function appendFields(
  bytes: AsyncIterable<Buffer>,
  {dialect, ends, leftOut}: Shape,
  fields: AppendedFields,
  output: Pick<Output, 'write'>,
  pacer: Pacer,
): Promise<void> {
  let record = 0
  let position = 0
  let left = 0
  /** The start of a record that the last chunk left unfinished. */
  let carried: Buffer = Buffer.allocUnsafe(FLUSH_BYTES)
  let carriedBytes = 0
  let result = Buffer.allocUnsafe(FLUSH_BYTES)
  let size = 0
  for await (const chunk of bytes) {
    // A reused buffer: one per chunk would be collected late.
    const length = carriedBytes + chunk.length
    if (length > carried.length) carried = grown(carried, carriedBytes, 2 * length)
    chunk.copy(carried, carriedBytes)
    const data = carried.subarray(0, length)
    let start = 0
    for (let end = ends[record]; end !== undefined && end - position <= data.length; end = ends[++record]) {
      const stop = end - position
      const most = stop - start + fields.mostBytes + 1
      if (size + most > result.length) {
        if (size > 0) await output.write(result.subarray(0, size))
        size = 0
        if (most > result.length) result = Buffer.allocUnsafe(2 * most)
        if (pacer.due) await pacer.pause()
      }
      if (record === 0) {
        if (dialect.byteOrderMark) size += data.copy(result, size, 0, BYTE_ORDER_MARK_BYTES)
        start = dialect.headerStart
      }
      // What is left out lies before the next record.
      for (let lines = leftOut[left]; lines !== undefined && lines.start <= position + start;) {
        start = lines.end - position
        lines = leftOut[++left]
      }
      while (start < stop && isLineEnd(data[start])) start++
      const textStop = withoutLineEnd(data, start, stop)
      const isLonger = record === 0 && dialect.form === 'longer'
      const copyStop = isLonger ? data.lastIndexOf(dialect.delimiter, textStop - 1) : textStop
      size += data.copy(result, size, start, copyStop)
      if (record === 0 && dialect.form === 'rows-longer')
        size += result.write(dialect.delimiter, size, 'latin1')
      size = fields.write(record, result, size)
      for (let at = textStop; at < stop; at++) result[size++] = data[at] ?? LF
      start = stop
    }
    position += start
    carried.copyWithin(0, start, length)
    carriedBytes = length - start
    if (pacer.due) await pacer.pause()
  }
  if (record < ends.length) throw new Error('The file ended earlier than on the first read.')
  if (size > 0) await output.write(result.subarray(0, size))
}

/** A field as written in a CSV file: quoted only if necessary. */
export function quoteField(text: string, delimiter: Delimiter): string {
  const mustQuote =
    text.includes('"') || text.includes('\n') || text.includes('\r') || text.includes(delimiter)
  return mustQuote ? `"${text.replaceAll('"', '""')}"` : text
}

function grown(from: Buffer, used: number, size: number): Buffer {
  const into = Buffer.allocUnsafe(size)
  from.copy(into, 0, 0, used)
  return into
}

/** Where a record's own text ends. */
function withoutLineEnd(data: Buffer, start: number, stop: number): number {
  let textStop = stop
  if (textStop > start && data[textStop - 1] === LF) textStop--
  if (textStop > start && data[textStop - 1] === CR) textStop--
  return textStop
}

function isLineEnd(byte: number | undefined): boolean {
  return byte === LF || byte === CR
}
