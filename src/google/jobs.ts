import type {ExecutionsClient, JobsClient, protos} from '@google-cloud/run'
import type {ExecutionState, Jobs, PastExecution, RunningExecution} from '../core/ports/jobs.ts'
import {grpcOptions, once, ONE_TRY, type Connection} from './connection.ts'
import {isNotFound, retried, toAppError} from './errors.ts'
import {followed} from './operation.ts'
import {shortName} from './service-state.ts'

type Job = protos.google.cloud.run.v2.IJob
/** Most executions that one request lists. */
const PAGE = 100

type Execution = protos.google.cloud.run.v2.IExecution

/** Cloud Run's jobs through `@google-cloud/run`. */
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
      throw toAppError(error, `Reading job ${short}`)
    }
  }

  async function execution(short: string, id: string): Promise<ExecutionState | undefined> {
    const client = await executions()
    const name = `${nameOf(short)}/executions/${id}`
    try {
      const [found] = await retried(() => client.getExecution({name}, ONE_TRY))
      return toExecution(found)
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw toAppError(error, `Reading execution ${id} of job ${short}`)
    }
  }

  /** Newest first. */
  async function* all(short: string): AsyncGenerator<Execution> {
    const client = await executions()
    const parent = nameOf(short)
    for (let pageToken = ''; ;) {
      try {
        const [page, , answer] = await retried(() =>
          client.listExecutions({parent, pageToken, pageSize: PAGE}, {...ONE_TRY, autoPaginate: false}),
        )
        yield* page
        pageToken = answer?.nextPageToken ?? ''
      } catch (error) {
        if (isNotFound(error)) return
        throw toAppError(error, `Listing the executions of job ${short}`)
      }
      if (pageToken === '') return
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

    execution,

    async running(short) {
      const running: RunningExecution[] = []
      for await (const one of all(short))
        if (toExecution(one).state === 'running') running.push(toRunning(one))
      return running
    },

    async since(short, since) {
      const past: PastExecution[] = []
      for await (const one of all(short)) {
        const {name, createdAt} = toExecution(one)
        if (Date.parse(createdAt) < Date.parse(since)) continue
        const started = msOf(one.startTime)
        const ended = msOf(one.completionTime) ?? Date.now()
        past.push({name, durationMs: started === undefined ? 0 : Math.max(0, ended - started)})
      }
      return past
    },

    async cancel(short, id) {
      if ((await execution(short, id))?.state !== 'running') return false
      const client = await executions()
      try {
        await retried(() => client.cancelExecution({name: `${nameOf(short)}/executions/${id}`}, ONE_TRY))
        return true
      } catch (error) {
        if ((await execution(short, id))?.state !== 'running') return false
        throw toAppError(error, `Cancelling execution ${id} of job ${short}`)
      }
    },

    async close() {
      await Promise.all(opened.map(async (client) => (await client()).close()))
    },
  }
}

function toRunning({name, template}: Execution): RunningExecution {
  const [container] = template?.containers ?? []
  return {
    name: shortName(name) ?? '',
    image: container?.image ?? '',
    environment: Object.fromEntries(
      (container?.env ?? []).flatMap(({name: variable, value}) =>
        variable && typeof value === 'string' ? [[variable, value]] : [],
      ),
    ),
  }
}

function toExecution(execution: Execution): ExecutionState {
  const completed = (execution.conditions ?? []).find(({type}) => type === 'Completed')
  return {
    name: shortName(execution.name) ?? '',
    state:
      completed?.state === 'CONDITION_SUCCEEDED'
        ? 'succeeded'
        : completed?.state === 'CONDITION_FAILED'
          ? 'failed'
          : 'running',
    problem: completed?.message || undefined,
    createdAt: new Date(msOf(execution.createTime) ?? 0).toISOString(),
  }
}

/** Milliseconds since 1970. */
function msOf(time: Execution['createTime']): number | undefined {
  return time?.seconds ? Number(time.seconds) * 1000 + (time.nanos ?? 0) / 1e6 : undefined
}
