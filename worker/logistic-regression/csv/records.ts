import {CsvError, Parser} from 'csv-parse'
import {type InputFile, PermanentError} from '../../processor.ts'
import type {Pacer} from '../pacer.ts'
import {type Delimiter, type Dialect, detectDialect, holdsHeader} from './dialect.ts'
import {EncodingCheck, type EncodingFault} from './encoding.ts'
import {locate} from './location.ts'
import {readBytes} from './source.ts'

/** A record longer than this comes from a quote that is never closed. */
const LONGEST_RECORD = 16 * 1024 * 1024

/** Receives a file's records in order. */
export interface RecordHandler {
  header(names: readonly string[], dialect: Dialect): void
  /** @param fields as many as the header has */
  row(fields: readonly string[]): void
}

/** The shape of a file that was read to its end. */
export interface Shape {
  dialect: Dialect
  /** Offset after each record and its line end, the header's first, in unpacked bytes. */
  ends: Float64Array
}

/**
 * Reads a CSV file with a header: RFC 4180, with delimiter by header, a byte order mark, any mix of line ends,
 * and blank lines passed over.
 * @throws PermanentError with line and column: `not-csv`, `not-utf8`, `nul-byte`, `no-header`, `no-rows`,
 * `broken-quote`, `record-too-long`, `ragged-row`, `too-many-columns`, `broken-gzip`; and whatever the handler throws
 */
export async function readRecords(input: InputFile, handler: RecordHandler, pacer: Pacer): Promise<Shape> {
  let reading: Reading | undefined
  let head: Buffer = Buffer.alloc(0)
  try {
    for await (const chunk of readBytes(input)) {
      if (reading === undefined) {
        head = head.length === 0 ? chunk : Buffer.concat([head, chunk])
        if (!holdsHeader(head)) continue
        reading = new Reading(detectDialect(head), handler)
        await reading.write(head)
      } else {
        await reading.write(chunk)
      }
      if (pacer.due) await pacer.pause()
    }
    if (reading === undefined) {
      reading = new Reading(detectDialect(head), handler)
      await reading.write(head)
    }
    return await reading.end()
  } catch (error) {
    if (!(error instanceof FaultAt)) throw error
    const {line, column} = await locate(input, error.offset, error.delimiter)
    throw new PermanentError(error.describe(line), {
      code: error.code,
      line,
      column: error.column ?? column,
      suggestions: [error.suggestion],
      cause: error.cause,
    })
  }
}

/** A fault of which only the byte offset is known yet. */
class FaultAt extends Error {
  readonly code: string
  readonly offset: number
  readonly delimiter: Delimiter
  readonly column: number | undefined
  readonly suggestion: string
  readonly describe: (line: number) => string

  constructor(
    at: {offset: number; delimiter: Delimiter; column?: number},
    fault: {code: string; describe: (line: number) => string; suggestion: string; cause?: unknown},
  ) {
    super(fault.code, {cause: fault.cause})
    this.code = fault.code
    this.offset = at.offset
    this.delimiter = at.delimiter
    this.column = at.column
    this.suggestion = fault.suggestion
    this.describe = fault.describe
  }
}

/** One pass over a file, from its known dialect on. */
class Reading {
  readonly #dialect: Dialect
  readonly #handler: RecordHandler
  readonly #parser: Parser
  readonly #encoding = new EncodingCheck()
  #ends = new Float64Array(1024)
  #records = 0
  #columns = 0

  constructor(dialect: Dialect, handler: RecordHandler) {
    this.#dialect = dialect
    this.#handler = handler
    this.#parser = new Parser({
      bom: true,
      delimiter: dialect.delimiter,
      record_delimiter: ['\r\n', '\n', '\r'],
      skip_empty_lines: true,
      relax_column_count: true,
      max_record_size: LONGEST_RECORD,
      on_record: (fields: string[], {bytes}) => {
        this.#record(fields, bytes)
        return null
      },
    })
    this.#parser.on('error', () => {
      // The callbacks of write and end tell it; without a listener Node would end the process.
    })
    this.#parser.resume()
  }

  async write(chunk: Buffer): Promise<void> {
    this.#refuse(this.#encoding.check(chunk))
    await this.#parse((done) => this.#parser.write(chunk, done))
  }

  async end(): Promise<Shape> {
    this.#refuse(this.#encoding.end())
    await this.#parse((done) => this.#parser.end(done))
    if (this.#records <= 1) {
      throw new PermanentError('The file has a header but no rows.', {
        code: 'no-rows',
        line: 2,
        suggestions: ['Check that the export wrote its data, then upload it again.'],
      })
    }
    return {dialect: this.#dialect, ends: this.#ends.subarray(0, this.#records)}
  }

  #record(fields: string[], end: number): void {
    if (this.#records === 0) {
      this.#header(fields)
    } else {
      if (fields.length !== this.#columns) this.#refuseRagged(fields.length)
      this.#handler.row(fields)
    }
    if (this.#records === this.#ends.length) {
      const larger = new Float64Array(this.#ends.length * 2)
      larger.set(this.#ends)
      this.#ends = larger
    }
    this.#ends[this.#records++] = end
  }

  #header(fields: string[]): void {
    if (fields.every((field) => field.trim() !== '' && Number.isFinite(Number(field)))) {
      throw new PermanentError('The first line has numbers only: the file has no header.', {
        code: 'no-header',
        line: 1,
        suggestions: ['Put a line with the names of the columns first.'],
      })
    }
    this.#columns = fields.length
    this.#handler.header(fields, this.#dialect)
  }

  #refuseRagged(found: number): never {
    throw new FaultAt(
      {...this.#here(), column: Math.min(found, this.#columns) + 1},
      {
        code: 'ragged-row',
        describe: (line) =>
          `Line ${line} has ${found} field${found === 1 ? '' : 's'}, the header has ${this.#columns}.`,
        suggestion: 'Fields that contain the delimiter or a line end must be in double quotes.',
      },
    )
  }

  #refuse(fault: EncodingFault | undefined): void {
    if (fault === undefined) return
    const at = {offset: fault.offset, delimiter: this.#dialect.delimiter}
    throw fault.kind === 'nul-byte'
      ? new FaultAt(at, {
          code: 'nul-byte',
          describe: (line) => `Line ${line} has a NUL byte, which no text has.`,
          suggestion:
            'Export the data again as CSV (UTF-8); a NUL byte often comes from UTF-16 or a damaged file.',
        })
      : new FaultAt(at, {
          code: 'not-utf8',
          describe: (line) => `Line ${line} has bytes that are not UTF-8.`,
          suggestion: 'Save it as UTF-8, for instance: iconv -f WINDOWS-1252 -t UTF-8 in.csv > out.csv',
        })
  }

  /** Where the record begins that is being read. */
  #here(): {offset: number; delimiter: Delimiter} {
    const offset = this.#records === 0 ? 0 : (this.#ends[this.#records - 1] ?? 0)
    return {offset, delimiter: this.#dialect.delimiter}
  }

  async #parse(step: (done: (error?: Error | null) => void) => void): Promise<void> {
    try {
      await new Promise<void>((resolve, reject) => {
        step((error) => {
          if (error instanceof Error) reject(error)
          else resolve()
        })
      })
    } catch (error) {
      throw error instanceof CsvError ? this.#unreadable(error) : error
    }
  }

  /** With ragged rows let through, quotes and lengths are all that csv-parse complains about. */
  #unreadable(error: CsvError): FaultAt {
    const column = typeof error['column'] === 'number' ? error['column'] + 1 : 1
    const at = {...this.#here(), column}
    return error.code === 'CSV_MAX_RECORD_SIZE'
      ? new FaultAt(at, {
          code: 'record-too-long',
          describe: (line) =>
            `The record that begins in line ${line} is longer than 16 MiB, in column ${column}.`,
          suggestion:
            'Check that the field there has a closing double quote, and that lines end in LF, CR LF or CR.',
          cause: error,
        })
      : new FaultAt(at, {
          code: 'broken-quote',
          describe: (line) =>
            `The record that begins in line ${line} has a double quote that does not pair, in column ${column}.`,
          suggestion:
            'A field with a double quote in it must be in double quotes, and each quote within is doubled.',
          cause: error,
        })
  }
}
