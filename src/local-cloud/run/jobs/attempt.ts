import {InstanceError} from '../../instances/instance.ts'
import type {LogSink} from '../../logging/log-sink.ts'
import {ApiError} from '../../wire/api-error.ts'
import type {Clock} from '../../wire/clock.ts'
import type {Launcher} from '../capacity/launcher.ts'
import {describeEnd, signalNumber} from '../container-end.ts'
import {systemLogEntry} from '../platform-log.ts'
import {shortName} from '../resources.ts'
import {seconds} from '../validate-container.ts'
import {type AttemptResult, parseJobName} from './resources.ts'
import type {StoredExecution} from './store.ts'

export interface AttemptDependencies {
  readonly clock: Clock
  readonly launcher: Launcher
  readonly log: LogSink
}

export interface Attempt {
  readonly stored: StoredExecution
  readonly index: number
  readonly attempt: number
  /** Asks the container to end. */
  readonly signal: AbortSignal
}

/** Between SIGTERM and SIGKILL (cloud.google.com/run/docs/container-contract#jobs). */
const GRACE_MS = 10_000
const DEFAULT_TIMEOUT = '600s'

/**
 * Runs one attempt of a task until it ends, however it ends.
 * @returns with a code in `status` if it did not succeed; never rejects because of the container
 */
export async function runAttempt(
  {clock, launcher, log}: AttemptDependencies,
  {stored: {execution, image}, index, attempt, signal}: Attempt,
): Promise<AttemptResult> {
  const name = parseJobName(execution.name)
  const [container] = execution.template.containers ?? []
  if (!name || !container) throw new Error(`The execution ${execution.name} has no container.`)
  const resource = {
    type: 'cloud_run_job',
    labels: {project_id: name.project, job_name: name.job, location: name.location},
  }
  const labels = {
    'run.googleapis.com/execution_name': shortName(execution.name),
    'run.googleapis.com/task_index': String(index),
    'run.googleapis.com/task_attempt': String(attempt),
  }
  const note = (severity: string, text: string, instanceId: string): void =>
    log.append([
      systemLogEntry({
        project: name.project,
        resource,
        labels: {instanceId, ...labels},
        severity,
        text,
        at: clock.now(),
      }),
    ])

  if (signal.aborted) return failure('CANCELLED', 'The task was cancelled before it started.')
  const instance = await launcher
    .prepare(image)
    .then(() =>
      launcher.launch({
        project: name.project,
        image,
        container,
        serviceAccount: execution.template.serviceAccount,
        env: {
          CLOUD_RUN_JOB: name.job,
          CLOUD_RUN_EXECUTION: shortName(execution.name),
          CLOUD_RUN_TASK_INDEX: String(index),
          CLOUD_RUN_TASK_ATTEMPT: String(attempt),
          CLOUD_RUN_TASK_COUNT: String(execution.taskCount),
        },
        listens: false,
        resource,
        labels,
      }),
    )
    .catch((error: unknown) => {
      if (error instanceof InstanceError) return error
      throw error
    })
  if (instance instanceof InstanceError) {
    note('ERROR', instance.message, '')
    return failure('FAILED_PRECONDITION', instance.message)
  }

  const limit = execution.template.timeout ?? DEFAULT_TIMEOUT
  let timedOut = false
  const stop = (): void => void instance.stop(GRACE_MS)
  const timer = clock.after(seconds(limit) * 1000, () => {
    timedOut = true
    note(
      'ERROR',
      `Terminating task because it has reached the maximum timeout of ${seconds(limit)} seconds. To change this limit, see https://cloud.google.com/run/docs/configuring/task-timeout`,
      instance.id,
    )
    stop()
  })
  if (signal.aborted) stop()
  signal.addEventListener('abort', stop, {once: true})
  const exit = await instance.exited
  signal.removeEventListener('abort', stop)
  timer.clear()
  note(exit.outOfMemory ? 'ERROR' : exit.code === 0 ? 'INFO' : 'WARNING', describeEnd(exit), instance.id)

  const {code} = exit
  const how = code === null ? {termSignal: signalNumber(exit.signal)} : code === 0 ? {} : {exitCode: code}
  if (timedOut) return {...failure('DEADLINE_EXCEEDED', 'The configured timeout was reached.'), ...how}
  if (code === 0) return {status: {}}
  const message = exit.outOfMemory ? describeEnd(exit) : 'The container exited with an error.'
  return {...failure('ABORTED', message), ...how}
}

function failure(status: ConstructorParameters<typeof ApiError>[0], message: string): AttemptResult {
  return {status: {code: new ApiError(status, message).grpcCode, message}}
}
