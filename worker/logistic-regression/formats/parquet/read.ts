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
  const open = async (): Promise<Readable> => Readable.from(csvOf(parquet, pacer), {objectMode: false})
  const texts = new Set(columns.filter(isText).map(({name}) => name))
  return {
    text: {...input, sizeBytes: 0, open},
    format: 'parquet',
    names: columns.map(({name}) => name),
    isText: (name) => texts.has(name),
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

async function* csvOf({file, metadata, columns}: ParquetFile, pacer: Pacer): AsyncGenerator<string> {
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
  // A record of one empty field would be a blank line.
  const missing = columns.length === 1 ? '""' : ''
  let rowStart = 0
  for (const [index, group] of metadata.row_groups.entries()) {
    const rows = Number(group.num_rows)
    const rowEnd = rowStart + rows
    // Before decoding, so that errors of the storage are not taken for those of the file.
    held = await file.hold(group.columns.map(rangeOf))
    const cells: ArrayLike<unknown>[] = []
    for (const {name} of rows === 0 ? [] : columns) {
      try {
        cells.push(await scan.readColumn({column: name, rowStart, rowEnd}))
      } catch (cause) {
        throw unreadable(name, index, group, rowStart, cause)
      }
      if (cells.at(-1)?.length !== rows) throw unreadable(name, index, group, rowStart)
      if (pacer.due) await pacer.pause()
    }
    held = undefined
    for (let first = 0; first < rows; first += ROWS_AT_ONCE)
      yield linesOf(cells, columns, first, Math.min(rows, first + ROWS_AT_ONCE), missing)
    rowStart = rowEnd
  }
}

function unreadable(
  column: string,
  index: number,
  {num_rows: rows}: RowGroup,
  rowStart: number,
  cause?: unknown,
): Error {
  const why = cause instanceof Error ? ` (${cause.message})` : ''
  return broken(
    `column ${column} of row group ${index + 1}, rows ${rowStart + 1} to ${rowStart + Number(rows)}, is damaged${why}`,
    {column, cause},
  )
}

function linesOf(
  cells: readonly ArrayLike<unknown>[],
  columns: readonly SchemaElement[],
  from: number,
  to: number,
  missing: string,
): string {
  const areDates = columns.map(({converted_type: converted}) => converted === 'DATE')
  let text = ''
  for (let row = from; row < to; row++) {
    for (let column = 0; column < cells.length; column++) {
      if (column > 0) text += ','
      text += cellOf(cells[column]?.[row], areDates[column] === true) || missing
    }
    text += '\n'
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
