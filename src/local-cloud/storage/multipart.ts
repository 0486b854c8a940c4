import {isJsonObject, type JsonObject} from '../wire/json.ts'
import {invalid} from './errors.ts'

const MAX_HEAD_BYTES = 1024 * 1024

/** A `multipart/related` upload: the Object resource first, then the bytes, which are read as they come. */
export interface RelatedParts {
  readonly metadata: JsonObject
  /** Content type of the second part. */
  readonly contentType: string | undefined
  /** The second part. Throws if the body ends before its closing boundary. */
  readonly content: AsyncIterable<Buffer>
}

/** @throws StorageError 400 if the header is not of one of the kinds, with a boundary */
export function boundaryOf(contentType: string | undefined, ...kinds: readonly string[]): string {
  // gcloud puts the boundary in single quotes, which are not meant to belong to it.
  const match = /^(multipart\/[\w-]+)\s*;(?:.*;)?\s*boundary=(?:"([^"]+)"|'([^']+)'|([^\s;]+))/i.exec(
    contentType ?? '',
  )
  const boundary = match?.[2] ?? match?.[3] ?? match?.[4]
  if (boundary === undefined || !kinds.includes(match?.[1]?.toLowerCase() ?? '')) {
    throw invalid(
      `Invalid multipart request: Content-Type '${contentType ?? ''}' is not ${kinds[0]} with a boundary.`,
    )
  }
  return boundary
}

/** An upload by an HTML form: its fields by name in lower case, up to the file, whose bytes are read as they come. */
export interface FormUpload {
  readonly fields: ReadonlyMap<string, string>
  readonly filename: string
  readonly content: AsyncIterable<Buffer>
}

/** @throws StorageError 400 if the body is not a form, or has no file */
export async function readForm(body: AsyncIterable<Buffer>, boundary: string): Promise<FormUpload> {
  const source = new PrefixReader(body)
  const fields = new Map<string, string>()
  const delimiter = Buffer.from(`\r\n--${boundary}`)
  await source.through(Buffer.from(`--${boundary}`))
  for (;;) {
    const end = (await source.through(Buffer.from('\r\n'))).toString('latin1')
    if (end.startsWith('--')) throw invalid('Invalid form: it has no field named file.')
    const head = await readHead(source, '\r\n')
    const disposition = head.get('content-disposition') ?? ''
    const name = parameterOf(disposition, 'name').toLowerCase()
    if (name === 'file')
      return {
        fields,
        filename: parameterOf(disposition, 'filename'),
        content: readContent(source, delimiter),
      }
    fields.set(name, (await source.through(delimiter)).toString('utf8'))
  }
}

function parameterOf(disposition: string, name: string): string {
  const match = new RegExp(`[;\\s]${name}=(?:"([^"]*)"|([^\\s;]+))`, 'i').exec(disposition)
  return match?.[1] ?? match?.[2] ?? ''
}

/**
 * Reads the first part and the head of the second.
 * @throws StorageError 400 if the body is not of this form
 */
export async function readRelatedParts(body: AsyncIterable<Buffer>, boundary: string): Promise<RelatedParts> {
  const source = new PrefixReader(body)
  const opening = await source.through(Buffer.from(`--${boundary}`))
  if (opening.length > 0 && !/^\s*$/.test(opening.toString('latin1'))) {
    throw invalid('Invalid multipart request: it does not begin with its boundary.')
  }
  // Python's email package, which gsutil uses, ends lines by LF alone.
  const firstLine = await source.through(Buffer.from('\n'))
  const newline = firstLine.at(-1) === 0x0d ? '\r\n' : '\n'
  const delimiter = Buffer.from(`${newline}--${boundary}`)

  await readHead(source, newline)
  const metadata = parseMetadata(await source.through(delimiter))
  await source.through(Buffer.from('\n'))
  const head = await readHead(source, newline)
  return {metadata, contentType: head.get('content-type'), content: readContent(source, delimiter)}
}

/** The header lines of a part. */
async function readHead(source: PrefixReader, newline: string): Promise<Map<string, string>> {
  const headers = new Map<string, string>()
  for (;;) {
    const line = (await source.through(Buffer.from(newline))).toString('utf8')
    if (line === '') return headers
    const colon = line.indexOf(':')
    if (colon > 0) headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim())
  }
}

function parseMetadata(bytes: Buffer): JsonObject {
  const json = bytes.toString('utf8').trim()
  if (json === '') return {}
  try {
    const value: unknown = JSON.parse(json)
    if (isJsonObject(value)) return value
  } catch (error) {
    throw invalid(`Invalid multipart request: its metadata is not JSON: ${String(error)}`)
  }
  throw invalid('Invalid multipart request: its metadata is not a JSON object.')
}

/** The bytes up to the delimiter. Only as many are held back as may be the beginning of one. */
async function* readContent(source: PrefixReader, delimiter: Buffer): AsyncGenerator<Buffer> {
  let held: Buffer = source.rest()
  for (;;) {
    const at = held.indexOf(delimiter)
    if (at >= 0) {
      if (at > 0) yield held.subarray(0, at)
      break
    }
    const safe = held.length - delimiter.length + 1
    if (safe > 0) {
      yield held.subarray(0, safe)
      held = held.subarray(safe)
    }
    const chunk = await source.next()
    if (chunk === undefined) throw invalid('Invalid multipart request: the closing boundary is missing.')
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk])
  }
  // What follows the boundary is ignored, but must be read to keep the connection usable.
  while ((await source.next()) !== undefined);
}

/** Reads a stream up to marks. */
class PrefixReader {
  readonly #chunks: AsyncIterator<Buffer>
  #buffer: Buffer = Buffer.alloc(0)

  constructor(body: AsyncIterable<Buffer>) {
    this.#chunks = body[Symbol.asyncIterator]()
  }

  /** What comes before `mark`; the mark itself is passed. */
  async through(mark: Buffer): Promise<Buffer> {
    let from = 0
    for (;;) {
      const at = this.#buffer.indexOf(mark, from)
      if (at >= 0) {
        const before = this.#buffer.subarray(0, at)
        this.#buffer = this.#buffer.subarray(at + mark.length)
        return before
      }
      if (this.#buffer.length > MAX_HEAD_BYTES) throw invalid('Metadata part is too large.')
      from = Math.max(0, this.#buffer.length - mark.length + 1)
      const chunk = await this.next()
      if (chunk === undefined) throw invalid('Invalid multipart request: it ends too early.')
      this.#buffer = Buffer.concat([this.#buffer, chunk])
    }
  }

  /** What was read but not passed; it is handed over. */
  rest(): Buffer {
    const rest = this.#buffer
    this.#buffer = Buffer.alloc(0)
    return rest
  }

  async next(): Promise<Buffer | undefined> {
    const result = await this.#chunks.next()
    return result.done === true ? undefined : result.value
  }
}
