import type {Readable} from 'node:stream'
import type {Context} from '../context.ts'
import type {AppError} from '../errors.ts'
import type {FileStatus} from '../pipeline/files.ts'

export interface UploadRequest {
  /** Files, folders, glob patterns, or `-` for stdin. */
  readonly sources: readonly string[]
  /** Object name; only with one file, required for `-`. */
  readonly name?: string | undefined
  /** Absolute: what relative sources are relative to. */
  readonly cwd: string
  /** What `-` stands for. */
  readonly stdin?: Readable
}

/** A file that passed every check which needs no network. */
export interface PlannedUpload {
  /** As the user would write it, or `-`. */
  readonly file: string
  readonly object: string
  /** `undefined` for stdin. */
  readonly sizeBytes: number | undefined
  readonly source: {readonly file: string; readonly sizeBytes: number} | {readonly stream: Readable}
}

export interface UploadedFile {
  readonly file: string
  readonly object: string
  readonly generation: string
  readonly sizeBytes: number
  /** RFC 3339. */
  readonly uploadedAt: string
}

export interface UploadOptions {
  readonly labelColumn?: string | undefined
  /** Called while bytes leave, per file. */
  readonly progress?: (file: PlannedUpload, sentBytes: number) => void
  /** Called as each file is there. */
  readonly uploaded?: (file: UploadedFile) => void
}

export interface UploadResult {
  readonly uploaded: readonly UploadedFile[]
  readonly failed: readonly {readonly file: string; readonly object: string; readonly error: AppError}[]
}

/**
 * Finds the files and checks everything that can be checked before anything is sent. Needs no network: call it
 * before opening the target.
 * @throws AppError (exit 2 where it is wrong usage): `file-missing`, `file-unreadable`, `glob-empty`, …
 */
export async function planUpload(request: UploadRequest): Promise<PlannedUpload[]> {
  throw new Error(`not written yet ${String(request)}`)
}

/** Uploads, several at a time; one that fails does not stop the others. */
export async function upload(
  files: readonly PlannedUpload[],
  options: UploadOptions,
  context: Context,
): Promise<UploadResult> {
  throw new Error(`not written yet ${String(files)} ${String(options)} ${String(context)}`)
}

export interface WaitOptions {
  /** Milliseconds; `undefined`: as long as it takes. */
  readonly timeoutMs: number | undefined
  /** Called whenever a file's state or hops changed. */
  readonly changed?: (file: FileStatus) => void
}

export interface WaitResult {
  readonly files: readonly FileStatus[]
  /** 0 all done, 3 some failed or dead, 124 the time ran out. */
  readonly exitCode: number
}

/** Waits until exactly these generations have a result, an error, or are dead. Never throws for a time-out. */
export async function waitForResults(
  files: readonly UploadedFile[],
  options: WaitOptions,
  context: Context,
): Promise<WaitResult> {
  throw new Error(`not written yet ${String(files)} ${String(options)} ${String(context)}`)
}
