import {randomUUID} from 'node:crypto'
import type {Image} from '../../artifact-registry/images.ts'
import {newEtag} from '../etag.ts'
import {pinnedImage} from '../pinned-image.ts'
import type {Execution, ExecutionTemplate} from './resources.ts'
import {waitingConditions} from './status.ts'
import type {StoredExecution, StoredJob, StoredTask} from './store.ts'

interface ExecutionPlan {
  readonly job: StoredJob
  /** The job's template, overridden for this execution. */
  readonly template: ExecutionTemplate
  readonly image: Image
  /** The last segment of its name. */
  readonly id: string
  readonly operation: string
  readonly creator: string
  /** RFC 3339 */
  readonly time: string
}

/** An execution that has not been stored yet. */
export interface NewExecution {
  readonly stored: StoredExecution
  readonly tasks: readonly StoredTask[]
}

/** An execution of a job with all its tasks, none of which has started. */
export function newExecution({
  job,
  template,
  image,
  id,
  operation,
  creator,
  time,
}: ExecutionPlan): NewExecution {
  const {parallelism = 0, taskCount = 1, labels, annotations, template: task = {}} = template
  const execution: Execution = {
    name: `${job.name}/executions/${id}`,
    uid: randomUUID(),
    creator,
    generation: '1',
    ...(labels ? {labels} : {}),
    ...(annotations ? {annotations} : {}),
    createTime: time,
    updateTime: time,
    launchStage: job.spec.launchStage ?? 'GA',
    job: job.name,
    parallelism: parallelism > 0 ? Math.min(parallelism, taskCount) : taskCount,
    taskCount,
    template: {
      ...task,
      containers: (task.containers ?? []).map((container) => ({
        ...container,
        image: pinnedImage(container.image ?? '', image),
      })),
    },
    reconciling: true,
    conditions: waitingConditions(time),
    etag: newEtag(),
  }
  const tasks = Array.from({length: taskCount}, (_, index): StoredTask => ({
    execution: execution.name,
    index,
    state: 'waiting',
    attempt: 0,
    status: {
      uid: randomUUID(),
      createTime: time,
      updateTime: time,
      reconciling: true,
      conditions: waitingConditions(time),
      etag: newEtag(),
    },
  }))
  return {stored: {execution, image, operation, done: false}, tasks}
}
