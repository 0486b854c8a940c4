import {PermanentError} from '../../processor.ts'
import {DELIMITERS, DELIMITER_NAMES, type Delimiter} from './delimiters.ts'
import type {EncodingFault} from './encoding.ts'
import type {Location} from './location.ts'

/** Where a fault is, before its line is known. */
export interface Place {
  offset: number
  delimiter: Delimiter
  /** If it is not the field at the offset. */
  column?: number
}

/** A fault in a file's text, with only its byte offset known so far. */
export class FaultAt extends Error {
  override readonly name = 'FaultAt'
  readonly offset: number
  readonly delimiter: Delimiter
  readonly #column: number | undefined
  readonly #code: string
  readonly #describe: (line: number) => string
  readonly #suggestion: string

  constructor(place: Place, fault: {code: string; describe: (line: number) => string; suggestion: string}) {
    super(fault.code)
    this.offset = place.offset
    this.delimiter = place.delimiter
    this.#column = place.column
    this.#code = fault.code
    this.#describe = fault.describe
    this.#suggestion = fault.suggestion
  }

  /** The message. */
  at({line, column}: Location): PermanentError {
    return new PermanentError(this.#describe(line), {
      code: this.#code,
      line,
      column: this.#column ?? column,
      suggestions: [this.#suggestion],
    })
  }
}

/**
 * @param place of the record's beginning
 * @param text of its first line
 */
export function raggedRow(place: Place, text: string, found: number, columns: number): FaultAt {
  return new FaultAt(
    {...place, column: Math.min(found, columns) + 1},
    {
      code: 'ragged-row',
      describe: (line) =>
        `Line ${line} has ${found} field${found === 1 ? '' : 's'}; the header has ${columns}.`,
      suggestion: remedyOf(place.delimiter, text, found, columns),
    },
  )
}

function remedyOf(delimiter: Delimiter, text: string, found: number, columns: number): string {
  const name = DELIMITER_NAMES[delimiter]
  if (found === 1) {
    return DELIMITERS.some((other) => other !== delimiter && text.split(other).length === columns)
      ? `That line has another delimiter: write ${name}s in all lines, or upload the parts as separate files.`
      : 'If that line is a title, note or total, remove it; if it is the rest of a row, put the field with the line break in double quotes.'
  }
  if (found < columns)
    return `Add the missing fields, empty if they have no value; if the row continues in the next line, put the field with the line break in double quotes.`
  if (text.trimEnd().endsWith(delimiter))
    return `Remove the ${name} at the end of that line: it starts another field.`
  return `Put fields that contain a ${name} in double quotes${delimiter === ',' ? ', numbers with decimal commas included' : ''}.`
}

/** @param place of the record's beginning, with the field's column */
export function recordTooLong(place: Place): FaultAt {
  return new FaultAt(place, {
    code: 'record-too-long',
    describe: (line) =>
      `The record that starts in line ${line} is longer than 16 MiB, in column ${place.column}.`,
    suggestion:
      'Check that the field there has a closing double quote, and that lines end in LF, CR LF or CR.',
  })
}

/** @param place of the record's beginning, with the field's column */
export function brokenQuote(place: Place): FaultAt {
  return new FaultAt(place, {
    code: 'broken-quote',
    describe: (line) =>
      `The record that starts in line ${line} has an unmatched double quote, in column ${place.column}.`,
    suggestion:
      'A field that starts with a double quote must end with one, followed by the delimiter, and each quote within is doubled.',
  })
}

export function encodingFault({kind, offset}: EncodingFault, delimiter: Delimiter): FaultAt {
  return kind === 'nul-byte'
    ? new FaultAt(
        {offset, delimiter},
        {
          code: 'nul-byte',
          describe: (line) => `Line ${line} has a NUL byte, which is not valid text.`,
          suggestion:
            'Export the data again as CSV (UTF-8); a NUL byte often comes from UTF-16 or a damaged file.',
        },
      )
    : new FaultAt(
        {offset, delimiter},
        {
          code: 'not-utf8',
          describe: (line) => `Line ${line} has bytes that are not UTF-8.`,
          suggestion: 'Save it as UTF-8, for instance: iconv -f WINDOWS-1252 -t UTF-8 in.csv > out.csv',
        },
      )
}
