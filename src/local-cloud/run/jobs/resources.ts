import type {Condition, Container, EnvVar, ResourceStatus} from '../resources.ts'

/**
 * google.cloud.run.v2.Job, Execution and Task in proto3 JSON, as far as the local cloud reads them. Everything else
 * is kept and returned unchanged.
 */
export interface Job extends JobSpec, JobStatus {
  name: string
}

/** What the user sets. */
export interface JobSpec {
  labels?: Record<string, string>
  annotations?: Record<string, string>
  launchStage?: string
  client?: string
  clientVersion?: string
  template?: ExecutionTemplate
  startExecutionToken?: string
  runExecutionToken?: string
}

export interface JobStatus extends ResourceStatus {
  executionCount?: number
  latestCreatedExecution?: ExecutionReference
}

export interface ExecutionReference {
  /** The last segment of its resource name, as Cloud Run returns it. */
  name: string
  createTime: string
  completionTime?: string
  completionStatus: 'EXECUTION_PENDING' | 'EXECUTION_RUNNING' | ExecutionOutcome
}

export type ExecutionOutcome = 'EXECUTION_SUCCEEDED' | 'EXECUTION_FAILED' | 'EXECUTION_CANCELLED'

export interface ExecutionTemplate {
  labels?: Record<string, string>
  annotations?: Record<string, string>
  parallelism?: number
  taskCount?: number
  template?: TaskTemplate
}

export interface TaskTemplate {
  containers?: Container[]
  volumes?: object[]
  maxRetries?: number
  timeout?: string
  serviceAccount?: string
}

/** google.cloud.run.v2.RunJobRequest.Overrides */
export interface Overrides {
  containerOverrides?: {
    name?: string
    args?: string[]
    env?: EnvVar[]
    clearArgs?: boolean
  }[]
  taskCount?: number
  timeout?: string
}

export interface Execution extends ExecutionCounts {
  name: string
  uid: string
  creator: string
  generation: string
  observedGeneration?: string
  labels?: Record<string, string>
  annotations?: Record<string, string>
  createTime: string
  startTime?: string
  completionTime?: string
  updateTime: string
  deleteTime?: string
  launchStage?: string
  /** The job's resource name. */
  job: string
  parallelism: number
  taskCount: number
  template: TaskTemplate
  reconciling?: boolean
  conditions: Condition[]
  etag: string
}

/** Absent where zero, as in proto3 JSON. */
export interface ExecutionCounts {
  runningCount?: number
  succeededCount?: number
  failedCount?: number
  cancelledCount?: number
  retriedCount?: number
}

/** The fields that are a task's own; the rest comes from its execution. */
export interface TaskStatus {
  uid: string
  createTime: string
  scheduledTime?: string
  startTime?: string
  completionTime?: string
  updateTime: string
  reconciling?: boolean
  conditions: Condition[]
  retried?: number
  lastAttemptResult?: AttemptResult
  etag: string
}

/** google.cloud.run.v2.TaskAttemptResult */
export interface AttemptResult {
  status: {code?: number; message?: string}
  exitCode?: number
  termSignal?: number
}

/** The parts of `projects/P/locations/L/jobs/J[/executions/E[/tasks/T]]`. */
export interface JobName {
  readonly project: string
  readonly location: string
  readonly job: string
}

export function parseJobName(name: string): JobName | undefined {
  const {project, location, job} =
    /^projects\/(?<project>[^/]+)\/locations\/(?<location>[^/]+)\/jobs\/(?<job>[^/]+)/.exec(name)?.groups ??
    {}
  return project === undefined || location === undefined || job === undefined
    ? undefined
    : {project, location, job}
}

/** A resource name up to its job: roles are granted on jobs, executions and tasks have no policy of their own. */
export function jobOf(name: string): string {
  return name.replace(/\/executions\/.*$/, '')
}
