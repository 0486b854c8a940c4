import type {Writable} from 'node:stream'
import type {Report} from '../../../worker/contract.ts'
import type {Context} from '../context.ts'
import type {FileStatus} from '../pipeline/files.ts'

export interface ResultsRequest {
  readonly object: string
  /** Where the result goes: a file (absolute path) or a stream (`--output -`). Absent: summary only. */
  readonly output?: {readonly file: string; readonly force: boolean} | {readonly stream: Writable}
  /** Rows of the preview, default 5. */
  readonly previewRows?: number
}

export interface Results {
  /** `failed` files have `error`, `done` ones `result`. */
  readonly file: FileStatus
  /** Absent where the worker writes none. */
  readonly report: Report | undefined
  /** First rows of a CSV result: its columns and some rows; absent for other results. */
  readonly preview:
    | {readonly columns: readonly string[]; readonly rows: readonly (readonly string[])[]}
    | undefined
  /** Where the result was written. */
  readonly written: {readonly file: string; readonly sizeBytes: number} | undefined
}

/**
 * What became of an object: its newest generation's result or error, and the result's bytes where they are wanted.
 * @throws AppError `object-unknown`; `result-missing` where it is not finished; `output-exists` without force
 */
export async function results(request: ResultsRequest, context: Context): Promise<Results> {
  throw new Error(`not written yet ${String(request)} ${String(context)}`)
}
