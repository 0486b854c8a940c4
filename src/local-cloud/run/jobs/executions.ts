import type {AccessControl} from '../../iam/access.ts'
import type {Operations} from '../../operations/operations.ts'
import type {State} from '../../state/state.ts'
import {ApiError} from '../../wire/api-error.ts'
import type {Call} from '../../wire/call.ts'
import type {Clock} from '../../wire/clock.ts'
import type {PageRequest} from '../../wire/paging.ts'
import type {RpcService} from '../../wire/rpc.ts'
import {type ChangeRequest, requireEtag} from '../etag.ts'
import {found} from '../found.ts'
import {page} from '../paging.ts'
import {locationOf, shortName} from '../resources.ts'
import {validated} from '../validated.ts'
import type {Executor} from './executor.ts'
import {EXECUTION_TYPE} from './jobs.ts'
import {jobOf} from './resources.ts'
import {taskId} from './status.ts'
import type {JobStore, StoredExecution, StoredTask} from './store.ts'

export interface ExecutionsDependencies {
  readonly state: State
  readonly clock: Clock
  readonly access: AccessControl
  readonly operations: Operations
  readonly store: JobStore
  readonly executor: Executor
}

/** The methods of google.cloud.run.v2.Executions. */
export type ExecutionsApi = ReturnType<typeof createExecutions>['executions']['unary']

/** google.cloud.run.v2.Executions and Tasks. */
export function createExecutions({
  state,
  clock,
  access,
  operations,
  store,
  executor,
}: ExecutionsDependencies) {
  const find = (name: string): StoredExecution => found(store.execution(name), 'EXECUTION', name)
  const taskResource = (task: StoredTask, {execution}: StoredExecution): object => ({
    name: `${execution.name}/tasks/${taskId(execution.name, task.index)}`,
    generation: '1',
    ...(execution.labels ? {labels: execution.labels} : {}),
    ...(execution.annotations ? {annotations: execution.annotations} : {}),
    job: execution.job,
    execution: execution.name,
    ...execution.template,
    ...task.status,
    ...(task.index === 0 ? {} : {index: task.index}),
  })

  return {
    executions: {
      service: 'google.cloud.run.v2.Executions',
      unary: {
        GetExecution: ({name = ''}: {name?: string}, call: Call) => {
          access.require(call.principal, 'run.executions.get', jobOf(name))
          return find(name).execution
        },
        ListExecutions: ({parent = '', ...paging}: {parent?: string} & PageRequest, call: Call) => {
          access.require(call.principal, 'run.executions.list', parent)
          return page('executions', paging, (limit, offset) =>
            store.executions(parent, limit, offset).map(({execution}) => execution),
          )
        },
        DeleteExecution: ({name = '', validateOnly, etag}: ChangeRequest, call: Call) => {
          access.require(call.principal, 'run.executions.delete', jobOf(name))
          const {execution} = find(name)
          requireEtag(name, execution.etag, etag)
          const deleted = {...execution, deleteTime: new Date(clock.now()).toISOString()}
          if (validateOnly === true) return validated(name, EXECUTION_TYPE, deleted)
          return operations.run(
            {parent: locationOf(name), type: EXECUTION_TYPE, metadata: deleted},
            async () => {
              await executor.cancel(name)
              await state.write(() => store.removeExecution(name))
              return deleted
            },
          )
        },
        CancelExecution: ({name = '', validateOnly, etag}: ChangeRequest, call: Call) => {
          access.require(call.principal, 'run.executions.cancel', jobOf(name))
          const {execution, done} = find(name)
          requireEtag(name, execution.etag, etag)
          if (done)
            throw new ApiError(
              'FAILED_PRECONDITION',
              `Execution '${shortName(name)}' has ended and cannot be cancelled.`,
            )
          if (validateOnly === true) return validated(name, EXECUTION_TYPE, execution)
          return operations.run(
            {parent: locationOf(name), type: EXECUTION_TYPE, metadata: execution},
            async () => {
              await executor.cancel(name)
              return find(name).execution
            },
          )
        },
      },
    } satisfies RpcService,
    tasks: {
      service: 'google.cloud.run.v2.Tasks',
      unary: {
        GetTask: ({name = ''}: {name?: string}, call: Call) => {
          access.require(call.principal, 'run.tasks.get', jobOf(name))
          const [, parent = '', index = ''] = /^(.+)\/tasks\/.*-task(\d+)$/.exec(name) ?? []
          const execution = found(store.execution(parent), 'TASK', name)
          const task = store.task(parent, Number(index))
          const isNamed = task !== undefined && taskId(parent, task.index) === shortName(name)
          return taskResource(found(isNamed ? task : undefined, 'TASK', name), execution)
        },
        ListTasks: ({parent = '', ...paging}: {parent?: string} & PageRequest, call: Call) => {
          access.require(call.principal, 'run.tasks.list', jobOf(parent))
          if (!parent.endsWith('/executions/-')) find(parent)
          const known = new Map<string, StoredExecution>()
          return page('tasks', paging, (limit, offset) =>
            store.tasks(parent, limit, offset).map((task) => {
              const execution = known.get(task.execution) ?? find(task.execution)
              known.set(task.execution, execution)
              return taskResource(task, execution)
            }),
          )
        },
      },
    } satisfies RpcService,
  }
}
