import {type ColumnChunk, type FileMetaData, type SchemaElement, parquetMetadataAsync} from 'hyparquet'
import {type ByteRange, type InputFile, PermanentError} from '../../../processor.ts'
import {MOST_COLUMNS, tooManyColumns} from '../../csv/dialect.ts'
import {isGzipName} from '../../csv/source.ts'
import {listed} from '../../table/names.ts'
import {type RangedFile, openRanges} from './bytes.ts'
import {broken, encrypted} from './faults.ts'

/** The magic number at both ends; the length of the metadata stands before the second. */
const MAGIC = 'PAR1'
const TAIL_BYTES = 8
/** Those that hyparquet and Node unpack. */
const CODECS = new Set(['UNCOMPRESSED', 'SNAPPY', 'GZIP', 'BROTLI', 'ZSTD'])

/** A Parquet file with what its footer says (parquet.apache.org/docs/file-format). */
export interface ParquetFile {
  file: RangedFile
  metadata: FileMetaData
  /** In the order of the schema; none is nested. */
  columns: readonly SchemaElement[]
  /** The row groups come before it. */
  footerStart: number
}

/**
 * Reads the footer, and checks all of it that can be checked before the data is read.
 * @throws PermanentError `broken-parquet`, `encrypted-column`, `nested-column`, `codec-unknown`, `column-ambiguous`, `too-many-columns`
 */
export async function openParquet(input: InputFile): Promise<ParquetFile> {
  if (isGzipName(input.object)) {
    throw new PermanentError('The file is Parquet, packed with gzip as a whole.', {
      code: 'not-csv',
      suggestions: ['Unpack it first: gunzip FILE. Parquet compresses its columns itself.'],
    })
  }
  const file = await openRanges(input)
  const size = file.byteLength
  const tail = Buffer.from(await file.slice(Math.max(0, size - TAIL_BYTES), size))
  if (size <= TAIL_BYTES || tail.toString('latin1', TAIL_BYTES - MAGIC.length) !== MAGIC) {
    throw broken(
      `it starts as one, but its ${size} bytes do not end with the footer, so it is cut off, or something follows its end`,
    )
  }
  const footerStart = size - TAIL_BYTES - tail.readUInt32LE(0)
  if (footerStart < MAGIC.length) throw broken('its footer is longer than the file')
  let metadata: FileMetaData
  try {
    metadata = await parquetMetadataAsync(file, {geoparquet: false})
  } catch (cause) {
    throw broken(`its footer, from byte ${footerStart} on, is damaged`, {cause})
  }
  const columns = flatColumns(metadata.schema)
  const hidden = metadata.row_groups[0]?.columns.flatMap(({crypto_metadata: crypto}, column) =>
    crypto === undefined ? [] : (columns[column]?.name ?? []),
  )
  if (hidden !== undefined && hidden.length > 0) throw encrypted(hidden)
  let rows = 0
  for (const [index, {columns: chunks, num_rows: count}] of metadata.row_groups.entries()) {
    if (chunks.length !== columns.length) throw broken(`row group ${index + 1} does not have all columns`)
    for (const [column, chunk] of chunks.entries())
      checkChunk(chunk, columns[column]?.name ?? '', index, footerStart)
    rows += isCount(count) ? Number(count) : NaN
  }
  if (rows !== Number(metadata.num_rows))
    throw broken(
      `its footer, from byte ${footerStart} on, is damaged: the row groups do not have as many rows as the file`,
    )
  return {file, metadata, columns, footerStart}
}

/** Where a column of a row group lies. */
export function rangeOf(chunk: ColumnChunk | undefined): ByteRange {
  const meta = chunk?.meta_data
  const start = Number(meta?.dictionary_page_offset || (meta?.data_page_offset ?? 0))
  return {start, end: start + Number(meta?.total_compressed_size ?? 0)}
}

function isCount(value: bigint | undefined): boolean {
  return value !== undefined && value >= 0n && value <= BigInt(Number.MAX_SAFE_INTEGER)
}

function checkChunk(chunk: ColumnChunk, column: string, group: number, footerStart: number): void {
  const {start, end} = rangeOf(chunk)
  const {path_in_schema: path, codec, num_values: values} = chunk.meta_data ?? {}
  if (path?.length !== 1 || path[0] !== column || codec === undefined || !isCount(values)) {
    throw broken(
      `its footer, from byte ${footerStart} on, is damaged where it describes column ${column} of row group ${group + 1}`,
      {column},
    )
  }
  if (chunk.file_path || start < MAGIC.length || end < start || end > footerStart)
    throw broken(`column ${column} of row group ${group + 1} is not in the file`, {column})
  if (CODECS.has(codec)) return
  throw new PermanentError(
    `Column ${column} of the Parquet file is compressed with ${codec}, which the worker cannot unpack.`,
    {
      code: 'codec-unknown',
      column,
      suggestions: ['Write it with another codec, for instance: df.to_parquet("FILE", compression="zstd")'],
    },
  )
}

/** The columns below the root, which comes first. */
function flatColumns([root, ...elements]: readonly SchemaElement[]): SchemaElement[] {
  const columns: SchemaElement[] = []
  const nested: string[] = []
  for (let at = 0; at < elements.length;) {
    const element = elements[at]
    if (element === undefined) break
    if (element.num_children !== undefined || element.repetition_type === 'REPEATED')
      nested.push(element.name)
    columns.push(element)
    at = endOf(elements, at)
  }
  if (nested.length > 0) throw nestedColumns(nested)
  if (columns.length === 0 || columns.length !== root?.num_children) throw broken('its schema has no columns')
  if (columns.length > MOST_COLUMNS) throw tooManyColumns()
  const names = columns.map(({name}) => name)
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice !== undefined) {
    throw new PermanentError(`The Parquet file has two columns named ${twice}.`, {
      code: 'column-ambiguous',
      column: twice,
      suggestions: ['Give each column a name of its own.'],
    })
  }
  return columns
}

/** Where an element and its children end. */
function endOf(elements: readonly SchemaElement[], at: number): number {
  let end = at + 1
  for (let child = elements[at]?.num_children ?? 0; child > 0 && end < elements.length; child--)
    end = endOf(elements, end)
  return end
}

function nestedColumns(names: readonly string[]): PermanentError {
  const quoted = names.map((name) => JSON.stringify(name)).join(', ')
  return new PermanentError(
    `${names.length === 1 ? 'A column' : `${names.length} columns`} of the Parquet file ${names.length === 1 ? 'is' : 'are'} nested, with lists, structs or maps as cells: ${listed(names)}.`,
    {
      code: 'nested-column',
      column: names[0],
      suggestions: [
        `Flatten or drop what is nested, for instance: df.drop(columns=[${quoted}]).to_parquet("FILE")`,
      ],
    },
  )
}
