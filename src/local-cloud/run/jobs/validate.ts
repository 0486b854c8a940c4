import {
  onlyContainer,
  seconds,
  validateContainer,
  validateEnv,
  validateLimits,
} from '../validate-container.ts'
import {rejectReserved, validateLabels, violation} from '../violation.ts'
import type {JobSpec, Overrides} from './resources.ts'

/** cloud.google.com/run/quotas and /run/docs/configuring/task-timeout, max-retries, parallelism */
const MOST_TASKS = 10_000
const MOST_RETRIES = 10
const LONGEST_TIMEOUT_SECONDS = 168 * 3600
/** "Job names must be 49 characters or less" (cloud.google.com/run/docs/create-jobs). */
const JOB_ID = /^[a-z](?:[a-z0-9-]{0,47}[a-z0-9])?$/
/** For the job's name and a token together. */
const LONGEST_EXECUTION_NAME = 62

/**
 * Checks a job's id as Cloud Run does.
 * @throws ApiError INVALID_ARGUMENT
 */
export function validateJobId(id: string): void {
  if (JOB_ID.test(id)) return
  throw violation(
    'job_id',
    `"${id}" is not valid: only lowercase letters, digits and hyphens; must begin with a letter, may not end with a hyphen, and must be less than 50 characters`,
  )
}

/**
 * Checks what a user sets on a job against Cloud Run's limits and against what the local cloud can run.
 * @throws ApiError INVALID_ARGUMENT, or UNIMPLEMENTED for what is not served here
 */
export function validateJob(id: string, spec: JobSpec): void {
  const {template} = spec
  if (!template?.template) throw violation('job.template.template', 'is required')
  validateLabels('job.labels', spec.labels)
  rejectReserved('job.annotations', spec.annotations)
  validateLabels('job.template.labels', template.labels)
  rejectReserved('job.template.annotations', template.annotations)
  validateTaskCount('job.template.task_count', template.taskCount ?? 0)
  const {parallelism = 0} = template
  if (parallelism < 0) throw violation('job.template.parallelism', `${parallelism} must not be negative`)
  const field = 'job.template.template'
  const {maxRetries = 0, timeout} = template.template
  if (maxRetries < 0 || maxRetries > MOST_RETRIES)
    throw violation(`${field}.max_retries`, `${maxRetries} must be between 0 and ${MOST_RETRIES}`)
  validateTimeout(`${field}.timeout`, timeout)
  const container = onlyContainer(field, template.template)
  validateContainer(`${field}.containers[0]`, container)
  if (container.resources?.cpuIdle === true)
    throw violation(`${field}.containers[0].resources.cpu_idle`, 'CPU idle must be set to false')
  validateLimits(`${field}.containers[0]`, container, {
    isSecondGeneration: true,
    isCpuAlwaysAllocated: true,
    concurrency: 1,
  })
  if ((container.ports ?? []).length > 0)
    throw violation(`${field}.containers[0].ports`, 'must not be set: tasks of a job do not listen')
  if (container.startupProbe ?? container.livenessProbe ?? container.readinessProbe)
    throw violation(`${field}.containers[0]`, 'must not have probes: tasks of a job do not listen')
  for (const token of [spec.startExecutionToken, spec.runExecutionToken]) {
    if (token !== undefined && !isSuffix(id, token))
      throw violation(
        'job.create_execution',
        `"${token}" must be lowercase letters, digits and hyphens, and with the job's name at most ${LONGEST_EXECUTION_NAME} characters`,
      )
  }
}

/** @throws ApiError INVALID_ARGUMENT */
export function validateOverrides({containerOverrides = [], taskCount = 0, timeout}: Overrides): void {
  validateTaskCount('overrides.task_count', taskCount)
  validateTimeout('overrides.timeout', timeout)
  for (const [index, {args = [], clearArgs, env = []}] of containerOverrides.entries()) {
    const field = `overrides.container_overrides[${index}]`
    if (clearArgs === true && args.length > 0)
      throw violation(`${field}.clear_args`, 'must not be set together with args')
    validateEnv(field, env)
  }
}

function validateTaskCount(field: string, count: number): void {
  if (count < 0 || count > MOST_TASKS) throw violation(field, `${count} must be between 1 and ${MOST_TASKS}`)
}

function validateTimeout(field: string, timeout: string | undefined): void {
  if (timeout !== undefined && !(seconds(timeout) > 0 && seconds(timeout) <= LONGEST_TIMEOUT_SECONDS))
    throw violation(field, `${timeout} must be more than 0 and at most ${LONGEST_TIMEOUT_SECONDS} seconds`)
}

function isSuffix(job: string, token: string): boolean {
  return /^[a-z0-9-]*[a-z0-9]$/.test(token) && `${job}-${token}`.length <= LONGEST_EXECUTION_NAME
}
