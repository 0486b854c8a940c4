import type {ExecutionsClient, JobsClient, protos} from '@google-cloud/run'
import type {ExecutionState, Jobs} from '../core/ports/jobs.ts'
import {grpcOptions, once, ONE_TRY, type Connection} from './connection.ts'
import {isNotFound, retried, toAppError} from './errors.ts'
import {followed} from './operation.ts'
import {shortName} from './service-state.ts'

type Job = protos.google.cloud.run.v2.IJob
type Execution = protos.google.cloud.run.v2.IExecution

/** Cloud Run's jobs by `@google-cloud/run`. */
export function createJobs(connection: Connection): Jobs & {close(): Promise<void>} {
  const opened: (() => Promise<{close(): Promise<void>}>)[] = []
  const jobs = once(async (): Promise<JobsClient> => {
    const {JobsClient: Client} = await import('@google-cloud/run')
    const client = new Client(await grpcOptions(connection))
    opened.push(jobs)
    return client
  })
  const executions = once(async (): Promise<ExecutionsClient> => {
    const {ExecutionsClient: Client} = await import('@google-cloud/run')
    const client = new Client(await grpcOptions(connection))
    opened.push(executions)
    return client
  })
  const nameOf = (short: string) =>
    `projects/${connection.projectId}/locations/${connection.region}/jobs/${short}`

  async function read(short: string): Promise<Job | undefined> {
    const client = await jobs()
    try {
      const [job] = await retried(() => client.getJob({name: nameOf(short)}, ONE_TRY))
      return job
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw toAppError(error, `Looking at job ${short}`)
    }
  }

  return {
    async image(short) {
      const job = await read(short)
      return job?.template?.template?.containers?.[0]?.image ?? undefined
    },

    async setImage(short, image, {signal}) {
      const job = await read(short)
      const {template} = job ?? {}
      const [container, ...others] = template?.template?.containers ?? []
      const containers = [{...container, image}, ...others]
      try {
        const client = await jobs()
        signal.throwIfAborted()
        const [operation] = await client.updateJob(
          {job: {...job, template: {...template, template: {...template?.template, containers}}}},
          ONE_TRY,
        )
        await followed(operation, signal)
      } catch (error) {
        signal.throwIfAborted()
        throw toAppError(error, `Changing the image of job ${short}`)
      }
    },

    async execution(short, id) {
      const client = await executions()
      const name = `${nameOf(short)}/executions/${id}`
      try {
        const [execution] = await retried(() => client.getExecution({name}, ONE_TRY))
        return toExecution(execution)
      } catch (error) {
        if (isNotFound(error)) return undefined
        throw toAppError(error, `Looking at execution ${id} of job ${short}`)
      }
    },

    async close() {
      await Promise.all(opened.map(async (client) => (await client()).close()))
    },
  }
}

function toExecution(execution: Execution): ExecutionState {
  const completed = (execution.conditions ?? []).find(({type}) => type === 'Completed')
  const seconds = Number(execution.createTime?.seconds ?? 0)
  return {
    name: shortName(execution.name) ?? '',
    state:
      completed?.state === 'CONDITION_SUCCEEDED'
        ? 'succeeded'
        : completed?.state === 'CONDITION_FAILED'
          ? 'failed'
          : 'running',
    problem: completed?.message || undefined,
    createdAt: new Date(seconds * 1000 + (execution.createTime?.nanos ?? 0) / 1e6).toISOString(),
  }
}
