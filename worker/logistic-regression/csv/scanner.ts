import {ScratchPool} from '../../kernels/scratch.ts'

const LF = 0x0a
const CR = 0x0d
const QUOTE = 0x22

/** Fields of a block at most; with 16 columns, 1,024 records. Their positions stay in the processor's L2 cache. */
const MOST_CELLS = 16 * 1024

/** Records of a block at most. */
export function mostRecords(columns: number): number {
  return Math.max(1, Math.floor(MOST_CELLS / columns))
}

/** Initial capacity for a header's fields. */
const HEADER_FIELDS = 256
/** Kernels read that many at a time. */
const VECTOR_BYTES = 16
const NONE = new Int32Array(0)
const POWERS_OF_TEN = Float64Array.from({length: VECTOR_BYTES}, (_, exponent) => 10 ** exponent)

/**
 * Some records, split into fields that are not decoded yet. Field `f` of record `r` is number `r * columns + f`.
 * The scanner reuses the memory: copy anything to be kept.
 */
export interface RecordBlock {
  readonly bytes: Buffer
  readonly records: number
  readonly columns: number
  /** Per field where its text begins and ends in `bytes`, without the quotes around it. */
  readonly starts: Int32Array
  readonly stops: Int32Array
  /** Per record where it ends in `bytes`, after its line end. */
  readonly ends: Int32Array
  /**
   * Reads the fields of a column as decimal numbers, from record `from` to before `to`. The result is valid until the
   * next call.
   */
  decimals(column: number, from: number, to: number): Decimals
}

/** Some fields of a column, as far as they are plain decimal numbers, such as `-12.5`. */
export interface Decimals {
  /** The very doubles that `Number()` makes of them, but 0 for -0; NaN for other fields. */
  readonly values: Float64Array
  /** The first record with a number; the number of records if there is none. All count from the first field. */
  readonly first: number
  /** The records whose field is neither empty nor a plain number of at most 15 digits. */
  readonly others: Int32Array
}

/** A record as it is in the file, with its line end. */
export function recordBytes({bytes, starts, ends, columns}: RecordBlock, record: number): Buffer {
  const first = starts[record * columns] ?? 0
  return bytes.subarray(bytes[first - 1] === QUOTE ? first - 1 : first, ends[record])
}

/** The text of a field. Within quotes each quote is doubled; a field that does not start with one has bare quotes. */
export function fieldText({bytes, starts, stops}: RecordBlock, field: number): string {
  const start = starts[field] ?? 0
  const text = bytes.toString('utf8', start, stops[field])
  return text.includes('"') && bytes[start - 1] === QUOTE ? text.replaceAll('""', '"') : text
}

/** What a cell's text means: without blanks around it, doubled quotes, and Excel's mark of a text, `="00001"`. */
export function valueText(text: string): string {
  const trimmed = text.trim()
  if (!trimmed.includes('"')) return trimmed
  const bare = trimmed.replaceAll('""', '"')
  return bare.startsWith('="') && bare.endsWith('"') && bare.length > 2 ? bare.slice(2, -1) : bare
}

/**
 * Why a scan ended. `full`: the block has no room for another record. `unfinished`: the bytes end within a record.
 * The others are faults of the record that follows the block's last.
 */
export type ScanEnd = 'full' | 'unfinished' | 'ragged-row' | 'broken-quote'

const memory = new ScratchPool()

/**
 * Finds the fields of CSV records: RFC 4180, but lines end in LF, CR LF or CR, blank lines are skipped, and a quote
 * within a field that does not start with one is a character.
 */
export class Scanner {
  readonly #scratch = memory.take()
  readonly #powersAt: number
  /** Of what the header determines the size of. */
  readonly #tablesAt: number
  #startsAt = 0
  #stopsAt = 0
  #endsAt = 0
  #valuesAt = 0
  #othersAt = 0
  /** Of a copy of the bytes. */
  #bytesAt = 0
  #bytes: Buffer = Buffer.alloc(1)
  #to = 0
  /** Per byte, 1 if it ends an unquoted field. */
  readonly #special = new Uint8Array(256)
  readonly #delimiter: number
  #isFixed = false
  #columns: number
  #capacity = 1
  #starts: Int32Array
  #stops: Int32Array
  #ends: Int32Array = new Int32Array(1)
  /** Of as many records as the last column had. */
  #values: Float64Array = new Float64Array(0)
  #others: Int32Array = new Int32Array(0)
  #records = 0
  #fields = 0
  #next = 0

  /** @param mostColumns of the header, which is scanned first, as a block of its own; more are counted alone */
  constructor(delimiter: string, mostColumns: number) {
    this.#delimiter = delimiter.charCodeAt(0)
    for (const byte of [this.#delimiter, LF, CR]) this.#special[byte] = 1
    this.#columns = mostColumns
    this.#starts = new Int32Array(HEADER_FIELDS)
    this.#stops = new Int32Array(HEADER_FIELDS)
    this.#powersAt = this.#scratch.claim(POWERS_OF_TEN.length * 8)
    this.#scratch.doubles(this.#powersAt, POWERS_OF_TEN.length).set(POWERS_OF_TEN)
    this.#tablesAt = this.#scratch.end
  }

  /** Hands its memory on: neither it nor a block is used any more. */
  free(): void {
    memory.give(this.#scratch)
  }

  /** From now on every record must have this many fields. */
  expect(columns: number): void {
    this.#columns = columns
    this.#isFixed = true
    this.#capacity = mostRecords(columns)
    this.#copyBytes()
  }

  /**
   * Takes the bytes that the next scans are of.
   * @param to their end; `bytes[to]` must exist and is overwritten
   */
  load(bytes: Buffer, to: number): void {
    // Each loop over a field ends here at the latest, and needs no other check for the end.
    bytes[to] = LF
    this.#bytes = bytes
    this.#to = to
    if (this.#isFixed) this.#copyBytes()
  }

  /** To where the kernels read them, behind the tables of a block. */
  #copyBytes(): void {
    const scratch = this.#scratch
    const capacity = this.#capacity
    const cells = capacity * this.#columns
    scratch.release(this.#tablesAt)
    this.#startsAt = scratch.claim(cells * 4)
    this.#stopsAt = scratch.claim(cells * 4)
    this.#endsAt = scratch.claim(capacity * 4)
    this.#valuesAt = scratch.claim(capacity * 8)
    this.#othersAt = scratch.claim((capacity + 1) * 4)
    this.#bytesAt = scratch.claim(this.#to + VECTOR_BYTES)
    this.#starts = scratch.integers(this.#startsAt, cells)
    this.#stops = scratch.integers(this.#stopsAt, cells)
    this.#ends = scratch.integers(this.#endsAt, capacity)
    this.#values = scratch.doubles(this.#valuesAt, capacity)
    this.#others = scratch.integers(this.#othersAt, capacity + 1)
    scratch.bytes(this.#bytesAt, this.#to).set(this.#bytes.subarray(0, this.#to))
  }

  /** Whether the header has set the number of fields. */
  get isFixed(): boolean {
    return this.#isFixed
  }

  /** Fields that each record must have. */
  get columns(): number {
    return this.#columns
  }

  /** The records of the last scan. */
  get block(): RecordBlock {
    return {
      bytes: this.#bytes,
      records: this.#records,
      columns: this.#columns,
      starts: this.#starts,
      stops: this.#stops,
      ends: this.ends,
      decimals: (column, from, to) => this.#decimals(column, from, to),
    }
  }

  #decimals(column: number, from: number, to: number): Decimals {
    const scratch = this.#scratch
    const cell = (from * this.#columns + column) * 4
    const count = scratch.kernels.decimals(
      this.#bytesAt,
      this.#startsAt + cell,
      this.#stopsAt + cell,
      this.#columns * 4,
      to - from,
      this.#powersAt,
      this.#valuesAt,
      this.#othersAt,
    )
    // A view costs as much as reading a dozen numbers: a block of many columns has no more of each.
    if (this.#values.length !== to - from) this.#values = scratch.doubles(this.#valuesAt, to - from)
    return {
      values: this.#values,
      first: this.#others[0] ?? 0,
      others: count === 0 ? NONE : this.#others.subarray(1, 1 + count),
    }
  }

  /** Per record of the last scan the position after its line end. */
  get ends(): Int32Array {
    return this.#ends.subarray(0, this.#records)
  }

  /** Start of the record that the last scan did not finish: the next scan continues here. */
  get next(): number {
    return this.#next
  }

  /** Number of fields in the record at which the last scan ended, or in the header. */
  get fields(): number {
    return this.#fields
  }

  /**
   * Splits the records of the bytes from `from` on.
   * @param last the file ends there, so that the last record needs no line end
   */
  scan(from: number, last: boolean): ScanEnd {
    const bytes = this.#bytes
    const to = this.#to
    this.#records = 0
    let at = from
    while (this.#records < this.#capacity) {
      if (this.#isFixed) at = this.#plainRecords(at)
      if (this.#records === this.#capacity) break
      while (at < to && (bytes[at] === LF || bytes[at] === CR)) at++
      this.#next = at
      this.#fields = 0
      if (at === to) return 'unfinished'
      const fault = this.#record(bytes, to, last)
      if (fault !== undefined) return fault
      at = this.#next
    }
    return 'full'
  }

  /** Splits the records before the first one that has more to it. @returns where that starts */
  #plainRecords(from: number): number {
    const before = this.#records
    const cells = before * this.#columns * 4
    this.#records += this.#scratch.kernels.splitRecords(
      this.#bytesAt,
      from,
      this.#to,
      this.#delimiter,
      this.#columns,
      this.#capacity - before,
      this.#startsAt + cells,
      this.#stopsAt + cells,
      this.#endsAt + before * 4,
    )
    if (this.#records > before) this.#next = this.#ends[this.#records - 1] ?? from
    return this.#records > before ? this.#next : from
  }

  /** Splits one record, which is not blank. */
  #record(bytes: Buffer, to: number, last: boolean): ScanEnd | undefined {
    const special = this.#special
    const delimiter = this.#delimiter
    const columns = this.#columns
    let starts = this.#starts
    let stops = this.#stops
    const first = this.#records * columns
    let at = this.#next
    let field = 0
    for (;;) {
      let start = at
      let stop = at
      if (bytes[at] === QUOTE) {
        start = at + 1
        stop = closingQuote(bytes, start, to)
        at = stop + 1
        // Without the next byte it is not known whether the quote is doubled.
        if (stop === to || (at === to && !last))
          return this.#stopped(field, last ? 'broken-quote' : 'unfinished')
        const after = bytes[at]
        if (after !== delimiter && after !== LF && after !== CR) return this.#stopped(field, 'broken-quote')
      } else {
        while (special[bytes[at] ?? LF] === 0) at++
        stop = at
      }
      if (field < columns) {
        if (first + field === starts.length) {
          starts = this.#starts = grown(starts)
          stops = this.#stops = grown(stops)
        }
        starts[first + field] = start
        stops[first + field] = stop
      }
      field++
      if (at === to) {
        if (!last) return this.#stopped(field - 1, 'unfinished')
        break
      }
      if (bytes[at] !== delimiter) break
      at++
    }
    if (at < to) {
      // Between a CR and its LF no record ends.
      if (bytes[at] === CR) {
        if (at + 1 === to && !last) return this.#stopped(field - 1, 'unfinished')
        if (at + 1 < to && bytes[at + 1] === LF) at++
      }
      at++
    }
    if (this.#isFixed && field !== columns) return this.#stopped(field, 'ragged-row')
    this.#fields = field
    this.#ends[this.#records++] = at
    this.#next = at
    return undefined
  }

  #stopped(fields: number, end: ScanEnd): ScanEnd {
    this.#fields = fields
    return end
  }
}

function grown(places: Int32Array): Int32Array {
  const more = new Int32Array(4 * places.length)
  more.set(places)
  return more
}

/** Position of the quote that closes a field; `to` if there is none. */
function closingQuote(bytes: Buffer, from: number, to: number): number {
  let at = from
  for (;;) {
    while (at < to && bytes[at] !== QUOTE) at++
    if (at === to || at + 1 === to || bytes[at + 1] !== QUOTE) return at
    at += 2
  }
}
