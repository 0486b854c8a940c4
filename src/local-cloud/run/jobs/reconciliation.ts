import {randomUUID} from 'node:crypto'
import type {Images} from '../../artifact-registry/images.ts'
import {InstanceError} from '../../instances/instance.ts'
import type {State} from '../../state/state.ts'
import {ApiError} from '../../wire/api-error.ts'
import type {Clock} from '../../wire/clock.ts'
import {failed, succeeded} from '../services/conditions.ts'
import type {Launcher} from '../capacity/launcher.ts'
import {SecretAccessError} from '../capacity/secret-variables.ts'
import {newEtag} from '../etag.ts'
import {type Condition, locationOf, shortName} from '../resources.ts'
import type {Executor} from './executor.ts'
import {type NewExecution, newExecution} from './new-execution.ts'
import {type Execution, type ExecutionTemplate, type Job, parseJobName} from './resources.ts'
import {executionReference} from './status.ts'
import {jobResource, type JobStore, type StoredJob} from './store.ts'

export interface JobReconciliation {
  /**
   * Reconciles a stored job: its image exists and can run here, and the execution that a token requests has started or
   * succeeded.
   * @returns the job after that. @throws ApiError that says why it is not ready
   */
  reconcile(name: string): Promise<Job>
  /** Plans an execution without writing anything. @throws ApiError NOT_FOUND if the image does not exist */
  planExecution(job: StoredJob, template: ExecutionTemplate, creator: string, id: string): NewExecution
  /** Stores a planned execution with its tasks; run it afterwards. @throws ApiError if the job was deleted meanwhile */
  storeExecution(planned: NewExecution): Promise<void>
}

export function createJobReconciliation({
  state,
  clock,
  images,
  launcher,
  store,
  executor,
}: {
  state: State
  clock: Clock
  images: Pick<Images, 'resolve'>
  launcher: Launcher
  store: JobStore
  executor: Executor
}): JobReconciliation {
  const now = (): string => new Date(clock.now()).toISOString()

  const planExecution: JobReconciliation['planExecution'] = (job, template, creator, id) => {
    const reference = template.template?.containers?.[0]?.image ?? ''
    const image = images.resolve(reference)
    if (!image) throw imageNotFound(reference)
    const operation = `${locationOf(job.name)}/operations/${randomUUID()}`
    return newExecution({job, template, image, id, operation, creator, time: now()})
  }

  const storeExecution: JobReconciliation['storeExecution'] = ({stored, tasks}) =>
    state.write(() => {
      const {execution} = stored
      const job = store.job(execution.job)
      if (!job) throw new ApiError('NOT_FOUND', `Resource '${shortName(execution.job)}' was deleted.`)
      if (store.execution(execution.name))
        throw new ApiError('ALREADY_EXISTS', `Resource '${shortName(execution.name)}' already exists.`)
      store.putExecution(stored, clock.now())
      for (const task of tasks) store.putTask(task)
      const status = {
        ...job.status,
        executionCount: (job.status.executionCount ?? 0) + 1,
        latestCreatedExecution: executionReference(execution),
      }
      store.putJob({...job, status}, clock.now())
    })

  /** Creates the execution that a token of the job requests, once, and for `runExecutionToken` waits for it. */
  const executeByToken = async (job: StoredJob): Promise<void> => {
    const {startExecutionToken, runExecutionToken, template = {}} = job.spec
    const token = startExecutionToken ?? runExecutionToken
    if (token === undefined) return
    const id = `${shortName(job.name)}-${token}`
    const name = `${job.name}/executions/${id}`
    const existing = store.execution(name)
    if (existing?.done === true) return
    if (!existing) await storeExecution(planExecution(job, template, job.status.lastModifier ?? '', id))
    const ended: Promise<Execution> = executor.run(name)
    if (runExecutionToken !== undefined) await ended
  }

  const whyNotReady = async (job: StoredJob): Promise<Unready | undefined> => {
    const reference = job.spec.template?.template?.containers?.[0]?.image ?? ''
    const image = images.resolve(reference)
    if (!image) return unready(imageNotFound(reference))
    try {
      await launcher.prepare(image)
      const {containers = [], serviceAccount} = job.spec.template?.template ?? {}
      const project = parseJobName(job.name)?.project ?? ''
      for (const container of containers) launcher.requireSecrets({project, container, serviceAccount})
      await executeByToken(job)
      return undefined
    } catch (error) {
      if (error instanceof SecretAccessError)
        return {
          error: new ApiError('FAILED_PRECONDITION', error.message),
          reason: 'SECRETS_ACCESS_CHECK_FAILED',
        }
      if (error instanceof ApiError) return unready(error)
      if (error instanceof InstanceError) return unready(new ApiError('FAILED_PRECONDITION', error.message))
      throw error
    }
  }

  return {
    planExecution,
    storeExecution,
    async reconcile(name) {
      const wanted = store.job(name)
      if (!wanted) throw new ApiError('NOT_FOUND', `Resource '${shortName(name)}' was deleted.`)
      const failure = await whyNotReady(wanted)
      const error = failure?.error
      // The local cloud is stopping: the job stays in reconciliation, and the next start resumes it.
      if (error?.status === 'UNAVAILABLE') throw error
      const job = await state.record(() => {
        const current = store.job(name)
        if (!current) throw new ApiError('ABORTED', `Job ${name} was deleted while it was being deployed.`)
        // A newer change arrived meanwhile, and its own reconciliation decides.
        if (current.status.generation !== wanted.status.generation) return jobResource(current)
        const {reconciling: _over, conditions: _pending, ...status} = current.status
        const {generation} = status
        const decided = {
          ...current,
          status: {
            ...status,
            ...(generation === undefined || error ? {} : {observedGeneration: generation}),
            terminalCondition: readiness(now(), failure),
            etag: newEtag(),
          },
        }
        store.putJob(decided, clock.now())
        return jobResource(decided)
      })
      if (error) throw error
      return job
    },
  }
}

interface Unready {
  readonly error: ApiError
  /** google.cloud.run.v2.Condition.CommonReason */
  readonly reason: string
}

function unready(error: ApiError): Unready {
  return {error, reason: error.status === 'NOT_FOUND' ? 'CONTAINER_MISSING' : 'UNKNOWN'}
}

function readiness(time: string, failure: Unready | undefined): Condition {
  if (!failure) return succeeded('Ready', time)
  return failed('Ready', time, failure.error.message, {reason: failure.reason})
}

function imageNotFound(reference: string): ApiError {
  return new ApiError('NOT_FOUND', `Image '${reference}' not found. Push it to the local registry first.`)
}
