import {arrayBuffer} from 'node:stream/consumers'
import {brotliDecompressSync, gunzipSync, zstdDecompressSync} from 'node:zlib'
import type {AsyncBuffer, Compressors, FileMetaData, RowGroup, SchemaElement, parquetRead} from 'hyparquet'
import {AppError} from '../errors.ts'
import {eachOf} from '../parallel.ts'
import type {ByteRange, ObjectStore, StoredObject} from '../ports/objects.ts'

/** Bytes of a preview. Columns that take more are left out, except those that a terminal shows. */
const MOST_BYTES = 16 * 1024 * 1024
/** A terminal shows the first column and the last ones, where the predictions are. */
const LAST_COLUMNS = 4
/** Bytes of a column that are read for its first rows, then if they take more: writers end a page at 1 MiB. */
const BYTES_OF_COLUMN = [64 * 1024, 1.25 * 1024 * 1024, 4 * 1024 * 1024, Infinity]
const COLUMNS_AT_ONCE = 8
const DATE_LENGTH = '2024-02-29'.length

const COMPRESSORS: Compressors = {
  GZIP: (packed) => gunzipSync(packed),
  BROTLI: (packed) => brotliDecompressSync(packed),
  ZSTD: (packed) => zstdDecompressSync(packed),
}

/** The first rows of a Parquet file. */
export interface ParquetHead {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly string[])[]
  /** Columns that were not read, before the last ones. */
  readonly omitted?: number
}

/** Why the first rows of a file cannot be shown. */
export class NoPreview extends Error {}

/** A column with a file's metadata about it alone. */
interface Column {
  readonly element: SchemaElement
  readonly metadata: FileMetaData
}

/**
 * Reads the first rows of a Parquet file: its footer, then of each column the pages that hold them.
 * @throws NoPreview if it is damaged or encrypted; AppError of the storage
 */
export async function readParquetHead(
  objects: ObjectStore,
  {bucket, name: object, generation, sizeBytes}: StoredObject,
  rows: number,
  signal: AbortSignal,
): Promise<ParquetHead> {
  let bytesRead = 0
  const read = async (range: ByteRange): Promise<ArrayBuffer> => {
    const bytes = await arrayBuffer(await objects.read(bucket, object, {generation, signal, range}))
    bytesRead += bytes.byteLength
    return bytes
  }
  const whole: AsyncBuffer = {
    byteLength: sizeBytes,
    slice: (start, end = sizeBytes) => read({start, end}),
  }
  const {parquetMetadataAsync} = await import('hyparquet')
  const metadata = await parquetMetadataAsync(whole, {geoparquet: false}).catch((cause: unknown) =>
    fail('its footer is damaged', signal, cause),
  )
  const groups = firstGroups(metadata, rows)
  refuseEncrypted(groups)
  const columns = columnsOf(metadata, groups)
  const held = await hold(groups, read)
  const cells = new Map<number, readonly string[]>()
  const shown = columns.map((_, i) => i).filter((i) => i === 0 || i >= columns.length - LAST_COLUMNS)
  const order = [...shown, ...columns.keys().filter((i) => !shown.includes(i))]
  await eachOf(order, COLUMNS_AT_ONCE, async (i) => {
    const column = columns[i]
    if (column === undefined || (bytesRead > MOST_BYTES && !shown.includes(i))) return
    cells.set(i, await readColumn(column, rows, held ?? whole, signal))
  })
  const known = [...cells].toSorted(([a], [b]) => a - b)
  const count = known[0]?.[1].length ?? 0
  return {
    columns: known.map(([i]) => columns[i]?.element.name ?? ''),
    rows: Array.from({length: count}, (_, row) => known.map(([, column]) => column[row] ?? '')),
    ...(known.length < columns.length && {omitted: columns.length - known.length}),
  }
}

/** The row groups that have the first rows. */
function firstGroups({row_groups: groups}: FileMetaData, rows: number): RowGroup[] {
  let before = 0
  return groups.filter(({num_rows: count}) => {
    const isNeeded = count > 0n && before < rows
    before += Number(count)
    return isNeeded
  })
}

function refuseEncrypted(groups: readonly RowGroup[]): void {
  const names = groups.flatMap(({columns}) =>
    columns.flatMap(({crypto_metadata: crypto, meta_data: meta}) =>
      crypto === undefined ? [] : (meta?.path_in_schema[0] ?? 'without a name'),
    ),
  )
  const [first, ...others] = new Set(names)
  if (first === undefined) return
  throw new NoPreview(
    others.length === 0
      ? `column ${first} is encrypted`
      : `columns ${[first, ...others].join(', ')} are encrypted`,
  )
}

/** The columns below the schema's root, of which nested ones have several chunks in a row group. */
function columnsOf(metadata: FileMetaData, groups: readonly RowGroup[]): Column[] {
  const [root, ...elements] = metadata.schema
  const columns: Column[] = []
  let leaves = 0
  for (let at = 0; at < elements.length;) {
    const end = endOf(elements, at)
    const own = elements.slice(at, end)
    const [element = {name: ''}] = own
    const from = leaves
    leaves += own.filter(({num_children: children}) => children === undefined).length
    const to = leaves
    columns.push({
      element,
      metadata: {
        ...metadata,
        schema: [{name: 'schema', ...root, num_children: 1}, ...own],
        row_groups: groups.map((group) => ({...group, columns: group.columns.slice(from, to)})),
      },
    })
    at = end
  }
  return columns
}

/** Where an element and its children end. */
function endOf(elements: FileMetaData['schema'], at: number): number {
  let end = at + 1
  for (let child = elements[at]?.num_children ?? 0; child > 0 && end < elements.length; child--)
    end = endOf(elements, end)
  return end
}

/** Reads small row groups with one request, which takes as long as that for a column. */
async function hold(
  groups: readonly RowGroup[],
  read: (range: ByteRange) => Promise<ArrayBuffer>,
): Promise<AsyncBuffer | undefined> {
  const ranges = groups.flatMap(({columns}) =>
    columns.map(({meta_data: meta}) => {
      const start = Number(meta?.dictionary_page_offset || (meta?.data_page_offset ?? 0))
      return {start, end: start + Number(meta?.total_compressed_size ?? 0)}
    }),
  )
  const first = Math.min(...ranges.map(({start}) => start))
  const last = Math.max(...ranges.map(({end}) => end))
  if (ranges.length === 0 || last - first > MOST_BYTES) return undefined
  const bytes = await read({start: first, end: last})
  return {byteLength: last, slice: (start, end = last) => bytes.slice(start - first, end - first)}
}

/** The cells of the first rows, as texts. */
async function readColumn(
  {element, metadata}: Column,
  rows: number,
  source: AsyncBuffer,
  signal: AbortSignal,
): Promise<string[]> {
  const inGroups = metadata.row_groups.reduce((sum, {num_rows: count}) => sum + Number(count), 0)
  for (const most of BYTES_OF_COLUMN) {
    let isCut = false
    const file: AsyncBuffer = {
      byteLength: source.byteLength,
      slice: (start, end = source.byteLength) => {
        if (end - start > most) isCut = true
        return source.slice(start, Math.min(end, start + most))
      },
    }
    try {
      const values = await readValues({file, metadata, rowEnd: rows, compressors: COMPRESSORS})
      if (values.length >= Math.min(rows, inGroups)) return values.map((value) => textOf(value, element))
      if (!isCut) throw new Error('it has too few rows')
    } catch (error) {
      if (!isCut || error instanceof AppError)
        return fail(`column ${element.name} cannot be read`, signal, error)
    }
  }
  throw new Error('The last attempt reads all of a column.')
}

async function readValues(
  options: Omit<Parameters<typeof parquetRead>[0], 'onComplete' | 'rowFormat'>,
): Promise<unknown[]> {
  const {parquetRead: read} = await import('hyparquet')
  const values: unknown[] = []
  await read({...options, onComplete: (rows) => values.push(...rows.map(([value]): unknown => value))})
  return values
}

function textOf(value: unknown, {converted_type: converted, scale}: Partial<SchemaElement> = {}): string {
  if (value === null || value === undefined) return ''
  if (typeof value === 'string') return value
  if (typeof value === 'number' && converted === 'DECIMAL') return value.toFixed(scale)
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean')
    return String(value)
  if (value instanceof Date)
    return Number.isNaN(value.getTime())
      ? ''
      : value.toISOString().slice(0, converted === 'DATE' ? DATE_LENGTH : undefined)
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : JSON.stringify(value, plain)
}

/** What JSON has no type for. */
function plain(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  return value instanceof Uint8Array ? textOf(value) : value
}

function fail(what: string, signal: AbortSignal, cause: unknown): never {
  signal.throwIfAborted()
  if (cause instanceof AppError) throw cause
  throw new NoPreview(cause instanceof Error ? `${what} (${cause.message})` : what, {cause})
}
