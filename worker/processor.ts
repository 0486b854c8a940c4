import type {Readable} from 'node:stream'

/** Some bytes of a file. */
export interface ByteRange {
  readonly start: number
  /** Exclusive. */
  readonly end: number
}

/** A file's bytes on their way. */
export interface FileBytes extends Readable {
  /**
   * Frees the memory of a chunk that the reader is done with, and all views of it. Optional: chunks that are left to
   * the garbage collector let it collect the whole heap for every few megabytes.
   */
  readonly free?: (chunk: Buffer) => void
}

/** One file to process: a fixed generation of an object, readable as often as needed. */
export interface InputFile {
  readonly bucket: string
  readonly object: string
  /** Decimal text: generations exceed 2^53. */
  readonly generation: string
  readonly sizeBytes: number
  readonly contentType: string | undefined
  /** Custom metadata of the object, such as `label-column`. */
  readonly metadata: Readonly<Record<string, string>>
  /**
   * Opens this generation from its beginning; each call is a new read. Objects stored with the content encoding gzip
   * arrive unpacked. Errors of the stream are the storage's: rethrow them unchanged.
   * @param range bytes to read instead of all, within the file
   */
  open(range?: ByteRange): Promise<FileBytes>
}

/** One of several outputs while it is produced. */
export interface OutputFile {
  /** Its bytes, in order. Waits if the receiver is slow. */
  write(chunk: string | Uint8Array): Promise<void>
}

/** Receives what a process produces. Nothing becomes visible before `process` returns. */
export interface Output {
  /** The result's bytes, in order. Waits if the receiver is slow. */
  write(chunk: string | Uint8Array): Promise<void>
  /** Content type of the result; the default is the input's. Call it before the first `write`. */
  setContentType(contentType: string): void
  /**
   * Starts an output under a name of its own, such as `invoice.json` for `invoice.pdf`; instead of `write`, and as
   * often as needed. The file is done when all of them are written; outputs of its earlier runs that are not written
   * again are removed. Up to 8 MiB of each stay in memory until `process` returns, for which `memory` has to suffice;
   * more is streamed.
   * @throws PermanentError without a content type, if the name was used before or cannot be an object's; at the end of `process`, if the name belongs to another
   * file or to nobody
   */
  file(name: string, options: {readonly contentType: string}): OutputFile
  /** Adds a JSON sidecar beside the result, under the reserved prefix. */
  sidecar(name: 'report.json' | 'model.json', content: object): void
}

/** What a process receives in addition to the file. */
export interface ProcessContext {
  /** Aborted at shutdown and shortly before the delivery's deadline: stop, and throw `signal.reason`. */
  readonly signal: AbortSignal
  /** The container's environment, for a process's own settings. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /**
   * Reads another object, such as a model, of at most 256 MiB.
   * @param uri `gs://bucket/object` or `gs://bucket/object#generation`
   * @throws PermanentError if it does not exist or cannot be read
   */
  readObject(uri: string): Promise<Buffer>
  /** Only in the first of several tasks of a job, for a file that {@link Parts.suit}. */
  readonly tasks?: Tasks
  /** Writes a structured log line, labelled with the file. */
  log(
    severity: 'DEBUG' | 'INFO' | 'WARNING' | 'ERROR',
    message: string,
    fields?: Record<string, unknown>,
  ): void
}

/** The tasks of one execution of a job that write a result together. */
export interface Tasks {
  readonly count: number
  /**
   * Has all tasks write the result in parts, instead of `output.write`; waits until all parts exist. The first task
   * writes those that the others do not.
   * @param parts what {@link Parts.write} receives of each, in the order of the result; taken one at a time
   * @returns what {@link Parts.write} returned for each
   */
  share(parts: Iterable<Uint8Array>): Promise<Buffer[]>
}

/** How several tasks of a job write one result together: the setting `jobTasks`. */
export interface Parts {
  /** Whether the result of this file can be written in parts. Asked before the tasks are started. */
  suit(input: InputFile): Promise<boolean>
  /**
   * Writes one part. Two tasks may write the same one, of which either is kept: the same `part` of a file always has the
   * same bytes and the same answer.
   * @returns what the first task wants to know about it
   */
  write(
    part: Buffer,
    input: InputFile,
    output: OutputFile,
    context: Pick<ProcessContext, 'signal'>,
  ): Promise<Uint8Array>
}

/** The one interface that a process implements: a file in, a file out. */
export interface Processor {
  /** Shown in logs. */
  readonly name: string
  /**
   * Turns one file into another.
   * @throws PermanentError if this file can never be processed: recorded as its result, not retried. Any other error
   * counts as transient: the delivery is refused and retried.
   */
  process(input: InputFile, output: Output, context: ProcessContext): Promise<void>
  /** Without it, one task processes a file, whatever `jobTasks` is. */
  readonly parts?: Parts
}

/** The file itself is bad: a retry would not help. */
export class PermanentError extends Error {
  override readonly name = 'PermanentError'
  readonly code: string
  readonly line: number | undefined
  readonly column: number | string | undefined
  readonly suggestions: readonly string[]

  constructor(
    message: string,
    details: {
      code: string
      line?: number | undefined
      column?: number | string | undefined
      suggestions?: readonly string[]
      cause?: unknown
    },
  ) {
    super(message, {cause: details.cause})
    this.code = details.code
    this.line = details.line
    this.column = details.column
    this.suggestions = details.suggestions ?? []
  }
}
