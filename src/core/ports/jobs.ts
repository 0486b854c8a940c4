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

/** How long an execution ran. */
export interface PastExecution {
  /** Short name. */
  readonly name: string
  /** From start to end, or until now; 0 if it has not started. */
  readonly durationMs: number
  /** How many tasks share its file. */
  readonly tasks: number
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
  /** Executions created since then, RFC 3339, as far as Cloud Run still knows them; none if there is no such job. */
  since(job: string, since: string): Promise<PastExecution[]>
  /** Cancels an execution with its tasks. @returns false if it had already ended or no longer exists */
  cancel(job: string, execution: string): Promise<boolean>
}
