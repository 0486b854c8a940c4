import type {Image} from '../../artifact-registry/images.ts'
import {integer, type Row, storedJson, text} from '../../state/rows.ts'
import type {State} from '../../state/state.ts'
import type {Execution, Job, JobSpec, JobStatus, TaskStatus} from './resources.ts'

export interface StoredJob {
  readonly name: string
  readonly spec: JobSpec
  readonly status: JobStatus
}

export interface StoredExecution {
  readonly execution: Execution
  readonly image: Image
  /** Resource name of the operation that ends with the execution. */
  readonly operation: string
  readonly done: boolean
}

const TASK_STATES = ['waiting', 'running', 'succeeded', 'failed', 'cancelled'] as const
export type TaskState = (typeof TASK_STATES)[number]

export interface StoredTask {
  /** The execution's resource name. */
  readonly execution: string
  readonly index: number
  readonly state: TaskState
  /** From 0; for a waiting task, the next one. */
  readonly attempt: number
  readonly status: TaskStatus
}

export type JobStore = ReturnType<typeof createJobStore>

/** Rows of jobs, executions and tasks. Methods that change rows belong inside `State.write`. */
export function createJobStore({database}: Pick<State, 'database'>) {
  const sql = {
    job: database.prepare('SELECT * FROM run_jobs WHERE name = ?'),
    jobs: database.prepare(
      'SELECT * FROM run_jobs WHERE parent = ? ORDER BY created DESC, name LIMIT ? OFFSET ?',
    ),
    allJobs: database.prepare('SELECT * FROM run_jobs ORDER BY name'),
    putJob: database.prepare(
      `INSERT INTO run_jobs (name, parent, spec, status, created) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (name) DO UPDATE SET spec = excluded.spec, status = excluded.status`,
    ),
    removeJob: database.prepare('DELETE FROM run_jobs WHERE name = ?'),
    execution: database.prepare('SELECT * FROM run_executions WHERE name = ?'),
    executions: database.prepare(
      'SELECT * FROM run_executions WHERE job = ? ORDER BY created DESC, name DESC LIMIT ? OFFSET ?',
    ),
    executionsIn: database.prepare(
      'SELECT * FROM run_executions WHERE parent = ? ORDER BY created DESC, name DESC LIMIT ? OFFSET ?',
    ),
    unfinished: database.prepare('SELECT * FROM run_executions WHERE done = 0 ORDER BY created, name'),
    images: database.prepare(
      "SELECT DISTINCT image ->> 'digest' AS digest FROM run_executions WHERE done = 0",
    ),
    putExecution: database.prepare(
      `INSERT INTO run_executions (name, job, parent, json, image, operation, done, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (name) DO UPDATE SET json = excluded.json, done = excluded.done`,
    ),
    removeExecution: database.prepare('DELETE FROM run_executions WHERE name = ?'),
    task: database.prepare('SELECT * FROM run_tasks WHERE execution = ? AND idx = ?'),
    tasks: database.prepare('SELECT * FROM run_tasks WHERE execution = ? ORDER BY idx LIMIT ? OFFSET ?'),
    tasksOf: database.prepare(
      `SELECT t.* FROM run_tasks t JOIN run_executions e ON e.name = t.execution
       WHERE CASE WHEN ?1 = '' THEN e.parent = ?2 ELSE e.job = ?1 END
       ORDER BY e.created DESC, e.name DESC, t.idx LIMIT ?3 OFFSET ?4`,
    ),
    putTask: database.prepare(
      `INSERT INTO run_tasks (execution, idx, state, attempt, json) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (execution, idx) DO UPDATE SET state = excluded.state, attempt = excluded.attempt, json = excluded.json`,
    ),
    removeOrphanTasks: database.prepare(
      'DELETE FROM run_tasks WHERE execution IN (SELECT name FROM run_executions WHERE job NOT IN (SELECT name FROM run_jobs))',
    ),
    removeOrphans: database.prepare(
      'DELETE FROM run_executions WHERE job NOT IN (SELECT name FROM run_jobs)',
    ),
    removeTasks: database.prepare('DELETE FROM run_tasks WHERE execution = ?'),
  }

  return {
    job(name: string): StoredJob | undefined {
      const row = sql.job.get(name)
      return row && storedJob(row)
    },
    /** Newest first. */
    jobs: (parent: string, limit: number, offset: number): StoredJob[] =>
      sql.jobs.all(parent, limit, offset).map(storedJob),
    allJobs: (): StoredJob[] => sql.allJobs.all().map(storedJob),
    putJob({name, spec, status}: StoredJob, now: number): void {
      const parent = name.replace(/\/jobs\/[^/]+$/, '')
      sql.putJob.run(name, parent, JSON.stringify(spec), JSON.stringify(status), now)
    },
    removeJob: (name: string) => sql.removeJob.run(name),

    execution(name: string): StoredExecution | undefined {
      const row = sql.execution.get(name)
      return row && storedExecution(row)
    },
    /** Newest first. `job` may be `…/jobs/-` for all of a location. */
    executions(job: string, limit: number, offset: number): StoredExecution[] {
      const rows = job.endsWith('/jobs/-')
        ? sql.executionsIn.all(job.slice(0, -'/jobs/-'.length), limit, offset)
        : sql.executions.all(job, limit, offset)
      return rows.map(storedExecution)
    },
    /** Oldest first. */
    unfinishedExecutions: (): StoredExecution[] => sql.unfinished.all().map(storedExecution),
    /** Digests of all images that executions still need. */
    imageDigests: (): Set<string> => new Set(sql.images.all().map((row) => String(row['digest']))),
    putExecution({execution, image, operation, done}: StoredExecution, now: number): void {
      const parent = execution.job.replace(/\/jobs\/[^/]+$/, '')
      sql.putExecution.run(
        execution.name,
        execution.job,
        parent,
        JSON.stringify(execution),
        JSON.stringify(image),
        operation,
        done ? 1 : 0,
        now,
      )
    },
    /** With its tasks. */
    removeExecution(name: string): void {
      sql.removeTasks.run(name)
      sql.removeExecution.run(name)
    },

    /** Removes executions of jobs whose deletion a stop interrupted. */
    removeOrphans(): void {
      sql.removeOrphanTasks.run()
      sql.removeOrphans.run()
    },

    task(execution: string, index: number): StoredTask | undefined {
      const row = sql.task.get(execution, index)
      return row && storedTask(row)
    },
    /** By index. `execution` may end in `/executions/-` for all of a job, and name the job `-` for all of a location. */
    tasks(execution: string, limit: number, offset: number): StoredTask[] {
      if (!execution.endsWith('/executions/-')) return sql.tasks.all(execution, limit, offset).map(storedTask)
      const job = execution.slice(0, -'/executions/-'.length)
      const everywhere = job.endsWith('/jobs/-')
      return sql.tasksOf
        .all(everywhere ? '' : job, everywhere ? job.slice(0, -'/jobs/-'.length) : '', limit, offset)
        .map(storedTask)
    },
    putTask({execution, index, state, attempt, status}: StoredTask): void {
      sql.putTask.run(execution, index, state, attempt, JSON.stringify(status))
    },
  }
}

/** The resource as clients see it. */
export function jobResource({name, spec, status}: StoredJob): Job {
  return {name, ...spec, ...status}
}

function storedJob(row: Row): StoredJob {
  return {
    name: text(row, 'name'),
    spec: storedJson<JobSpec>(row, 'spec'),
    status: storedJson<JobStatus>(row, 'status'),
  }
}

function storedExecution(row: Row): StoredExecution {
  return {
    execution: storedJson<Execution>(row, 'json', 'name', 'job'),
    image: storedJson<Image>(row, 'image', 'digest'),
    operation: text(row, 'operation'),
    done: row['done'] === 1,
  }
}

function storedTask(row: Row): StoredTask {
  const state = TASK_STATES.find((known) => known === row['state'])
  if (state === undefined) throw new Error(`The task has no known state: ${String(row['state'])}.`)
  return {
    execution: text(row, 'execution'),
    index: integer(row, 'idx'),
    state,
    attempt: integer(row, 'attempt'),
    status: storedJson<TaskStatus>(row, 'json', 'uid'),
  }
}
