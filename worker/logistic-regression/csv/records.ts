import {type InputFile, PermanentError} from '../../processor.ts'
import type {Pacer} from '../pacer.ts'
import {type Dialect, MOST_COLUMNS, detectDialect, holdsHead, tooManyColumns} from './dialect.ts'
import {EncodingCheck} from './encoding.ts'
import {FaultAt, type Place, brokenQuote, encodingFault, raggedRow, recordTooLong} from './faults.ts'
import {locate} from './location.ts'
import {isFooter} from './footer.ts'
import {RepeatedHeader, without} from './repeated-header.ts'
import {type RecordBlock, type ScanEnd, Scanner, fieldText, valueText} from './scanner.ts'
import {openText} from './source.ts'

/** A record longer than this comes from a quote that is never closed. */
const LONGEST_RECORD = 16 * 1024 * 1024
/** What is scanned at a time: a few milliseconds of work. */
const SLICE_BYTES = 256 * 1024
const LF = 0x0a
const CR = 0x0d
/** Ctrl-Z, with which CP/M and mainframes end a text. */
const SUBSTITUTE = 0x1a

/** What is known of a file before it is read. */
export interface ReadingOptions {
  /** Otherwise it is found by the first lines. */
  dialect?: Dialect | undefined
  /** The row, counted from 0, that an earlier read found to be a total: a footer. */
  total?: number | undefined
}

/** Receives a file's records in order. */
export interface RecordHandler {
  /** Whether {@link Shape.ends} is needed; once it is not, it stays empty. */
  readonly needsEnds: boolean
  /** @param block the header alone */
  header(names: readonly string[], dialect: Dialect, block: RecordBlock): void
  /**
   * @param block of records with as many fields as the header has; valid during the call only
   * @param end offset after the block's last record, in unpacked bytes
   */
  rows(block: RecordBlock, end: number): void
  /** Called every few blocks, which wait for it. */
  flush?(): Promise<void>
}

/** The shape of a file that was read to its end. */
export interface Shape {
  dialect: Dialect
  /** Offset after each record and its line end, the header's first, in unpacked bytes. */
  ends: Float64Array
  /** Lines after the header that are neither header nor row, each from one offset to another, in order. */
  leftOut: readonly {start: number; end: number}[]
  /** How many of those repeat the header. */
  repeatedHeaders: number
  /** What follows the last row. */
  footer: string | undefined
}

/**
 * Reads a CSV file with a header: RFC 4180, with the delimiter of its first lines, a byte order mark, any mix of line ends,
 * and blank lines skipped. Titles, units, repeated headers and a footer are left out, and reported.
 * @throws PermanentError with line and column: `not-csv`, `not-utf8`, `not-utf16`, `nul-byte`, `no-header`, `no-rows`,
 * `broken-quote`, `record-too-long`, `ragged-row`, `too-many-columns`, `broken-gzip`; and whatever the handler throws
 */
export async function readRecords(
  input: InputFile,
  handler: RecordHandler,
  pacer: Pacer,
  {total, dialect: known}: ReadingOptions = {},
): Promise<Shape> {
  let reading: Reading | undefined
  let head: Buffer = Buffer.alloc(0)
  try {
    const text = await openText(input)
    for await (const chunk of text.bytes) {
      let bytes = chunk
      if (reading === undefined) {
        // A copy: the chunk is gone when the next one is asked for.
        head = Buffer.concat([head, chunk])
        if (known === undefined && !holdsHead(head)) continue
        reading = new Reading(known ?? detectDialect(head, text.encoding), handler, total)
        bytes = head
      }
      for (let start = 0; start < bytes.length; start += SLICE_BYTES) {
        reading.write(bytes.subarray(start, start + SLICE_BYTES))
        await handler.flush?.()
        if (pacer.due) await pacer.pause()
      }
    }
    if (reading === undefined) {
      reading = new Reading(known ?? detectDialect(head, text.encoding), handler, total)
      reading.write(head)
    }
    return reading.end()
  } catch (error) {
    if (!(error instanceof FaultAt)) throw error
    throw error.at(await locate(input, error.offset, error.delimiter))
  }
}

/** One pass over a file, from its known dialect on. */
class Reading {
  readonly #dialect: Dialect
  readonly #handler: RecordHandler
  readonly #total: number | undefined
  readonly #encoding = new EncodingCheck()
  readonly #scanner: Scanner
  /** Bytes not scanned yet, from the start of a record. */
  #held: Buffer = Buffer.alloc(0)
  #length = 0
  /** Offset of the first byte held. */
  #offset = 0
  /** How many bytes must be held before the next scan: otherwise a long record would be scanned for each chunk. */
  #wanted = 0
  #ends = new Float64Array(1024)
  /** Offset after the last record. */
  #end = 0
  #records = 0
  #repeatedHeader: RepeatedHeader | undefined
  readonly #leftOut: {start: number; end: number}[] = []
  #footer = ''
  /** Of a line that looks like a footer: a fault if a row follows. */
  #faultOfFooter: FaultAt | undefined

  constructor(dialect: Dialect, handler: RecordHandler, total: number | undefined) {
    this.#total = total
    this.#dialect = dialect
    this.#handler = handler
    this.#scanner = new Scanner(dialect.delimiter, MOST_COLUMNS)
  }

  write(slice: Buffer): void {
    const fault = this.#encoding.check(slice)
    // An earlier fault may precede it: the file's first one is reported, however its bytes arrive.
    const sound = fault === undefined ? slice.length : Math.max(0, fault.offset - this.#offset - this.#length)
    this.#hold(slice.subarray(0, sound))
    if (this.#length >= this.#wanted || fault !== undefined) this.#scan(false)
    if (fault !== undefined) throw encodingFault(fault, this.#dialect.delimiter)
  }

  end(): Shape {
    const fault = this.#encoding.end()
    while (this.#held[this.#length - 1] === SUBSTITUTE && this.#length > 0) {
      this.#length--
      this.#footer = 'Ctrl-Z'
    }
    this.#scan(fault === undefined)
    this.#scanner.free()
    if (fault !== undefined) throw encodingFault(fault, this.#dialect.delimiter)
    if (this.#records <= 1) {
      throw new PermanentError('The file has a header but no rows.', {
        code: 'no-rows',
        line: 2,
        suggestions: ['Check that the export wrote its data, then upload it again.'],
      })
    }
    return {
      dialect: this.#dialect,
      ends: this.#ends.subarray(0, this.#handler.needsEnds ? this.#records : 0),
      leftOut: this.#leftOut,
      repeatedHeaders:
        this.#leftOut.length - Number(this.#dialect.units !== undefined) - Number(this.#total !== undefined),
      footer: this.#footer === '' ? undefined : this.#footer,
    }
  }

  #hold(slice: Buffer): void {
    const length = this.#length + slice.length
    // The scanner needs room for one byte more.
    if (length >= this.#held.length) {
      // The first chunk may be the whole file.
      const larger = Buffer.allocUnsafe(this.#length === 0 ? length + 1 : 2 * length)
      this.#held.copy(larger, 0, 0, this.#length)
      this.#held = larger
    }
    slice.copy(this.#held, this.#length)
    this.#length = length
  }

  #scan(last: boolean): void {
    const scanner = this.#scanner
    const before = this.#records
    let from = this.#records === 0 ? Math.max(0, this.#dialect.headerStart - this.#offset) : 0
    if (from > this.#length) return
    scanner.load(this.#held, this.#length)
    let end: ScanEnd
    do {
      end = scanner.scan(from, last)
      this.#take()
      from = scanner.next
      if (end === 'ragged-row') from = this.#skipFooter(from)
    } while (end === 'full' || (end === 'ragged-row' && from < this.#length))
    if (end === 'broken-quote') throw this.#faultOfFooter ?? brokenQuote(this.#placeOf(from))
    if (this.#length - from > LONGEST_RECORD) throw this.#faultOfFooter ?? recordTooLong(this.#placeOf(from))
    this.#held.copyWithin(0, from, this.#length)
    this.#length -= from
    this.#offset += from
    this.#wanted = this.#records === before ? Math.min(2 * this.#length, LONGEST_RECORD + 1) : 0
  }

  #placeOf(from: number): Place {
    return {
      offset: this.#offset + from,
      delimiter: this.#dialect.delimiter,
      column: this.#scanner.fields + 1,
    }
  }

  /**
   * Takes the record at `from`, which does not fit the header, for a footer.
   * @returns its end
   * @throws FaultAt unless it looks like one
   */
  #skipFooter(from: number): number {
    let end = from
    while (end < this.#length && this.#held[end] !== LF && this.#held[end] !== CR) end++
    const text = this.#held.toString('utf8', from, end)
    const fault = raggedRow(this.#placeOf(from), text, this.#scanner.fields, this.#scanner.columns)
    if (!isFooter(text)) throw this.#faultOfFooter ?? fault
    this.#faultOfFooter ??= fault
    this.#footer = [this.#footer, text.trim()].filter((part) => part !== '').join(' ')
    return end
  }

  /** Passes the scanner's records to the handler. */
  #take(): void {
    const {ends} = this.#scanner
    if (ends.length === 0) return
    if (this.#faultOfFooter !== undefined) throw this.#faultOfFooter
    if (!this.#handler.needsEnds) this.#ends = new Float64Array(0)
    else if (this.#records + ends.length > this.#ends.length) {
      const larger = new Float64Array(2 * (this.#records + ends.length))
      larger.set(this.#ends)
      this.#ends = larger
    }
    const {block} = this.#scanner
    const left = this.#linesWithoutRow(block)
    if (left.length > 0) this.#leaveOut(left, ends)
    else this.#addEnds(ends)
    this.#end = this.#offset + (ends.at(-1) ?? 0)
    if (!this.#scanner.isFixed) this.#header(block)
    else if (block.records > left.length) this.#handler.rows(without(block, left), this.#end)
  }

  #addEnds(ends: Int32Array): void {
    const all = this.#ends
    const [offset, records] = [this.#offset, this.#records]
    for (let i = 0; i < ends.length; i++) all[records + i] = offset + (ends[i] ?? 0)
    this.#records += ends.length
  }

  /** Which records of a block are units, a repeated header or the total. */
  #linesWithoutRow(block: RecordBlock): readonly number[] {
    const repeated = this.#repeatedHeader?.in(block) ?? []
    const isUnits = this.#dialect.units !== undefined && this.#records === 1 && this.#leftOut.length === 0
    const left = isUnits && repeated[0] !== 0 ? [0, ...repeated] : repeated
    const rows = this.#records - 1 + block.records - left.length
    if (this.#total === undefined || rows <= this.#total) return left
    let last = block.records - 1
    while (left.includes(last)) last--
    const fields = Array.from({length: block.columns}, (_, i) => fieldText(block, last * block.columns + i))
    this.#footer = fields.join(this.#dialect.delimiter)
    return [...left, last]
  }

  #leaveOut(left: readonly number[], ends: Int32Array): void {
    const isLeft = new Set(left)
    let start = this.#end
    for (const [record, place] of ends.entries()) {
      const end = this.#offset + place
      if (isLeft.has(record)) this.#leftOut.push({start, end})
      else this.#ends[this.#records++] = end
      start = end
    }
  }

  #header(block: RecordBlock): void {
    const columns = this.#scanner.fields
    if (columns > MOST_COLUMNS) throw tooManyColumns()
    const names = Array.from({length: columns}, (_, field) => valueText(fieldText(block, field)))
    if (this.#dialect.format === 'csv') refuseNoHeader(names)
    if (!this.#dialect.namesRecur) this.#repeatedHeader = new RepeatedHeader(block, columns)
    const all = namesOfRows(names, this.#dialect.form)
    this.#handler.header(all, this.#dialect, block)
    this.#scanner.expect(all.length)
  }
}

/** A name for each field of the rows: some have none. */
function namesOfRows(names: readonly string[], form: Dialect['form']): readonly string[] {
  if (form === 'shorter') return ['', ...names]
  if (form === 'rows-longer') return [...names, '']
  return form === 'longer' ? names.slice(0, -1) : names
}

/** @throws PermanentError `no-header` */
function refuseNoHeader(names: readonly string[]): void {
  if (names.every((name) => name.trim() === '')) {
    throw new PermanentError('The first line has only delimiters: it does not name the columns.', {
      code: 'no-header',
      line: 1,
      suggestions: ['Put a line with the names of the columns first.'],
    })
  }
  if (names.every((name) => name.trim() !== '' && Number.isFinite(Number(name)))) {
    throw new PermanentError('The first line has only numbers: the file has no header.', {
      code: 'no-header',
      line: 1,
      suggestions: ['Put a line with the names of the columns first.'],
    })
  }
}
