import type {Output} from '../../processor.ts'
import type {Pacer} from '../pacer.ts'
import type {Delimiter} from './dialect.ts'
import type {Shape} from './records.ts'

const LF = 0x0a
const CR = 0x0d
const FLUSH_BYTES = 256 * 1024

/**
 * Copies the records of a file that {@link readRecords} has read, byte for byte, and appends fields to each.
 * Blank lines are left out; each record keeps its own line end.
 * @param bytes the same file from its beginning
 * @param fields of record `index`, 0 is the header; joined and quoted already, without the leading delimiter
 */
export async function appendFields(
  bytes: AsyncIterable<Buffer>,
  shape: Shape,
  fields: (index: number) => string,
  output: Pick<Output, 'write'>,
  pacer: Pacer,
): Promise<void> {
  const {ends, dialect} = shape
  let record = 0
  let position = 0
  let carried: Buffer = Buffer.alloc(0)
  let pieces: (string | Buffer)[] = []
  let size = 0
  const flush = async (): Promise<void> => {
    if (size > 0) await output.write(joinPieces(pieces))
    pieces = []
    size = 0
  }
  for await (const chunk of bytes) {
    const data = carried.length === 0 ? chunk : Buffer.concat([carried, chunk])
    let start = 0
    for (let end = ends[record]; end !== undefined && end - position <= data.length; end = ends[++record]) {
      const stop = end - position
      const {textStart, textStop} = withoutLineEnds(data, start, stop)
      const appended = dialect.delimiter + fields(record)
      pieces.push(data.subarray(textStart, textStop), appended, data.subarray(textStop, stop))
      size += stop - start + appended.length
      start = stop
      if (size >= FLUSH_BYTES) await flush()
    }
    position += start
    carried = data.subarray(start)
    if (pacer.due) await pacer.pause()
  }
  await flush()
}

/** A field as it stands in a CSV file: in quotes only where it must be. */
export function quoteField(text: string, delimiter: Delimiter): string {
  const mustQuote =
    text.includes('"') || text.includes('\n') || text.includes('\r') || text.includes(delimiter)
  return mustQuote ? `"${text.replaceAll('"', '""')}"` : text
}

/** The record's own text: without the blank lines before it and the line end after it. */
function withoutLineEnds(data: Buffer, start: number, stop: number): {textStart: number; textStop: number} {
  let textStart = start
  while (textStart < stop && isLineEnd(data[textStart])) textStart++
  let textStop = stop
  if (textStop > textStart && data[textStop - 1] === LF) textStop--
  if (textStop > textStart && data[textStop - 1] === CR) textStop--
  return {textStart, textStop}
}

function isLineEnd(byte: number | undefined): boolean {
  return byte === LF || byte === CR
}

function joinPieces(pieces: readonly (string | Buffer)[]): Buffer {
  return Buffer.concat(pieces.map((piece) => (typeof piece === 'string' ? Buffer.from(piece) : piece)))
}
