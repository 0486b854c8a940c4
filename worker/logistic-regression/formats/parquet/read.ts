import {Readable} from 'node:stream'
import {brotliDecompressSync, gunzipSync, zstdDecompressSync} from 'node:zlib'
import {type Compressors, type RowGroup, type SchemaElement, parquetScan} from 'hyparquet'
import {type InputFile, PermanentError} from '../../../processor.ts'
import type {Pacer} from '../../pacer.ts'
import {textField} from '../cells.ts'
import type {Transcoded} from '../transcoded.ts'
import type {Held} from './bytes.ts'
import {broken} from './faults.ts'
import {type ParquetFile, openParquet, rangeOf} from './footer.ts'
import {DecodedNumbers} from './numbers.ts'
import {faultInPages} from './pages.ts'

/** Of a decoded cell, with what decoding it takes. */
const BYTES_PER_CELL = 16
/** Rows that are written as text at a time. */
const ROWS_AT_ONCE = 2048
const DATE_LENGTH = '2024-02-29'.length

const COMPRESSORS: Compressors = {
  GZIP: (packed) => gunzipSync(packed),
  BROTLI: (packed) => brotliDecompressSync(packed),
  ZSTD: (packed) => zstdDecompressSync(packed),
}

/**
 * Reads a Parquet file, of which one row group at a time is in memory.
 * @param memoryBytes of a row group, at most
 * @throws PermanentError as {@link openParquet}, and `row-group-too-large`
 */
export async function readParquet(
  input: InputFile,
  pacer: Pacer,
  memoryBytes = Infinity,
): Promise<Transcoded> {
  const parquet = await openParquet(input)
  const {columns} = parquet
  for (const [index, group] of parquet.metadata.row_groups.entries())
    refuseLarge(group, index, columns.length, memoryBytes)
  const textWith = (numbers: DecodedNumbers): InputFile => ({
    ...input,
    sizeBytes: 0,
    open: async () => Readable.from(csvOf(parquet, numbers, pacer), {objectMode: false}),
  })
  const texts = new Set(columns.filter(isText).map(({name}) => name))
  return {
    text: textWith(new DecodedNumbers(new Set())),
    format: 'parquet',
    names: columns.map(({name}) => name),
    isText: (name) => texts.has(name),
    typed: {
      rows: Number(parquet.metadata.num_rows),
      numbers: [...columns.keys()].filter((index) => isNumber(columns[index])),
      without: (all) => {
        const typed = new DecodedNumbers(all)
        return {text: textWith(typed), typed}
      },
    },
  }
}

function refuseLarge(
  {num_rows: count, total_byte_size: size}: RowGroup,
  index: number,
  columns: number,
  memoryBytes: number,
): void {
  const rows = Number(count)
  const needed = Number(size) + rows * columns * BYTES_PER_CELL
  if (needed <= memoryBytes) return
  const [has, wants] = [memoryBytes, needed].map((bytes) => Math.max(0, Math.round(bytes / 1e6)))
  // Half, since rows differ in size.
  const fitting = Math.max(1, Math.floor(((memoryBytes / needed) * rows) / 2))
  throw new PermanentError(
    `Row group ${index + 1} of the Parquet file, ${rows} rows, takes about ${wants} MB of memory; the worker has ${has} MB for it.`,
    {
      code: 'row-group-too-large',
      suggestions: [
        `Write smaller row groups, for instance: df.to_parquet("FILE", row_group_size=${fitting})`,
        'Or set "memory" in cloud-runner.json and run cloud-runner setup.',
      ],
    },
  )
}

/** Whether a column has texts, other than those that dates and decimals become. */
function isText({type, converted_type: converted, logical_type: logical}: SchemaElement): boolean {
  const isBytes = type === 'BYTE_ARRAY' || type === 'FIXED_LEN_BYTE_ARRAY'
  return isBytes && converted !== 'DECIMAL' && logical?.type !== 'DECIMAL' && logical?.type !== 'FLOAT16'
}

/** Whether the cells of a column are decoded as numbers. */
function isNumber(element: SchemaElement | undefined): boolean {
  const {type, converted_type: converted, logical_type: logical} = element ?? {}
  if (converted === 'DECIMAL') return true
  const isDate =
    converted === 'DATE' || converted?.startsWith('TIMESTAMP') === true || logical?.type === 'TIMESTAMP'
  return !isDate && /^(INT32|INT64|FLOAT|DOUBLE)$/.test(type ?? '')
}

/** @param numbers receives those of its columns, which have empty fields */
async function* csvOf(
  {file, metadata, columns}: ParquetFile,
  numbers: DecodedNumbers,
  pacer: Pacer,
): AsyncGenerator<string> {
  numbers.clear()
  yield `${columns.map(({name}) => textField(name)).join(',')}\n`
  let held: Held | undefined
  const scan = await parquetScan({
    file: {
      byteLength: file.byteLength,
      slice: (start, end = file.byteLength) => {
        if (held === undefined) throw new RangeError('no row group is held')
        return held.slice(start, end)
      },
    },
    metadata,
    compressors: COMPRESSORS,
    useOffsetIndex: false,
  })
  const fields = fieldsOf(columns, numbers.columns)
  let rowStart = 0
  for (const [index, group] of metadata.row_groups.entries()) {
    const rows = Number(group.num_rows)
    const rowEnd = rowStart + rows
    // Before decoding, so that errors of the storage are not taken for those of the file.
    held = await file.hold(group.columns.map(rangeOf))
    const texts: ArrayLike<unknown>[] = []
    for (const [column, {name}] of rows === 0 ? [] : columns.entries()) {
      const place = {column: name, index, rowStart, rowEnd}
      const {start, end} = rangeOf(group.columns[column])
      const fault = faultInPages(held.view(start, end), start, rows)
      if (fault !== undefined) throw unreadable(place, fault)
      let cells: ArrayLike<unknown>
      try {
        cells = await scan.readColumn({column: name, rowStart, rowEnd})
      } catch (cause) {
        throw unreadable(place, `its data, bytes ${start} to ${end} of the file, cannot be decoded`, cause)
      }
      if (cells.length !== rows) throw unreadable(place, `it has ${cells.length} cells instead of ${rows}`)
      if (numbers.columns.has(column)) numbers.add(column, cells)
      else texts.push(cells)
      if (pacer.due) await pacer.pause()
    }
    held = undefined
    for (let first = 0; first < rows; first += ROWS_AT_ONCE)
      yield linesOf(texts, fields, first, Math.min(rows, first + ROWS_AT_ONCE))
    rowStart = rowEnd
  }
}

/** @param why what is wrong, and where */
function unreadable(
  {column, index, rowStart, rowEnd}: {column: string; index: number; rowStart: number; rowEnd: number},
  why: string,
  cause?: unknown,
): Error {
  return broken(
    `column ${column} of row group ${index + 1}, rows ${rowStart + 1} to ${rowEnd}, is damaged: ${why}`,
    {column, cause},
  )
}

/** The fields of a row that have text. */
interface Fields {
  /** Before each of them; the last ones follow it. */
  delimiters: readonly string[]
  areDates: readonly boolean[]
  /** Of a missing value: a record of one empty field would be a blank line. */
  missing: string
}

function fieldsOf(columns: readonly SchemaElement[], empty: ReadonlySet<number>): Fields {
  const own = [...columns.keys()].filter((index) => !empty.has(index))
  const missing = columns.length === 1 ? '""' : ''
  const places = [...own, columns.length - 1]
  return {
    delimiters:
      own.length === 0
        ? [columns.length === 1 ? missing : ','.repeat(columns.length - 1)]
        : places.map((place, i) => ','.repeat(place - (places[i - 1] ?? 0))),
    areDates: own.map((index) => columns[index]?.converted_type === 'DATE'),
    missing,
  }
}

function linesOf(
  cells: readonly ArrayLike<unknown>[],
  {delimiters, areDates, missing}: Fields,
  from: number,
  to: number,
): string {
  const rest = `${delimiters.at(-1) ?? ''}\n`
  let text = ''
  for (let row = from; row < to; row++) {
    for (let i = 0; i < cells.length; i++)
      text += (delimiters[i] ?? '') + (cellOf(cells[i]?.[row], areDates[i] === true) || missing)
    text += rest
  }
  return text
}

function cellOf(value: unknown, isDate: boolean): string {
  if (typeof value === 'number') return Number.isNaN(value) ? '' : String(value)
  if (typeof value === 'string') return textField(value)
  if (typeof value === 'bigint' || typeof value === 'boolean') return String(value)
  if (value === null || value === undefined) return ''
  if (value instanceof Date) {
    const time = Number.isNaN(value.getTime()) ? '' : value.toISOString()
    return isDate ? time.slice(0, DATE_LENGTH) : time
  }
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  return textField(JSON.stringify(value))
}
