import {availableParallelism} from 'node:os'
import type {MetricSink} from '../../monitoring/metrics.ts'
import type {State} from '../../state/state.ts'
import {ApiError} from '../../wire/api-error.ts'
import {succeeded} from '../services/conditions.ts'
import {newEtag} from '../etag.ts'
import {shortName} from '../resources.ts'
import {type AttemptDependencies, runAttempt} from './attempt.ts'
import type {AttemptResult, Execution, TaskStatus} from './resources.ts'
import {
  cancellingConditions,
  endedConditions,
  executionReference,
  isCancelling,
  notCompleted,
  startedConditions,
  taskFailure,
  withCounts,
} from './status.ts'
import type {JobStore, StoredExecution, StoredTask, TaskState} from './store.ts'

export interface ExecutorDependencies extends AttemptDependencies {
  readonly state: State
  readonly store: JobStore
  readonly metrics: Pick<MetricSink, 'executionFailed'>
}

export interface Executor {
  /**
   * Runs a stored execution until it ends, from where it was. Tasks that were running when the local cloud stopped run
   * again; that does not count as a retry.
   * @returns the ended execution, cancelled or succeeded
   * @throws ApiError ABORTED that says which task failed; UNAVAILABLE if the local cloud stops first
   */
  run(name: string): Promise<Execution>
  /** Ends an execution's tasks; resolves when they have ended, at once if the execution has. */
  cancel(name: string): Promise<void>
  /** Ends all tasks permanently: those that do not succeed within their grace period run again after the next start. */
  drain(): Promise<void>
}

interface Active {
  stored: StoredExecution
  readonly tasks: StoredTask[]
  /** Indexes of the tasks that may start, in order. */
  waiting: number[]
  readonly running: Map<number, AbortController>
  cancelled: boolean
  readonly ended: PromiseWithResolvers<Execution>
}

const DEFAULT_RETRIES = 3
/** Tasks that this machine runs at a time, across all executions; a job may request thousands. */
const MOST_AT_A_TIME = Math.max(8, 2 * availableParallelism())

/** Runs the tasks of executions with their retries, in parallel as far as job and machine allow. */
export function createExecutor({state, store, metrics, ...attempts}: ExecutorDependencies): Executor {
  const {clock} = attempts
  const executions = new Map<string, Active>()
  const work = new Set<Promise<void>>()
  let draining = false
  const now = (): string => new Date(clock.now()).toISOString()

  /** Writes changed tasks, and their execution with its counts, then its job. */
  const save = async (
    active: Active,
    changed: readonly StoredTask[],
    change: Partial<Execution> = {},
    done = false,
  ): Promise<void> => {
    for (const task of changed) active.tasks[task.index] = task
    const execution = {
      ...withCounts(active.stored.execution, active.tasks),
      ...change,
      updateTime: now(),
      etag: newEtag(),
    }
    active.stored = {...active.stored, execution, done}
    await state.record(() => {
      // Read at write time: later changes overtake one that waits its turn.
      for (const task of changed.flatMap(({index}) => active.tasks[index] ?? [])) store.putTask(task)
      const {stored} = active
      store.putExecution(stored, clock.now())
      const job = store.job(stored.execution.job)
      if (job?.status.latestCreatedExecution?.name === shortName(stored.execution.name))
        store.putJob(
          {...job, status: {...job.status, latestCreatedExecution: executionReference(stored.execution)}},
          clock.now(),
        )
    })
  }

  const startMore = (): void => {
    if (draining) return
    for (const active of executions.values()) {
      const {parallelism} = active.stored.execution
      while (work.size < MOST_AT_A_TIME && active.running.size < parallelism && active.waiting.length > 0)
        start(active)
    }
  }

  const start = (active: Active): void => {
    const index = active.waiting.shift()
    if (index === undefined) return
    const stop = new AbortController()
    active.running.set(index, stop)
    const attempt = runTask(active, index, stop.signal)
      .catch((error: unknown) => active.ended.reject(error))
      .finally(() => {
        work.delete(attempt)
        startMore()
      })
    work.add(attempt)
  }

  const runTask = async (active: Active, index: number, signal: AbortSignal): Promise<void> => {
    const before = active.tasks[index]
    if (!before) throw new Error(`The execution has no task ${index}.`)
    const time = now()
    const task: StoredTask = {
      ...before,
      state: 'running',
      status: {
        ...before.status,
        scheduledTime: before.status.scheduledTime ?? time,
        startTime: before.status.startTime ?? time,
        updateTime: time,
        conditions: startedConditions(time),
      },
    }
    const {startTime} = active.stored.execution
    await save(
      active,
      [task],
      startTime === undefined ? {startTime: time, conditions: startedConditions(time)} : {},
    )
    const result = await runAttempt(attempts, {stored: active.stored, index, attempt: task.attempt, signal})
    active.running.delete(index)
    const failed = result.status.code !== undefined
    // An interruption by a stop says nothing about the task: it stays running, and the next start resumes it.
    if (failed && draining && !active.cancelled) return
    const {maxRetries = DEFAULT_RETRIES} = active.stored.execution.template
    if (failed && !active.cancelled && task.attempt < maxRetries) {
      await save(active, [retry(task, result)])
      // If the execution was cancelled meanwhile, the task has ended with it.
      if (!active.cancelled) active.waiting.unshift(index)
    } else
      await save(active, [
        ended(task, active.cancelled && failed ? 'cancelled' : failed ? 'failed' : 'succeeded', result),
      ])
    await finish(active)
  }

  const retry = (task: StoredTask, result: AttemptResult): StoredTask => ({
    ...task,
    state: 'waiting',
    attempt: task.attempt + 1,
    status: {
      ...task.status,
      retried: task.attempt + 1,
      lastAttemptResult: result,
      updateTime: now(),
      etag: newEtag(),
    },
  })

  const ended = (task: StoredTask, outcome: TaskState, result?: AttemptResult): StoredTask => {
    const time = now()
    const {reconciling: _over, ...before} = task.status
    const completed =
      outcome === 'succeeded'
        ? succeeded('Completed', time)
        : outcome === 'cancelled'
          ? notCompleted(time, 'The task was cancelled.', 'CANCELLED')
          : notCompleted(time, result?.status.message ?? '', 'NON_ZERO_EXIT_CODE')
    const status: TaskStatus = {
      ...before,
      ...(result ? {lastAttemptResult: result} : {}),
      completionTime: time,
      updateTime: time,
      conditions: endedConditions(before.conditions, completed),
      etag: newEtag(),
    }
    return {...task, state: outcome, status}
  }

  /** Ends tasks that are not running: waiting ones, and those that a stop of the local cloud interrupted. */
  const cancelIdle = async (active: Active): Promise<void> => {
    active.waiting = []
    const idle = active.tasks.filter(
      ({state: current, index}) =>
        current === 'waiting' || (current === 'running' && !active.running.has(index)),
    )
    await save(
      active,
      idle.map((task) => ended(task, 'cancelled')),
      {conditions: cancellingConditions(active.stored.execution.conditions, now())},
    )
  }

  const finish = async (active: Active): Promise<void> => {
    if (active.tasks.some(({state: current}) => current === 'waiting' || current === 'running')) return
    const {name} = active.stored.execution
    if (!executions.delete(name)) return
    const failure = active.tasks.find(({state: current}) => current === 'failed')
    const time = now()
    const message = failure
      ? taskFailure(name, failure.index, failure.status.lastAttemptResult ?? {status: {}})
      : `Execution ${shortName(name)} was cancelled.`
    const complete = active.tasks.every(({state: current}) => current === 'succeeded')
    const {reconciling: _over, ...execution} = active.stored.execution
    active.stored = {...active.stored, execution}
    await save(
      active,
      [],
      {
        completionTime: time,
        ...(execution.observedGeneration === undefined ? {observedGeneration: execution.generation} : {}),
        conditions: endedConditions(
          execution.conditions,
          complete
            ? succeeded('Completed', time)
            : notCompleted(time, message, active.cancelled ? 'CANCELLED' : 'NON_ZERO_EXIT_CODE'),
        ),
      },
      true,
    )
    if (complete || active.cancelled) active.ended.resolve(active.stored.execution)
    else {
      metrics.executionFailed(execution.job)
      active.ended.reject(new ApiError('ABORTED', message))
    }
  }

  return {
    run(name) {
      const existing = executions.get(name)
      if (existing) return existing.ended.promise
      const stored = store.execution(name)
      if (!stored) return Promise.reject(new ApiError('NOT_FOUND', `Execution ${name} was deleted.`))
      const tasks = store.tasks(name, -1, 0)
      const waiting = tasks.flatMap(({state: current, index}) =>
        current === 'waiting' || current === 'running' ? [index] : [],
      )
      const active: Active = {
        stored,
        tasks,
        waiting,
        running: new Map(),
        cancelled: isCancelling(stored.execution.conditions),
        ended: Promise.withResolvers(),
      }
      executions.set(name, active)
      // A caller that waits gets the failure; often none does.
      active.ended.promise.catch(() => undefined)
      if (draining) active.ended.reject(stopping(name))
      else if (active.cancelled || waiting.length === 0)
        cancelIdle(active)
          .then(() => finish(active))
          .catch((error: unknown) => active.ended.reject(error))
      else startMore()
      return active.ended.promise
    },
    async cancel(name) {
      const active = executions.get(name)
      if (!active) return
      active.cancelled = true
      for (const stop of active.running.values()) stop.abort()
      await cancelIdle(active)
      await finish(active)
      await active.ended.promise.catch(() => undefined)
    },
    async drain() {
      draining = true
      for (const {running} of executions.values()) for (const stop of running.values()) stop.abort()
      await Promise.all(work)
      for (const [name, {ended: outcome}] of executions) outcome.reject(stopping(name))
    },
  }
}

function stopping(name: string): ApiError {
  return new ApiError(
    'UNAVAILABLE',
    `The local cloud stopped before execution ${shortName(name)} ended; it resumes at the next start.`,
  )
}
