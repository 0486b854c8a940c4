import type {Output} from '../../processor.ts'
import type {Pacer} from '../pacer.ts'
import type {Delimiter} from './delimiters.ts'
import type {Shape} from './records.ts'
import {type PredictedFields, RowAppender} from './row-appender.ts'
import {type RecordBlock, recordBytes} from './scanner.ts'

const LF = 0x0a
const CR = 0x0d
const BYTE_ORDER_MARK_BYTES = 3
/** That are appended at once. */
const MOST_ROWS = 1024

/** The fields that are appended to each record. */
export interface AppendedFields {
  /** Most bytes of one record's fields. */
  readonly mostBytes: number
  /** What the kernel writes those of the rows from. */
  readonly rows: PredictedFields
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
  const appender = new RowAppender(fields.rows, fields.mostBytes)
  let record = 0
  /** Offset in the file of what is held. */
  let position = 0
  let left = 0
  let start = 0
  for await (const chunk of bytes) {
    // The start of a record that the last chunk left unfinished is kept.
    appender.hold(start, chunk)
    position += start
    start = 0
    const {held} = appender
    for (let end = ends[record]; end !== undefined && end - position <= held.length; end = ends[record]) {
      const plain = countUpTo(
        Math.min(position + held.length, leftOut[left]?.start ?? Infinity),
        ends,
        record,
      )
      const appended =
        record === 0 ? 0 : appender.append(start, ends.subarray(record, record + plain), position, record - 1)
      if (appended > 0) {
        record += appended
        start = (ends[record - 1] ?? 0) - position
        continue
      }
      const stop = end - position
      const most = stop - start + fields.mostBytes + 1
      if (appender.size + most > appender.result.length && appender.size > 0) {
        await output.write(appender.result.subarray(0, appender.size))
        appender.size = 0
        if (pacer.due) await pacer.pause()
        continue
      }
      const {result} = appender
      const into = most > result.length ? Buffer.allocUnsafe(most) : result
      let size = appender.size
      if (record === 0) {
        if (dialect.byteOrderMark) size += held.copy(into, size, 0, BYTE_ORDER_MARK_BYTES)
        start = dialect.headerStart
      }
      // What is left out lies before the next record.
      for (let lines = leftOut[left]; lines !== undefined && lines.start <= position + start;) {
        start = lines.end - position
        lines = leftOut[++left]
      }
      while (start < stop && isLineEnd(held[start])) start++
      size = copied(held, start, stop, fields, record, dialect, into, size)
      if (into === result) appender.size = size
      else await output.write(into.subarray(0, size))
      start = stop
      record++
    }
    if (pacer.due) await pacer.pause()
  }
  if (record < ends.length) throw new Error('The file ended earlier than on the first read.')
  if (appender.size > 0) await output.write(appender.result.subarray(0, appender.size))
  appender.free()
}

/**
 * Copies one record of a block as {@link appendFields} does.
 * @param index of the record in the file; 0 is the header
 * @param into has room for the record and its fields
 * @returns where it ends
 */
export function copyRecord(
  block: RecordBlock,
  record: number,
  fields: AppendedFields,
  index: number,
  dialect: Pick<Shape['dialect'], 'delimiter' | 'form'>,
  into: Buffer,
  at: number,
): number {
  const bytes = recordBytes(block, record)
  return copied(bytes, 0, bytes.length, fields, index, dialect, into, at)
}

function copied(
  data: Buffer,
  start: number,
  stop: number,
  fields: AppendedFields,
  index: number,
  {delimiter, form}: Pick<Shape['dialect'], 'delimiter' | 'form'>,
  into: Buffer,
  at: number,
): number {
  const textStop = withoutLineEnd(data, start, stop)
  const isLonger = index === 0 && form === 'longer'
  const copyStop = isLonger ? data.lastIndexOf(delimiter, textStop - 1) : textStop
  let size = at + data.copy(into, at, start, copyStop)
  if (index === 0 && form === 'rows-longer') size += into.write(delimiter, size, 'latin1')
  size = fields.write(index, into, size)
  for (let end = textStop; end < stop; end++) into[size++] = data[end] ?? LF
  return size
}

/** A field as written in a CSV file: quoted only if necessary. */
export function quoteField(text: string, delimiter: Delimiter): string {
  const mustQuote =
    text.includes('"') || text.includes('\n') || text.includes('\r') || text.includes(delimiter)
  return mustQuote ? `"${text.replaceAll('"', '""')}"` : text
}

/** How many records from `first` on end at an offset or before it. */
function countUpTo(offset: number, ends: Float64Array, first: number): number {
  let record = first
  while (record - first < MOST_ROWS && (ends[record] ?? Infinity) <= offset) record++
  return record - first
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
