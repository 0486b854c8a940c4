import {Readable} from 'node:stream'
import type {ErrorReport, Report} from '../../worker/contract.ts'
import type {Artifact} from '../../worker/logistic-regression/training/model.ts'
import {logisticRegression} from '../../worker/logistic-regression/index.ts'
import {PermanentError} from '../../worker/processor.ts'

/** What the logistic regression made of a file held in memory. */
export interface Processed {
  bytes: Buffer
  /** The result as text, lines without their ends. */
  lines: string[]
  report: Report
  model: Artifact
  logs: {severity: string; message: string; fields: Record<string, unknown> | undefined}[]
}

export interface FileOptions {
  object?: string
  labelColumn?: string
  environment?: Record<string, string>
  /** Custom metadata besides the label column. */
  metadata?: Record<string, string>
  /** What is read besides the file, by `gs://` name. */
  objects?: Record<string, string>
  /** Bytes of each chunk that the file is read in; small ones cut characters, quotes and line ends. */
  chunkBytes?: number
  signal?: AbortSignal
  onLog?: (message: string) => void
}

/** Runs the process as the worker's runtime does, with the file and its outputs in memory. */
export async function processFile(content: string | Buffer, options: FileOptions = {}): Promise<Processed> {
  const bytes = Buffer.from(content)
  const {object = 'file.csv', labelColumn, environment = {}, chunkBytes = 64 * 1024} = options
  const written: Buffer[] = []
  const sidecars = new Map<string, unknown>()
  const logs: Processed['logs'] = []
  await logisticRegression.process(
    {
      bucket: 'in',
      object,
      generation: '1700000000000000',
      sizeBytes: bytes.length,
      contentType: 'text/csv',
      metadata: {...(labelColumn === undefined ? {} : {'label-column': labelColumn}), ...options.metadata},
      open: async ({start, end} = {start: 0, end: bytes.length}) =>
        Object.assign(Readable.from(chunksOf(bytes.subarray(start, end), chunkBytes), {objectMode: false}), {
          free,
        }),
    },
    {
      write: async (chunk) => {
        written.push(Buffer.from(chunk))
      },
      setContentType: () => undefined,
      file: (name) => {
        throw new Error(`The regression writes one result, not ${name}.`)
      },
      // As the runtime does: what cannot be written as JSON is a fault here too.
      sidecar: (name, sidecar) => sidecars.set(name, JSON.parse(JSON.stringify(sidecar))),
    },
    {
      signal: options.signal ?? new AbortController().signal,
      environment,
      readObject: async (uri) => {
        const named = options.objects?.[uri]
        if (named === undefined) throw new PermanentError(`No object ${uri}.`, {code: 'object-missing'})
        return Buffer.from(named)
      },
      log: (severity, message, fields) => {
        logs.push({severity, message, fields})
        options.onLog?.(message)
      },
    },
  )
  const result = Buffer.concat(written)
  return {
    bytes: result,
    lines: result
      .toString('utf8')
      .split(/\r\n|\n|\r/)
      .filter((line) => line !== ''),
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the process's own output, back from JSON
    report: sidecarOf(sidecars, 'report.json') as Report,
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as above
    model: sidecarOf(sidecars, 'model.json') as Artifact,
    logs,
  }
}

/** The permanent fault that a file is refused with. */
export async function faultOf(
  content: string | Buffer,
  options: FileOptions = {},
): Promise<Omit<ErrorReport, 'object' | 'generation'>> {
  try {
    await processFile(content, options)
  } catch (error) {
    if (!(error instanceof PermanentError)) throw error
    const {code, message, line, column, suggestions} = error
    return {
      code,
      message,
      ...(line === undefined ? {} : {line}),
      ...(column === undefined ? {} : {column}),
      suggestions: [...suggestions],
    }
  }
  throw new Error('The file was processed, although it should not have been')
}

/** As the runtime does: what still reads the chunk fails. */
function free({buffer, length}: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === length) buffer.transfer(0)
}

/** Each has memory of its own. */
function* chunksOf(bytes: Buffer, size: number): Generator<Buffer> {
  for (let start = 0; start < bytes.length; start += size)
    yield Buffer.from(Uint8Array.from(bytes.subarray(start, start + size)).buffer)
}

function sidecarOf(sidecars: ReadonlyMap<string, unknown>, name: string): unknown {
  if (!sidecars.has(name)) throw new Error(`No ${name} was written`)
  return sidecars.get(name)
}
