import {type Execution, type Job, type Overrides, parseJobName, type TaskTemplate} from '../jobs/resources.ts'
import {shortName} from '../resources.ts'
import {seconds} from '../validate-container.ts'
import {toKnativeCondition} from './conditions.ts'
import {toKnativeContainer} from './containers.ts'
import {toResourceVersion} from './service-form.ts'
import {dictionary, flag, integer, list, message, text} from './shape.ts'

const JOBS_API = 'run.googleapis.com/v1'
const LOCATION_LABEL = 'cloud.googleapis.com/location'

const runShape = message({
  overrides: message({
    containerOverrides: list(
      message({
        name: text,
        args: list(text),
        env: list(message({name: text, value: text})),
        clearArgs: flag,
      }),
    ),
    taskCount: integer,
    timeoutSeconds: integer,
    labels: dictionary,
  }),
})

/** The overrides of a `jobs.run` in the Admin API v2. @throws ApiError INVALID_ARGUMENT */
export function fromKnativeRun(body: unknown): Overrides {
  const {containerOverrides, taskCount, timeoutSeconds} = runShape(body, '').overrides ?? {}
  return {
    ...(containerOverrides
      ? {
          containerOverrides: containerOverrides.map(({name, args, env, clearArgs}) => ({
            ...(name === undefined ? {} : {name}),
            ...(args ? {args} : {}),
            ...(env
              ? {
                  env: env.map((variable) => ({
                    name: variable.name ?? '',
                    ...(variable.value === undefined ? {} : {value: variable.value}),
                  })),
                }
              : {}),
            ...(clearArgs === undefined ? {} : {clearArgs}),
          })),
        }
      : {}),
    ...(taskCount === undefined ? {} : {taskCount}),
    ...(timeoutSeconds === undefined ? {} : {timeout: `${timeoutSeconds}s`}),
  }
}

/** A job of the Admin API v2 as `run.googleapis.com/v1` shows it. */
export function toKnativeJob(job: Job): object {
  const {template = {}, latestCreatedExecution: latest, terminalCondition} = job
  return {
    apiVersion: JOBS_API,
    kind: 'Job',
    metadata: {
      ...metadata(job.name, 'jobs'),
      uid: job.uid,
      resourceVersion: toResourceVersion(job.etag),
      generation: Number(job.generation),
      creationTimestamp: job.createTime,
      labels: {...labelsOf(job.name, job.labels), 'run.googleapis.com/lastUpdatedTime': job.updateTime},
      annotations: {
        ...job.annotations,
        'run.googleapis.com/creator': job.creator,
        'run.googleapis.com/lastModifier': job.lastModifier,
        ...(job.client === undefined ? {} : {'run.googleapis.com/client-name': job.client}),
        ...(job.clientVersion === undefined ? {} : {'run.googleapis.com/client-version': job.clientVersion}),
      },
    },
    spec: {
      template: {
        metadata: {
          ...(template.labels ? {labels: template.labels} : {}),
          ...(template.annotations ? {annotations: template.annotations} : {}),
        },
        spec: {
          ...(template.parallelism ? {parallelism: template.parallelism} : {}),
          taskCount: template.taskCount ?? 1,
          template: {spec: taskSpec(template.template ?? {})},
        },
      },
    },
    status: {
      observedGeneration: Number(job.observedGeneration ?? 0),
      conditions: terminalCondition ? [toKnativeCondition(terminalCondition)] : [],
      executionCount: job.executionCount ?? 0,
      ...(latest
        ? {
            latestCreatedExecution: {
              name: latest.name,
              creationTimestamp: latest.createTime,
              ...(latest.completionTime === undefined ? {} : {completionTimestamp: latest.completionTime}),
              completionStatus: latest.completionStatus,
            },
          }
        : {}),
    },
  }
}

/** An execution of the Admin API v2 as `run.googleapis.com/v1` shows it. */
export function toKnativeExecution(execution: Execution): object {
  const {startTime, completionTime} = execution
  const job = shortName(execution.job)
  return {
    apiVersion: JOBS_API,
    kind: 'Execution',
    metadata: {
      ...metadata(execution.name, 'executions'),
      uid: execution.uid,
      resourceVersion: toResourceVersion(execution.etag),
      generation: 1,
      creationTimestamp: execution.createTime,
      labels: {...labelsOf(execution.name, execution.labels), 'run.googleapis.com/job': job},
      annotations: {...execution.annotations, 'run.googleapis.com/creator': execution.creator},
      ownerReferences: [
        {apiVersion: JOBS_API, kind: 'Job', name: job, controller: true, blockOwnerDeletion: true},
      ],
    },
    spec: {
      parallelism: execution.parallelism,
      taskCount: execution.taskCount,
      template: {spec: taskSpec(execution.template)},
    },
    status: {
      observedGeneration: Number(execution.observedGeneration ?? 0),
      conditions: execution.conditions.map(toKnativeCondition),
      ...(startTime === undefined ? {} : {startTime}),
      ...(completionTime === undefined ? {} : {completionTime}),
      runningCount: execution.runningCount ?? 0,
      succeededCount: execution.succeededCount ?? 0,
      failedCount: execution.failedCount ?? 0,
      cancelledCount: execution.cancelledCount ?? 0,
      retriedCount: execution.retriedCount ?? 0,
    },
  }
}

function metadata(name: string, collection: string): object {
  const {project = ''} = parseJobName(name) ?? {}
  const short = shortName(name)
  return {
    name: short,
    namespace: project,
    selfLink: `/apis/${JOBS_API}/namespaces/${project}/${collection}/${short}`,
  }
}

function labelsOf(name: string, own: Readonly<Record<string, string>> = {}): Record<string, string> {
  return {...own, [LOCATION_LABEL]: parseJobName(name)?.location ?? ''}
}

function taskSpec({containers = [], maxRetries, timeout, serviceAccount}: TaskTemplate): object {
  return {
    containers: containers.map(toKnativeContainer),
    ...(maxRetries === undefined ? {} : {maxRetries}),
    ...(timeout === undefined ? {} : {timeoutSeconds: seconds(timeout)}),
    ...(serviceAccount === undefined ? {} : {serviceAccountName: serviceAccount}),
  }
}
