import {Readable} from 'node:stream'
import {brotliDecompressSync, gunzipSync, zstdDecompressSync} from 'node:zlib'
import {type Compressors, type RowGroup, type SchemaElement, parquetScan} from 'hyparquet'
import type {InputFile} from '../../../processor.ts'
import {quoteField} from '../../csv/append.ts'
import type {Pacer} from '../../pacer.ts'
import {typedTexts} from '../cells.ts'
import type {Transcoded} from '../transcoded.ts'
import type {Held} from './bytes.ts'
import {broken} from './faults.ts'
import {type ParquetFile, openParquet, rangeOf} from './footer.ts'

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
 * @throws PermanentError as {@link openParquet}
 */
export async function readParquet(input: InputFile, pacer: Pacer): Promise<Transcoded> {
  const parquet = await openParquet(input)
  const {columns} = parquet
  const open = async (): Promise<Readable> => Readable.from(csvOf(parquet, pacer), {objectMode: false})
  const texts = new Set(columns.filter(isText).map(({name}) => name))
  return {
    text: {...input, sizeBytes: 0, open},
    format: 'parquet',
    texts: typedTexts(
      columns.map(({name}) => name),
      (name) => texts.has(name),
    ),
  }
}

/** Whether a column has texts, other than those that dates and decimals become. */
function isText({type, converted_type: converted, logical_type: logical}: SchemaElement): boolean {
  const isBytes = type === 'BYTE_ARRAY' || type === 'FIXED_LEN_BYTE_ARRAY'
  return isBytes && converted !== 'DECIMAL' && logical?.type !== 'DECIMAL' && logical?.type !== 'FLOAT16'
}

async function* csvOf({file, metadata, columns}: ParquetFile, pacer: Pacer): AsyncGenerator<string> {
  yield `${columns.map(({name}) => quoteField(name, ',')).join(',')}\n`
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
  // NUL is not valid in the text that is read in place of the file.
  if (typeof value === 'string') return quoteField(value.replaceAll('\0', '\ufffd'), ',')
  if (typeof value === 'bigint' || typeof value === 'boolean') return String(value)
  if (value === null || value === undefined) return ''
  if (value instanceof Date) {
    const time = Number.isNaN(value.getTime()) ? '' : value.toISOString()
    return isDate ? time.slice(0, DATE_LENGTH) : time
  }
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  return quoteField(JSON.stringify(value), ',')
}
