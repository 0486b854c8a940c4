import type {Context} from '../context.ts'
import type {FileState, FileStatus} from '../pipeline/files.ts'
import type {Target} from '../pipeline/settings.ts'

export interface StatusRequest {
  /** Empty: all files. */
  readonly objects: readonly string[]
  /** Files that are listed at most; the newest come first. All are counted. */
  readonly limit: number
}

export interface PipelineStatus {
  readonly name: string
  readonly target: Target
  readonly project: string
  readonly region: string
  readonly inputBucket: string
  readonly outputBucket: string
  readonly topic: string
  readonly subscription: string
  readonly service: string
  /** Reference with digest; absent before the first deploy. */
  readonly image: string | undefined
  readonly revision: string | undefined
  readonly uri: string | undefined
  readonly ready: boolean
  /** Why it is not ready. */
  readonly problem: string | undefined
}

export interface Status {
  readonly pipeline: PipelineStatus
  readonly files: readonly FileStatus[]
  /** Over all files, listed or not. */
  readonly counts: Readonly<Record<FileState, number>>
  /** Whether there are more files than `files` holds. */
  readonly truncated: boolean
}

/**
 * The pipeline and its files: input objects against results, by generation.
 * @throws AppError `not-set-up`; `object-unknown` where a named object is not in the input bucket
 */
export async function status(request: StatusRequest, context: Context): Promise<Status> {
  throw new Error(`not written yet ${String(request)} ${String(context)}`)
}
