import {PermanentError} from '../../processor.ts'
import {type Beginning, findBeginning} from './beginning.ts'
import {DELIMITERS} from './delimiters.ts'
import {InOtherFormat, type OtherFormat} from './other-format.ts'
import {EXPORT_AS_CSV, foreignFormat, hasMagic} from './signatures.ts'

/** What the start of a file reveals about it. */
export interface Dialect extends Beginning {
  /** Of the file; one that is not CSV is read by the CSV that is written in its place. */
  format: 'csv' | OtherFormat
  /** The text starts with a byte order mark. */
  byteOrderMark: boolean
  /** Of the stored file; it is read and written as UTF-8. */
  encoding: 'UTF-8' | 'UTF-16'
}

/** More than any table that a regression is fitted to; a longer header means that rows and columns are swapped. */
export const MOST_COLUMNS = 10_000
/** The delimiter of longer first lines is detected in their first part. */
const LONGEST_HEAD_BYTES = 1024 * 1024
/** Lines in which the header and the delimiter are found. */
const LINES_OF_HEAD = 24
/** Of a byte order mark. */
const MARK_BYTES = 3

const LF = 0x0a
const CR = 0x0d
const QUOTE = 0x22
/** Per byte, 1 if a field may start after it. */
const BEFORE_FIELD = new Uint8Array(256)
for (const byte of [LF, CR, ...DELIMITERS.map((delimiter) => delimiter.charCodeAt(0))]) BEFORE_FIELD[byte] = 1

/** Whether `head`, the first bytes of a file, holds enough of it for {@link detectDialect}. */
export function holdsHead(head: Buffer): boolean {
  return head.length >= LONGEST_HEAD_BYTES || linesEnd(head).lines === LINES_OF_HEAD
}

/**
 * Detects the delimiter and the header.
 * @param head first bytes of the text, at least 24 lines, 1 MiB or all
 * @param encoding of the file
 * @throws PermanentError `not-csv`, `no-header`, `too-many-columns`
 * @throws InOtherFormat
 */
export function detectDialect(head: Buffer, encoding: Dialect['encoding']): Dialect {
  refuseOtherFormats(head)
  const byteOrderMark = head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf
  const from = byteOrderMark ? MARK_BYTES : 0
  const known = head.subarray(0, LONGEST_HEAD_BYTES)
  const {lines, end} = linesEnd(known)
  // Of a file of one line, the line; otherwise no line that is cut off.
  const complete = lines === 0 ? known : known.subarray(0, end)
  if (complete.toString('latin1', from).trim() === '') {
    throw new PermanentError('The file is empty: it has no header line.', {
      code: 'no-header',
      line: 1,
      suggestions: ['Name the columns in the first line, then write one row per line.'],
    })
  }
  refuseSeparatorLine(complete.toString('latin1', from, from + 16).split(/[\r\n]/, 1)[0] ?? '')
  const beginning = findBeginning(complete, from)
  if (beginning === undefined) {
    throw new PermanentError(
      'The first line has no comma, semicolon, tab or vertical bar: this is not a CSV file with a header.',
      {
        code: 'not-csv',
        line: 1,
        suggestions: [
          EXPORT_AS_CSV,
          'If titles or notes precede the header, remove them; a label needs at least one column beside it.',
        ],
      },
    )
  }
  return {...beginning, format: 'csv', byteOrderMark, encoding}
}

export function tooManyColumns(): PermanentError {
  return new PermanentError(`The header has more than ${MOST_COLUMNS} columns.`, {
    code: 'too-many-columns',
    line: 1,
    column: MOST_COLUMNS + 1,
    suggestions: ['Check that rows and columns are not swapped, or drop columns before the upload.'],
  })
}

/** Only Excel interprets a first line `sep=;`. */
function refuseSeparatorLine(header: string): void {
  if (!/^"?sep=.?"?$/i.test(header)) return
  throw new PermanentError(
    `The first line, ${header.replaceAll('"', '')}, is an Excel directive, not a header.`,
    {
      code: 'no-header',
      line: 1,
      suggestions: ['Remove that line, for instance: tail -n +2 in.csv > out.csv'],
    },
  )
}

/** Bytes of a text's beginning that show its format. */
const HEAD_OF_TEXT = 512

function refuseOtherFormats(head: Buffer): void {
  if (hasMagic(head, {magic: 'PAR1', isText: true})) throw new InOtherFormat('parquet')
  const foreign = foreignFormat(head)
  if (foreign !== undefined) {
    throw new PermanentError(`The file is ${foreign.what}, not CSV.`, {
      code: 'not-csv',
      line: 1,
      suggestions: [...foreign.suggestions],
    })
  }
  const isMarked = head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf
  const from = isMarked ? MARK_BYTES : 0
  const start = head.toString('latin1', from, from + HEAD_OF_TEXT).trimStart()
  const [firstLine = ''] = start.split(/[\r\n]/, 1)
  if (/^\{\s*["}]/.test(firstLine) && endsInBrace(head, head.indexOf('{')))
    throw new InOtherFormat('json-lines')
  if (/^\{\s*(["}]|$)|^\[\s*["{[\d]/.test(start)) {
    throw new PermanentError('The file is JSON, but does not have one object a line.', {
      code: 'not-csv',
      line: 1,
      suggestions: ["Write one object a line: jq -c '.[]' in.json > out.jsonl", EXPORT_AS_CSV],
    })
  }
  // A name in a header may look like a tag.
  const what =
    /^<(\?xml|!doctype|html)/i.test(start) || (/^<[a-z]+[ >]/i.test(start) && !/[,;\t|]/.test(firstLine))
      ? 'HTML or XML'
      : undefined
  if (what !== undefined) {
    throw new PermanentError(`The file is ${what}, not CSV.`, {
      code: 'not-csv',
      line: 1,
      suggestions: [EXPORT_AS_CSV],
    })
  }
}

/** Whether a line ends like an object, as far as it is known. */
function endsInBrace(head: Buffer, from: number): boolean {
  const end = head.indexOf(LF, from)
  return end === -1 && head.length >= LONGEST_HEAD_BYTES
    ? true
    : head
        .toString('latin1', from, end === -1 ? undefined : end)
        .trimEnd()
        .endsWith('}')
}

/** How many of the first {@link LINES_OF_HEAD} lines end in `head`, and where the last of them ends. */
function linesEnd(head: Buffer): {lines: number; end: number} {
  let lines = 0
  let end = 0
  let quoted = false
  /** Whether a quote would start a field, whatever the delimiter, or double one. */
  let opens = true
  for (let i = 0; i < head.length && lines < LINES_OF_HEAD; i++) {
    const byte = head[i] ?? LF
    if (byte === QUOTE && (quoted || opens)) {
      quoted = !quoted
      opens = true
      continue
    }
    if (quoted) continue
    opens = BEFORE_FIELD[byte] === 1
    if (byte !== LF && byte !== CR) continue
    if (i > end) lines++
    end = i + 1
  }
  return {lines, end}
}
