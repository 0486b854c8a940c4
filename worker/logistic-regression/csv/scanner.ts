const LF = 0x0a
const CR = 0x0d
const QUOTE = 0x22

/** Fields of a block at most; with 16 columns, 1,024 records. Their positions stay in the processor's L2 cache. */
const MOST_CELLS = 16 * 1024
/** Initial capacity for a header's fields. */
const HEADER_FIELDS = 256

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

/**
 * Finds the fields of CSV records: RFC 4180, but lines end in LF, CR LF or CR, blank lines are skipped, and a quote
 * within a field that does not start with one is a character.
 */
export class Scanner {
  /** Per byte, 1 if it ends an unquoted field. */
  readonly #special = new Uint8Array(256)
  readonly #delimiter: number
  #isFixed = false
  #columns: number
  #capacity = 1
  #starts: Int32Array
  #stops: Int32Array
  #ends = new Int32Array(1)
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
  }

  /** From now on every record must have this many fields. */
  expect(columns: number): void {
    this.#columns = columns
    this.#isFixed = true
    this.#capacity = Math.max(1, Math.floor(MOST_CELLS / columns))
    this.#starts = new Int32Array(this.#capacity * columns)
    this.#stops = new Int32Array(this.#capacity * columns)
    this.#ends = new Int32Array(this.#capacity)
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
  block(bytes: Buffer): RecordBlock {
    return {
      bytes,
      records: this.#records,
      columns: this.#columns,
      starts: this.#starts,
      stops: this.#stops,
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
   * Splits the records in `bytes` from `from` on.
   * @param to end of the bytes; `bytes[to]` must exist and is overwritten
   * @param last the file ends there, so that the last record needs no line end
   */
  scan(bytes: Buffer, from: number, to: number, last: boolean): ScanEnd {
    // Each loop over a field ends here at the latest, and needs no other check for the end.
    bytes[to] = LF
    this.#records = 0
    let at = from
    while (this.#records < this.#capacity) {
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
