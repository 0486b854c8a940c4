import {createGunzip} from 'node:zlib'
import {parse} from 'csv-parse'
import type {ObjectStore, StoredObject} from '../ports/objects.ts'
import {NoPreview, readParquetHead} from './parquet-preview.ts'

/** The first rows of a result in CSV, JSON Lines or Parquet. */
export interface Preview {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly string[])[]
  /** Columns of a wide Parquet file that were not read; they are missing before the last ones. */
  readonly omitted?: number
}

const DELIMITERS = [',', ';', '\t', '|']

/** The first bytes of a file in Parquet, and of one whose footer is encrypted. */
const PARQUET = 'PAR1'
const ENCRYPTED_PARQUET = 'PARE'

/**
 * Reads only the first rows of an object. The delimiter of CSV is the one of `,` `;` tab `|` with which the rows fit
 * the header; the columns of JSON Lines are the keys of those rows.
 * @returns `undefined` if the object is not a table
 * @throws NoPreview if it is in Parquet and damaged or encrypted
 */
export async function readPreview(
  objects: ObjectStore,
  object: StoredObject,
  rows: number,
  signal: AbortSignal,
): Promise<Preview | undefined> {
  const isTable =
    /csv|tab-separated|ndjson|jsonl|parquet/.test(object.contentType ?? '') ||
    /\.(?:csv|tsv|jsonl|ndjson|parquet)(?:\.gz)?$/i.test(object.name)
  if (!isTable) return undefined
  const stop = new AbortController()
  const raw = await objects.read(object.bucket, object.name, {
    generation: object.generation,
    signal: AbortSignal.any([signal, stop.signal]),
  })
  const bytes = object.name.endsWith('.gz') ? raw.pipe(createGunzip()) : raw
  raw.on('error', (error) => bytes.destroy(error))
  const head = await readLines(bytes, rows + 1).finally(() => {
    stop.abort()
    raw.destroy()
  })
  if (isIn(ENCRYPTED_PARQUET, head)) throw new NoPreview('it is encrypted')
  if (isIn(PARQUET, head)) {
    if (bytes !== raw) throw new NoPreview('it is compressed as a whole')
    return readParquetHead(objects, object, rows, signal)
  }
  return /^\s*\{/.test(head) ? parseLines(head, rows) : parseHead(head, rows)
}

/** Whether a file is in a format, as its first bytes say. A header in CSV may begin so, too, but has no NUL. */
function isIn(format: string, head: string): boolean {
  return head.startsWith(format) && head.includes('\0')
}

/** The text of the first lines, a few more if a quoted field contains line breaks; at most 1 MiB. */
async function readLines(bytes: AsyncIterable<unknown>, lines: number): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of bytes) {
    if (chunk instanceof Uint8Array) text += decoder.decode(chunk, {stream: true})
    if (isIn(PARQUET, text) || countLines(text) > lines * 4 || text.length > 1024 * 1024) break
  }
  return text
}

function countLines(text: string): number {
  return text.split('\n', 200).length - 1
}

function parseLines(text: string, rows: number): Preview | undefined {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  const records: [string, unknown][][] = []
  for (const line of lines.slice(0, rows)) {
    try {
      records.push(Object.entries(Object(JSON.parse(line))))
    } catch {
      // The last line may be cut off: what came before it counts.
      break
    }
  }
  const columns = [...new Set(records.flatMap((record) => record.map(([name]) => name)))]
  const textOf = (value: unknown): string =>
    typeof value === 'string' ? value : value === undefined || value === null ? '' : JSON.stringify(value)
  const cells = records.map((record) => new Map(record))
  return records.length === 0
    ? undefined
    : {columns, rows: cells.map((record) => columns.map((name) => textOf(record.get(name))))}
}

async function parseHead(text: string, rows: number): Promise<Preview | undefined> {
  const readings = await Promise.all(DELIMITERS.map((delimiter) => readRecords(text, delimiter, rows)))
  const [[columns, ...data] = []] = readings.toSorted(
    (a, b) => agreeing(b) - agreeing(a) || (b[0]?.length ?? 0) - (a[0]?.length ?? 0),
  )
  if (columns === undefined) return undefined
  const isUnnamed = data.length > 0 && data.every(({length}) => length === columns.length + 1)
  return {columns: isUnnamed ? ['', ...columns] : columns, rows: data}
}

/** How many rows fit the header; those that R writes have a field more, the name of the row. */
function agreeing([header = [], ...rows]: readonly string[][]): number {
  return header.length < 2 ? 0 : rows.filter(({length}) => [0, 1].includes(length - header.length)).length
}

async function readRecords(text: string, delimiter: string, rows: number): Promise<string[][]> {
  const records: string[][] = []
  const parser = parse(text, {
    delimiter,
    bom: true,
    relax_column_count: true,
    relax_quotes: true,
    to: rows + 1,
    skip_empty_lines: true,
  })
  try {
    for await (const record of parser) {
      if (Array.isArray(record)) records.push(record.map(String))
      if (records.length > rows) break
    }
  } catch {
    // The text may end within a quoted field: what came before it counts.
  }
  return records
}
