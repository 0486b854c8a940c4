import {randomUUID} from 'node:crypto'
import type {Images} from '../../artifact-registry/images.ts'
import {InstanceError} from '../../instances/instance.ts'
import type {State} from '../../state/state.ts'
import {ApiError} from '../../wire/api-error.ts'
import type {Clock} from '../../wire/clock.ts'
import {failed, succeeded} from '../services/conditions.ts'
import type {Launcher} from '../capacity/launcher.ts'
import {newEtag} from '../etag.ts'
import {type Condition, locationOf, shortName} from '../resources.ts'
import type {Executor} from './executor.ts'
import {type NewExecution, newExecution} from './new-execution.ts'
import {type Execution, type ExecutionTemplate, type Job} from './resources.ts'
import {executionReference} from './status.ts'
import {jobResource, type JobStore, type StoredJob} from './store.ts'

export interface JobReconciliation {
  /**
   * Brings a stored job to what its user wants: its image is there and can be run here, the execution that a token
   * asks for has started or succeeded.
   * @returns the job as it is then. @throws ApiError that says why it is not ready
   */
  reconcile(name: string): Promise<Job>
  /** Works out an execution without writing anything. @throws ApiError NOT_FOUND where there is no such image */
  planExecution(job: StoredJob, template: ExecutionTemplate, creator: string, id: string): NewExecution
  /** Stores a planned execution with its tasks; run it then. @throws ApiError where the job has gone meanwhile */
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

  /** What a token of the job asks for: its execution is made once, and for `runExecutionToken` waited for. */
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

  const whyNotReady = async (job: StoredJob): Promise<ApiError | undefined> => {
    const reference = job.spec.template?.template?.containers?.[0]?.image ?? ''
    const image = images.resolve(reference)
    if (!image) return imageNotFound(reference)
    try {
      await launcher.prepare(image)
      await executeByToken(job)
      return undefined
    } catch (error) {
      if (error instanceof ApiError) return error
      if (error instanceof InstanceError) return new ApiError('FAILED_PRECONDITION', error.message)
      throw error
    }
  }

  return {
    planExecution,
    storeExecution,
    async reconcile(name) {
      const wanted = store.job(name)
      if (!wanted) throw new ApiError('NOT_FOUND', `Resource '${shortName(name)}' was deleted.`)
      const error = await whyNotReady(wanted)
      // The local cloud stops: the job stays as one that reconciles, and the next start goes on with it.
      if (error?.status === 'UNAVAILABLE') throw error
      const job = await state.record(() => {
        const current = store.job(name)
        if (!current) throw new ApiError('ABORTED', `Job ${name} was deleted while it was being made ready.`)
        // A newer change came in meanwhile, and its own reconciliation decides.
        if (current.status.generation !== wanted.status.generation) return jobResource(current)
        const {reconciling: _over, conditions: _pending, ...status} = current.status
        const {generation} = status
        const decided = {
          ...current,
          status: {
            ...status,
            ...(generation === undefined || error ? {} : {observedGeneration: generation}),
            terminalCondition: readiness(now(), error),
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

function readiness(time: string, error: ApiError | undefined): Condition {
  if (!error) return succeeded('Ready', time)
  return failed('Ready', time, error.message, {
    reason: error.status === 'NOT_FOUND' ? 'CONTAINER_MISSING' : 'UNKNOWN',
  })
}

function imageNotFound(reference: string): ApiError {
  return new ApiError('NOT_FOUND', `Image '${reference}' not found. Push it to the local registry first.`)
}
