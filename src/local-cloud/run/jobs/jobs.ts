import {randomUUID} from 'node:crypto'
import type {AccessControl, ServiceAgents} from '../../iam/access.ts'
import {policyMethods} from '../../iam/policy-methods.ts'
import type {Operation, Operations} from '../../operations/operations.ts'
import type {State} from '../../state/state.ts'
import {ApiError} from '../../wire/api-error.ts'
import type {Call} from '../../wire/call.ts'
import type {Clock} from '../../wire/clock.ts'
import type {PageRequest} from '../../wire/paging.ts'
import type {RpcService} from '../../wire/rpc.ts'
import {reconciling} from '../conditions.ts'
import {newEtag, requireEtag} from '../etag.ts'
import {defaultServiceAccount} from '../launcher.ts'
import {generatedSuffix} from '../naming.ts'
import {withoutOutput} from '../output-only.ts'
import {page} from '../paging.ts'
import {deleted, locationOf, shortName} from '../resources.ts'
import {validateParent} from '../validate.ts'
import {validated} from '../validated.ts'
import {violation} from '../violation.ts'
import type {Executor} from './executor.ts'
import {applyOverrides} from './overrides.ts'
import type {JobReconciliation} from './reconciliation.ts'
import {type Job, type JobSpec, type Overrides, parseJobName} from './resources.ts'
import {jobResource, type JobStore, type StoredJob} from './store.ts'
import {validateJob, validateJobId, validateOverrides} from './validate.ts'

export interface JobsDependencies {
  readonly state: State
  readonly clock: Clock
  readonly access: AccessControl
  readonly agents: Pick<ServiceAgents, 'projectNumber'>
  readonly operations: Operations
  readonly store: JobStore
  readonly reconciliation: JobReconciliation
  readonly executor: Executor
}

const JOB_TYPE = 'google.cloud.run.v2.Job'
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
export function createJobs({
  state,
  clock,
  access,
  agents,
  operations,
  store,
  reconciliation,
  executor,
}: JobsDependencies) {
  const find = (name: string): StoredJob => {
    const stored = store.job(name)
    if (!stored)
      throw new ApiError(
        'NOT_FOUND',
        `Resource '${shortName(name)}' of kind 'JOB' in ${locationOf(name)} does not exist.`,
      )
    return stored
  }
  const put = async (
    name: string,
    sent: JobSpec,
    call: Call,
    check: () => StoredJob | undefined,
    validateOnly = false,
  ): Promise<Operation> => {
    validateJob(shortName(name), sent)
    const project = parseJobName(name)?.project ?? ''
    const spec = withDefaults(sent, defaultServiceAccount(agents, project))
    access.require(
      call.principal,
      'iam.serviceAccounts.actAs',
      `projects/${project}/serviceAccounts/${spec.template?.template?.serviceAccount}`,
    )
    const plan = (): StoredJob => {
      const before = check()
      const time = new Date(clock.now()).toISOString()
      const {conditions: _decided, ...kept} = before?.status ?? {}
      return {
        name,
        spec,
        status: {
          uid: randomUUID(),
          createTime: time,
          creator: call.principal,
          ...kept,
          generation: String(Number(kept.generation ?? '0') + 1),
          updateTime: time,
          lastModifier: call.principal,
          terminalCondition: reconciling('Ready', time),
          reconciling: true,
          etag: newEtag(),
        },
      }
    }
    if (validateOnly) return validated(name, JOB_TYPE, jobResource(plan()))
    const job = await state.write(() => {
      const planned = plan()
      store.putJob(planned, clock.now())
      return jobResource(planned)
    })
    return operations.run({parent: locationOf(name), type: JOB_TYPE, metadata: job}, () =>
      reconciliation.reconcile(name),
    )
  }
  const create = (name: string, job: Job, call: Call, validateOnly?: boolean): Promise<Operation> => {
    access.require(call.principal, 'run.jobs.create', locationOf(name))
    validateJobId(shortName(name))
    const mustBeNew = (): undefined => {
      if (store.job(name))
        throw new ApiError('ALREADY_EXISTS', `Resource '${shortName(name)}' already exists.`)
    }
    mustBeNew()
    return put(name, withoutOutput(job), call, mustBeNew, validateOnly)
  }

  return {
    service: 'google.cloud.run.v2.Jobs',
    unary: {
      CreateJob: ({parent = '', job, jobId = '', validateOnly}: CreateRequest, call: Call) => {
        validateParent(parent)
        if (!job) throw violation('job', 'is required')
        return create(`${parent}/jobs/${jobId}`, job, call, validateOnly)
      },
      GetJob: ({name = ''}: {name?: string}, call: Call) => {
        access.require(call.principal, 'run.jobs.get', name)
        return jobResource(find(name))
      },
      ListJobs: ({parent = '', ...paging}: {parent?: string} & PageRequest, call: Call) => {
        access.require(call.principal, 'run.jobs.list', parent)
        return page('jobs', paging, (limit, offset) => store.jobs(parent, limit, offset).map(jobResource))
      },
      UpdateJob: ({job, validateOnly, allowMissing}: UpdateRequest, call: Call) => {
        const name = job?.name ?? ''
        if (!job || !parseJobName(name))
          throw new ApiError(
            'INVALID_ARGUMENT',
            `Invalid job.name "${name}": it must be projects/PROJECT/locations/LOCATION/jobs/JOB.`,
          )
        if (allowMissing === true && !store.job(name)) return create(name, job, call, validateOnly)
        access.require(call.principal, 'run.jobs.update', name)
        const current = (): StoredJob => {
          const stored = find(name)
          requireEtag(name, stored.status.etag, job.etag)
          return stored
        }
        current()
        return put(name, withoutOutput(job), call, current, validateOnly)
      },
      DeleteJob: async (
        {name = '', validateOnly, etag}: {name?: string; validateOnly?: boolean; etag?: string},
        call: Call,
      ) => {
        access.require(call.principal, 'run.jobs.delete', name)
        const stored = find(name)
        requireEtag(name, stored.status.etag, etag)
        const resource = deleted(jobResource(stored), clock.now())
        if (validateOnly === true) return validated(name, JOB_TYPE, resource)
        await state.write(() => {
          requireEtag(name, find(name).status.etag, etag)
          store.removeJob(name)
          access.dropPolicy(name)
        })
        return operations.run({parent: locationOf(name), type: JOB_TYPE, metadata: resource}, async () => {
          const executions = store.executions(name, -1, 0).map(({execution}) => execution.name)
          await Promise.all(executions.map((execution) => executor.cancel(execution)))
          await state.write(() => {
            for (const execution of executions) store.removeExecution(execution)
          })
          return resource
        })
      },
      RunJob: async ({name = '', validateOnly, etag, overrides}: RunRequest, call: Call) => {
        access.require(call.principal, 'run.jobs.run', name)
        if (overrides && Object.keys(overrides).length > 0)
          access.require(call.principal, 'run.jobs.runWithOverrides', name)
        const job = find(name)
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
      ...policyMethods(access, () => 'run.jobs', find),
    },
  } satisfies RpcService
}

/** What Cloud Run fills in where the user said nothing, and shows. */
function withDefaults(spec: JobSpec, serviceAccount: string): JobSpec {
  const {template = {}} = spec
  return {
    launchStage: 'GA',
    ...spec,
    template: {
      ...template,
      taskCount: template.taskCount || 1,
      template: {maxRetries: 3, timeout: '600s', serviceAccount, ...template.template},
    },
  }
}
