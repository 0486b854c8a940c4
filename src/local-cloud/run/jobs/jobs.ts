import {randomUUID} from 'node:crypto'
import type {ServiceAgents} from '../../iam/access.ts'
import type {Call} from '../../wire/call.ts'
import type {PageRequest} from '../../wire/paging.ts'
import type {RpcService} from '../../wire/rpc.ts'
import {reconciling} from '../services/conditions.ts'
import {createDeclared, type DeclaredDependencies} from '../declared.ts'
import {type ChangeRequest, newEtag, requireEtag} from '../etag.ts'
import {defaultServiceAccount} from '../capacity/launcher.ts'
import {generatedSuffix} from '../generated-name.ts'
import {page} from '../paging.ts'
import {locationOf, shortName} from '../resources.ts'
import {withDefaultLimits} from '../validate-container.ts'
import {validated} from '../validated.ts'
import type {Executor} from './executor.ts'
import {applyOverrides} from './overrides.ts'
import type {JobReconciliation} from './reconciliation.ts'
import {type Job, type JobSpec, type JobStatus, type Overrides, parseJobName} from './resources.ts'
import {jobResource, type JobStore, type StoredJob} from './store.ts'
import {validateJob, validateJobId, validateOverrides} from './validate.ts'

export interface JobsDependencies extends DeclaredDependencies {
  readonly agents: Pick<ServiceAgents, 'projectNumber'>
  readonly store: JobStore
  readonly reconciliation: JobReconciliation
  readonly executor: Executor
}

export const EXECUTION_TYPE = 'google.cloud.run.v2.Execution'

interface CreateRequest {
  parent?: string
  job?: Job
  jobId?: string
  validateOnly?: boolean
}

interface UpdateRequest {
  job?: Job
  validateOnly?: boolean
  allowMissing?: boolean
}

interface RunRequest {
  name?: string
  validateOnly?: boolean
  etag?: string
  overrides?: Overrides
}

/** The methods of google.cloud.run.v2.Jobs. */
export type JobsApi = ReturnType<typeof createJobs>['unary']

/** google.cloud.run.v2.Jobs. */
export function createJobs(dependencies: JobsDependencies) {
  const {state, clock, access, agents, operations, store, reconciliation, executor} = dependencies
  const declared = createDeclared<Job, StoredJob>(dependencies, {
    noun: 'job',
    type: 'google.cloud.run.v2.Job',
    read: (name) => store.job(name),
    show: jobResource,
    validateId: validateJobId,
    prepare(name, sent) {
      validateJob(shortName(name), sent)
      const spec = withDefaults(sent, defaultServiceAccount(agents, parseJobName(name)?.project ?? ''))
      return {
        serviceAccount: spec.template?.template?.serviceAccount,
        plan(before, modifier) {
          const job = {name, spec, status: nextStatus(before?.status, modifier)}
          return {resource: jobResource(job), save: () => store.putJob(job, clock.now())}
        },
      }
    },
    reconcile: (name) => reconciliation.reconcile(name),
    remove(name) {
      store.removeJob(name)
      return async () => {
        const executions = store.executions(name, -1, 0).map(({execution}) => execution.name)
        await Promise.all(executions.map((execution) => executor.cancel(execution)))
        await state.write(() => {
          for (const execution of executions) store.removeExecution(execution)
        })
      }
    },
  })
  const nextStatus = (before: JobStatus | undefined, modifier: string): JobStatus => {
    const time = new Date(clock.now()).toISOString()
    const {conditions: _decided, ...kept} = before ?? {}
    return {
      uid: randomUUID(),
      createTime: time,
      creator: modifier,
      ...kept,
      generation: String(Number(kept.generation ?? '0') + 1),
      updateTime: time,
      lastModifier: modifier,
      terminalCondition: reconciling('Ready', time),
      reconciling: true,
      etag: newEtag(),
    }
  }

  return {
    service: 'google.cloud.run.v2.Jobs',
    unary: {
      CreateJob: ({parent = '', job, jobId = '', validateOnly}: CreateRequest, call: Call) =>
        declared.create(parent, jobId, job, call, validateOnly),
      GetJob: ({name = ''}: {name?: string}, call: Call) => declared.get(name, call),
      ListJobs: ({parent = '', ...paging}: {parent?: string} & PageRequest, call: Call) => {
        access.require(call.principal, 'run.jobs.list', parent)
        return page('jobs', paging, (limit, offset) => store.jobs(parent, limit, offset).map(jobResource))
      },
      UpdateJob: ({job, ...options}: UpdateRequest, call: Call) => declared.update(job, options, call),
      DeleteJob: (request: ChangeRequest, call: Call) => declared.remove(request, call),
      RunJob: async ({name = '', validateOnly, etag, overrides}: RunRequest, call: Call) => {
        access.require(call.principal, 'run.jobs.run', name)
        if (overrides && Object.keys(overrides).length > 0)
          access.require(call.principal, 'run.jobs.runWithOverrides', name)
        const job = declared.find(name)
        requireEtag(name, job.status.etag, etag)
        validateOverrides(overrides ?? {})
        const template = applyOverrides(job.spec.template ?? {}, overrides ?? {})
        const id = `${shortName(name)}-${generatedSuffix(5)}`
        const planned = reconciliation.planExecution(job, template, call.principal, id)
        const {execution, operation} = planned.stored
        if (validateOnly === true) return validated(name, EXECUTION_TYPE, execution)
        await reconciliation.storeExecution(planned)
        return operations.run(
          {
            parent: locationOf(name),
            type: EXECUTION_TYPE,
            metadata: execution,
            name: operation,
            answerAtOnce: true,
          },
          () => executor.run(execution.name),
        )
      },
      ...declared.policies,
    },
  } satisfies RpcService
}

/** Defaults that Cloud Run fills in and returns; a parallelism of 0 is the default, which it leaves out. */
function withDefaults(spec: JobSpec, serviceAccount: string): JobSpec {
  const {parallelism = 0, ...template} = spec.template ?? {}
  return {
    launchStage: 'GA',
    ...spec,
    template: {
      ...template,
      ...(parallelism === 0 ? {} : {parallelism}),
      taskCount: template.taskCount || 1,
      template: {
        maxRetries: 3,
        timeout: '600s',
        serviceAccount,
        ...template.template,
        containers: withDefaultLimits(template.template?.containers),
      },
    },
  }
}
