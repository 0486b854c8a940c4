/** An execution of a Cloud Run job: one long file. */
export interface ExecutionState {
  /** Short name. */
  readonly name: string
  readonly state: 'running' | 'succeeded' | 'failed'
  /** Why it failed, in Google's words. */
  readonly problem: string | undefined
  /** RFC 3339. */
  readonly createdAt: string
}

/** An execution that has not ended. */
export interface RunningExecution {
  /** Short name. */
  readonly name: string
  /** Reference with its digest. */
  readonly image: string
  readonly environment: Readonly<Record<string, string>>
}

/** The part of Cloud Run's jobs that core needs. */
export interface Jobs {
  /** Reference of the image that executions start with; `undefined` if the job does not exist. */
  image(job: string): Promise<string | undefined>
  setImage(job: string, image: string, options: {signal: AbortSignal}): Promise<void>
  /** `undefined` if the execution does not exist, or no longer. */
  execution(job: string, execution: string): Promise<ExecutionState | undefined>
  /** Executions that have not ended, newest first. */
  running(job: string): Promise<RunningExecution[]>
  /** Cancels an execution with its tasks. @returns false if it had already ended or no longer exists */
  cancel(job: string, execution: string): Promise<boolean>
}
