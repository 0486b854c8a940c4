import type {Condition} from '../resources.ts'
import {reconciling, succeeded} from '../services/conditions.ts'
import {shortName} from '../resources.ts'
import type {AttemptResult, Execution, ExecutionCounts, ExecutionReference} from './resources.ts'
import type {StoredTask} from './store.ts'

/** Number of tasks by state; zeros are absent. */
export function countTasks(tasks: readonly StoredTask[]): ExecutionCounts {
  const counted = {running: 0, succeeded: 0, failed: 0, cancelled: 0, waiting: 0}
  let retried = 0
  for (const {state, status} of tasks) {
    counted[state] += 1
    if ((status.retried ?? 0) > 0) retried += 1
  }
  return {
    ...(counted.running > 0 ? {runningCount: counted.running} : {}),
    ...(counted.succeeded > 0 ? {succeededCount: counted.succeeded} : {}),
    ...(counted.failed > 0 ? {failedCount: counted.failed} : {}),
    ...(counted.cancelled > 0 ? {cancelledCount: counted.cancelled} : {}),
    ...(retried > 0 ? {retriedCount: retried} : {}),
  }
}

/** An execution without its previous counts. */
export function withCounts(execution: Execution, tasks: readonly StoredTask[]): Execution {
  const {
    runningCount: _running,
    succeededCount: _succeeded,
    failedCount: _failed,
    cancelledCount: _cancelled,
    retriedCount: _retried,
    ...rest
  } = execution
  return {...rest, ...countTasks(tasks)}
}

/** Conditions of a new execution or task. */
export function waitingConditions(time: string): Condition[] {
  return ['Completed', 'ResourcesAvailable', 'Started', 'ContainerReady'].map((type) =>
    reconciling(type, time),
  )
}

/** Conditions of a running execution or task. */
export function startedConditions(time: string): Condition[] {
  return [
    reconciling('Completed', time),
    ...['ResourcesAvailable', 'Started', 'ContainerReady'].map((type) => succeeded(type, time)),
  ]
}

/** The conditions with the last one, `Completed`, decided. */
export function endedConditions(before: readonly Condition[], completed: Condition): Condition[] {
  return [completed, ...before.filter(({type}) => type !== 'Completed')]
}

/** The conditions of an execution that is being cancelled: a mark that outlives the local cloud. */
export function cancellingConditions(before: readonly Condition[], time: string): Condition[] {
  return endedConditions(before, {...reconciling('Completed', time), executionReason: 'CANCELLING'})
}

export function isCancelling(conditions: readonly Condition[]): boolean {
  return conditions.some(({executionReason}) => executionReason === 'CANCELLING')
}

/** `Completed` of an execution or task that did not succeed. */
export function notCompleted(
  time: string,
  message: string,
  executionReason: 'NON_ZERO_EXIT_CODE' | 'CANCELLED',
): Condition {
  return {
    type: 'Completed',
    state: 'CONDITION_FAILED',
    message,
    lastTransitionTime: time,
    severity: 'ERROR',
    executionReason,
  }
}

/** Name of a task, e.g. `report-x7k2p-task0`. */
export function taskId(execution: string, index: number): string {
  return `${shortName(execution)}-task${index}`
}

/** Why a task failed permanently, in Cloud Run's words. */
export function taskFailure(execution: string, index: number, {status, exitCode}: AttemptResult): string {
  const code = exitCode === undefined ? '' : ` exit code: ${exitCode} and`
  return `Task ${taskId(execution, index)} failed with${code} message: ${status.message}`
}

/** What a job reports about its newest execution. */
export function executionReference(execution: Execution): ExecutionReference {
  const {name, createTime, completionTime, conditions, startTime} = execution
  const completed = conditions.find(({type}) => type === 'Completed')
  return {
    name: shortName(name),
    createTime,
    ...(completionTime === undefined ? {} : {completionTime}),
    completionStatus:
      completed?.state === 'CONDITION_SUCCEEDED'
        ? 'EXECUTION_SUCCEEDED'
        : completed?.executionReason === 'CANCELLED'
          ? 'EXECUTION_CANCELLED'
          : completed?.state === 'CONDITION_FAILED'
            ? 'EXECUTION_FAILED'
            : startTime === undefined
              ? 'EXECUTION_PENDING'
              : 'EXECUTION_RUNNING',
  }
}
