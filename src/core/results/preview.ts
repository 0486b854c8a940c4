import {createGunzip} from 'node:zlib'
import {parse} from 'csv-parse'
import type {ObjectStore, StoredObject} from '../ports/objects.ts'

/** The first rows of a CSV result. */
export interface Preview {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/**
 * Reads only the first rows of a CSV object. The delimiter is the one of `,` `;` tab `|` that occurs most in the
 * header.
 * @returns `undefined` if the object is not CSV
 */
export async function readPreview(
  objects: ObjectStore,
  object: StoredObject,
  rows: number,
  signal: AbortSignal,
): Promise<Preview | undefined> {
  const isCsv =
    /csv|tab-separated/.test(object.contentType ?? '') || /\.(?:csv|tsv)(?:\.gz)?$/i.test(object.name)
  if (!isCsv) return undefined
  const stop = new AbortController()
  const raw = await objects.read(object.bucket, object.name, {
    generation: object.generation,
    signal: AbortSignal.any([signal, stop.signal]),
  })
  const bytes = object.name.endsWith('.gz') ? raw.pipe(createGunzip()) : raw
  raw.on('error', (error) => bytes.destroy(error))
  try {
    const head = await readLines(bytes, rows + 1)
    return await parseHead(head, rows)
  } finally {
    stop.abort()
    raw.destroy()
  }
}

/** The text of the first lines, a few more if a quoted field contains line breaks; at most 1 MiB. */
async function readLines(bytes: AsyncIterable<unknown>, lines: number): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of bytes) {
    if (chunk instanceof Uint8Array) text += decoder.decode(chunk, {stream: true})
    if (countLines(text) > lines * 4 || text.length > 1024 * 1024) break
  }
  return text
}

function countLines(text: string): number {
  return text.split('\n', 200).length - 1
}

async function parseHead(text: string, rows: number): Promise<Preview | undefined> {
  const header = text.slice(0, text.search(/\r|\n|$/))
  const delimiter = [',', ';', '\t', '|'].reduce((best, one) =>
    header.split(one).length > header.split(best).length ? one : best,
  )
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
  const [columns, ...data] = records
  return columns === undefined ? undefined : {columns, rows: data}
}
