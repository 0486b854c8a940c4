import type {ExecutionsClient, JobsClient} from '@google-cloud/run'
import {fieldsOf} from '../core/json.ts'
import type {ExecutionState, Jobs, PastExecution, RunningExecution} from '../core/ports/jobs.ts'
import {grpcOptions, once, ONE_TRY, type Connection} from './connection.ts'
import {ifFound, retried, toAppError} from './errors.ts'
import {followed} from './operation.ts'
import {objectsIn, readPages, textIn, type Json, type Rest} from './rest.ts'
import {shortName} from './service-state.ts'

/** Most executions that one request lists. */
const PAGE = 100

/** Cloud Run's jobs: read over REST, which loads nothing, and changed through `@google-cloud/run`. */
export function createJobs(connection: Connection, rest: Rest): Jobs & {close(): Promise<void>} {
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

  async function execution(short: string, id: string): Promise<ExecutionState | undefined> {
    const path = `/v2/${nameOf(short)}/executions/${id}`
    const found = await rest.get('run', path, `Reading execution ${id} of job ${short}`)
    return found && toExecution(found)
  }

  /** Newest first; none if there is no job. */
  async function all(short: string): Promise<Json[]> {
    const path = `/v2/${nameOf(short)}/executions?pageSize=${PAGE}`
    const doing = `Listing the executions of job ${short}`
    return (await ifFound(readPages(rest, 'run', path, 'executions', doing))) ?? []
  }

  return {
    async image(short) {
      const job = await rest.get('run', `/v2/${nameOf(short)}`, `Reading job ${short}`)
      return (
        job && textIn(objectsIn(fieldsOf(fieldsOf(job['template'])['template']), 'containers')[0], 'image')
      )
    },

    async setImage(short, image, {signal}) {
      try {
        const client = await jobs()
        const [job] = await retried(() => client.getJob({name: nameOf(short)}, ONE_TRY), signal)
        const {template} = job
        const [container, ...others] = template?.template?.containers ?? []
        const containers = [{...container, image}, ...others]
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
      const found = await all(short)
      return found.filter((one) => toExecution(one).state === 'running').map((one) => toRunning(one))
    },

    async since(short, since) {
      const past: PastExecution[] = []
      for (const one of await all(short)) {
        const {name, createdAt} = toExecution(one)
        if (Date.parse(createdAt) < Date.parse(since)) continue
        const started = textIn(one, 'startTime')
        const ended = Date.parse(textIn(one, 'completionTime') ?? new Date().toISOString())
        const durationMs = started === undefined ? 0 : Math.max(0, ended - Date.parse(started))
        past.push({name, durationMs, tasks: Number(one['taskCount'] ?? 1)})
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

function toRunning(execution: Json): RunningExecution {
  const [container] = objectsIn(fieldsOf(execution['template']), 'containers')
  return {
    name: shortName(textIn(execution, 'name')) ?? '',
    image: textIn(container, 'image') ?? '',
    environment: Object.fromEntries(
      objectsIn(container ?? {}, 'env').flatMap((variable) => {
        const name = textIn(variable, 'name')
        const value = textIn(variable, 'value')
        return name === undefined || value === undefined ? [] : [[name, value]]
      }),
    ),
  }
}

/** https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.jobs.executions#Execution */
function toExecution(execution: Json): ExecutionState {
  const completed = objectsIn(execution, 'conditions').find((condition) => condition['type'] === 'Completed')
  const state = completed?.['state']
  return {
    name: shortName(textIn(execution, 'name')) ?? '',
    state:
      state === 'CONDITION_SUCCEEDED' ? 'succeeded' : state === 'CONDITION_FAILED' ? 'failed' : 'running',
    problem: textIn(completed, 'message') || undefined,
    createdAt: new Date(textIn(execution, 'createTime') ?? 0).toISOString(),
  }
}
