import type {InputFile} from '../../processor.ts'
import type {Delimiter} from './delimiters.ts'
import {isGzipName, readBytes} from './source.ts'

const LF = 0x0a
const CR = 0x0d
const QUOTE = 0x22
/** Of a byte order mark. */
const MARK_BYTES = 3

/** A position in a CSV file, for messages. */
export interface Location {
  /** Physical line, counted from 1; CR, LF and CR LF end a line. */
  line: number
  /** Field within the record, counted from 1. */
  column: number
}

/**
 * Locates a byte offset by reading the file again up to it: faults are rare, so reading good files pays nothing for
 * exact positions.
 * @param offset of the (unpacked) bytes; line ends at the offset are skipped, so that the end of a record yields the
 * position of the next one
 * @throws PermanentError `broken-gzip`: a damaged archive yields wrong bytes long before the damage is detected, so
 * it is read to its end
 */
export async function locate(input: InputFile, offset: number, delimiter: Delimiter): Promise<Location> {
  const separator = delimiter.charCodeAt(0)
  let line = 1
  let column = 1
  let quoted = false
  let opens = true
  let previous = 0
  let position = 0
  let found: Location | undefined
  for await (const chunk of readBytes(input)) {
    if (found !== undefined) {
      if (isGzipName(input.object)) continue
      break
    }
    for (const byte of chunk) {
      const isMark = position < MARK_BYTES && byte >= 0x80
      const isLineEnd = byte === LF || byte === CR
      if (position >= offset && !isLineEnd) {
        found = {line, column}
        break
      }
      // Elsewhere a quote is a character; behind one that closed the field it doubles that.
      if (byte === QUOTE && (quoted || opens)) {
        quoted = !quoted
        opens = true
      } else if (!quoted) {
        opens = isLineEnd || byte === separator || isMark
      }
      if (isLineEnd) {
        if (!(byte === LF && previous === CR)) line++
        if (!quoted) column = 1
      } else if (byte === separator && !quoted) {
        column++
      }
      previous = byte
      position++
    }
  }
  return found ?? {line, column}
}
