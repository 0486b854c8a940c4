import {join} from 'node:path'
import {DatabaseSync} from 'node:sqlite'
import {describe, expect, it} from 'vitest'
import {completed, createJob, execute, NAME, nameOf} from '../local-job.ts'
import {LOCATION, startRun} from '../local-run.ts'

describe('the life of a job, through the unmodified clients', () => {
  it('is created, read, listed, run, updated and deleted', async () => {
    const run = await startRun()
    const {jobs, executions, tasks, entries} = run
    const image = await createJob(run, {env: {GREETING: 'hello'}})
    const [created] = await jobs.getJob({name: NAME})
    expect(created).toMatchObject({
      name: NAME,
      generation: '1',
      observedGeneration: '1',
      reconciling: false,
      executionCount: 0,
      terminalCondition: {type: 'Ready', state: 'CONDITION_SUCCEEDED'},
      template: {taskCount: 1, template: {maxRetries: 3, timeout: {seconds: '600'}}},
    })
    expect((await jobs.listJobs({parent: LOCATION}))[0].map(({name}) => name)).toEqual([NAME])

    const [operation] = await jobs.runJob({name: NAME})
    const name = nameOf(operation.metadata)
    expect(name).toMatch(/\/jobs\/report\/executions\/report-[a-z0-9]{5}$/)
    await operation.promise()
    const [execution] = await executions.getExecution({name})
    const short = name.split('/').at(-1)
    expect(execution).toMatchObject({
      name,
      job: NAME,
      taskCount: 1,
      parallelism: 1,
      succeededCount: 1,
      failedCount: 0,
      runningCount: 0,
      reconciling: false,
      observedGeneration: '1',
      template: {containers: [{image, args: ['from', 'job']}]},
    })
    expect(completed(execution.conditions)).toMatchObject({state: 'CONDITION_SUCCEEDED'})
    expect(execution.completionTime).toBeTruthy()
    expect((await executions.listExecutions({parent: `${LOCATION}/jobs/-`}))[0]).toHaveLength(1)
    const [listed] = await tasks.listTasks({parent: name})
    expect(listed).toMatchObject([
      {name: `${name}/tasks/${short}-task0`, job: NAME, execution: name, index: 0, retried: 0, maxRetries: 3},
    ])
    expect((await tasks.getTask({name: listed[0]?.name ?? ''}))[0]).toEqual(listed[0])
    expect((await tasks.listTasks({parent: `${LOCATION}/jobs/-/executions/-`}))[0]).toEqual(listed)

    expect(entries[0]).toMatchObject({
      logName: 'projects/p/logs/run.googleapis.com%2Fstdout',
      resource: {
        type: 'cloud_run_job',
        labels: {project_id: 'p', job_name: 'report', location: 'europe-west3'},
      },
      labels: {
        'run.googleapis.com/execution_name': short,
        'run.googleapis.com/task_index': '0',
        'run.googleapis.com/task_attempt': '0',
        instanceId: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
      jsonPayload: {
        args: ['from', 'job'],
        env: {
          GREETING: 'hello',
          CLOUD_RUN_JOB: 'report',
          CLOUD_RUN_EXECUTION: short,
          CLOUD_RUN_TASK_INDEX: '0',
          CLOUD_RUN_TASK_ATTEMPT: '0',
          CLOUD_RUN_TASK_COUNT: '1',
          STORAGE_EMULATOR_HOST: expect.stringMatching(/^http:\/\/\d{12}-compute\.test:1$/),
        },
      },
    })
    expect(entries[0]).not.toHaveProperty('jsonPayload.env.PORT')
    expect(entries.at(-1)).toMatchObject({textPayload: 'Container called exit(0).'})

    const [job] = await jobs.getJob({name: NAME})
    expect(job).toMatchObject({
      executionCount: 1,
      latestCreatedExecution: {name: short, completionStatus: 'EXECUTION_SUCCEEDED'},
    })
    const [update] = await jobs.updateJob({
      job: {
        name: NAME,
        etag: job.etag ?? '',
        template: {taskCount: 2, template: {containers: [{image}], maxRetries: 0}},
      },
    })
    await update.promise()
    expect((await jobs.getJob({name: NAME}))[0]).toMatchObject({
      generation: '2',
      observedGeneration: '2',
      executionCount: 1,
      template: {taskCount: 2, template: {maxRetries: 0}},
    })
    await expect(jobs.updateJob({job: {...job, name: NAME}})).rejects.toMatchObject({code: 10})

    await (await jobs.deleteJob({name: NAME}))[0].promise()
    await expect(jobs.getJob({name: NAME})).rejects.toMatchObject({code: 5})
    await expect(executions.getExecution({name})).rejects.toMatchObject({code: 5})
  })

  it('runs with overrides, which change this execution only', async () => {
    const run = await startRun()
    await createJob(run, {env: {KEPT: 'a', CHANGED: 'b'}})
    const execution = await execute(run, {
      taskCount: 2,
      timeout: {seconds: 60},
      containerOverrides: [
        {
          args: ['other'],
          env: [
            {name: 'CHANGED', value: 'c'},
            {name: 'NEW', value: 'd'},
          ],
        },
      ],
    })
    expect(execution).toMatchObject({taskCount: 2, succeededCount: 2, template: {timeout: {seconds: '60'}}})
    const started = run.entries.filter(({jsonPayload}) => jsonPayload?.['message'] === 'started')
    expect(started).toHaveLength(2)
    for (const entry of started)
      expect(entry).toMatchObject({
        jsonPayload: {args: ['other'], env: {KEPT: 'a', CHANGED: 'c', NEW: 'd', CLOUD_RUN_TASK_COUNT: '2'}},
      })
    const cleared = await execute(run, {containerOverrides: [{clearArgs: true}]})
    expect(cleared.template?.containers?.[0]?.args).toEqual([])
    expect((await run.jobs.getJob({name: NAME}))[0]).toMatchObject({
      executionCount: 2,
      template: {taskCount: 1, template: {containers: [{args: ['from', 'job']}]}},
    })
    await expect(
      run.jobs.runJob({name: NAME, overrides: {containerOverrides: [{name: 'other', args: ['x']}]}}),
    ).rejects.toMatchObject({code: 3, message: expect.stringContaining('no container "other"')})
    await expect(
      run.jobs.runJob({
        name: NAME,
        overrides: {containerOverrides: [{env: [{name: 'CLOUD_RUN_JOB', value: 'x'}]}]},
      }),
    ).rejects.toMatchObject({code: 3, message: expect.stringContaining('reserved env names')})
  })
})

describe('what is refused', () => {
  it.each<[string, string, object, RegExp]>([
    ['an id', 'Bad', {}, /job_id/],
    ['too many tasks', 'report', {taskCount: 10_001}, /task_count.*10000/],
    ['too many retries', 'report', {template: {maxRetries: 11}}, /max_retries.*between 0 and 10/],
    ['too long a timeout', 'report', {template: {timeout: {seconds: 604_801}}}, /timeout.*604800/],
    ['a port', 'report', {template: {containers: [{image: 'x', ports: [{containerPort: 80}]}]}}, /ports/],
    ['no container', 'report', {template: {containers: []}}, /must have a container/],
    [
      'a reserved variable',
      'report',
      {template: {containers: [{image: 'x', env: [{name: 'CLOUD_RUN_TASK_INDEX', value: '1'}]}]}},
      /reserved env names were provided: CLOUD_RUN_TASK_INDEX/,
    ],
  ])('%s', async (_, jobId, template, message) => {
    const {jobs} = await startRun()
    const {template: task, ...rest} = {template: {}, ...template}
    await expect(
      jobs.createJob({
        parent: LOCATION,
        jobId,
        job: {template: {...rest, template: {containers: [{image: 'x'}], ...task}}},
      }),
    ).rejects.toMatchObject({code: 3, message: expect.stringMatching(message)})
  })

  it('a missing image, at once and in the job’s condition', async () => {
    const {jobs} = await startRun()
    const [operation] = await jobs.createJob({
      parent: LOCATION,
      jobId: 'report',
      job: {template: {template: {containers: [{image: 'europe-west3-docker.pkg.dev/p/r/nothing:1'}]}}},
    })
    await expect(operation.promise()).rejects.toMatchObject({
      code: 5,
      message: expect.stringContaining('nothing:1'),
    })
    expect((await jobs.getJob({name: NAME}))[0]).toMatchObject({
      terminalCondition: {state: 'CONDITION_FAILED', reason: 'CONTAINER_MISSING'},
    })
    await expect(jobs.runJob({name: NAME})).rejects.toMatchObject({code: 5})
  })

  it('who may not run it, or not with overrides', async () => {
    const run = await startRun()
    await createJob(run)
    const worker = 'serviceAccount:worker@p.iam.gserviceaccount.com'
    const call = (overrides?: object) =>
      run.as(worker, (origin) =>
        fetch(`${origin}/v2/${NAME}:run`, {
          method: 'POST',
          body: JSON.stringify(overrides ? {overrides} : {}),
        }),
      )
    expect((await call()).status).toBe(403)
    const grant = (role: string) =>
      run.jobs.setIamPolicy({resource: NAME, policy: {bindings: [{role, members: [worker]}]}})
    await grant('roles/run.jobsExecutor')
    expect((await call()).status).toBe(200)
    const denied = await call({taskCount: 2})
    expect([denied.status, await denied.text()]).toEqual([
      403,
      expect.stringMatching(/run\.jobs\.runWithOverrides.*roles\/run\.jobsExecutorWithOverrides/s),
    ])
    await grant('roles/run.jobsExecutorWithOverrides')
    expect((await call({taskCount: 2})).status).toBe(200)
  })
})

it('starts and awaits the executions that tokens of a job ask for, each once', async () => {
  const run = await startRun()
  const image = await createJob(run)
  const update = async (token: object) => {
    const [operation] = await run.jobs.updateJob({
      job: {name: NAME, ...token, template: {template: {containers: [{image}]}}},
    })
    await operation.promise()
    return (await run.jobs.getJob({name: NAME}))[0]
  }
  const ran = await update({runExecutionToken: 'one'})
  expect(ran).toMatchObject({
    executionCount: 1,
    latestCreatedExecution: {name: 'report-one', completionStatus: 'EXECUTION_SUCCEEDED'},
  })
  expect(await update({runExecutionToken: 'one'})).toMatchObject({executionCount: 1})
  expect(await update({startExecutionToken: 'two'})).toMatchObject({executionCount: 2})
})

it('checks without changing anything', async () => {
  const run = await startRun()
  const image = await createJob(run)
  const [dry] = await run.jobs.createJob({
    parent: LOCATION,
    jobId: 'other',
    validateOnly: true,
    job: {template: {template: {containers: [{image}]}}},
  })
  expect(dry.latestResponse.done).toBe(true)
  await run.jobs.updateJob({
    validateOnly: true,
    job: {name: NAME, template: {taskCount: 7, template: {containers: [{image}]}}},
  })
  await run.jobs.runJob({name: NAME, validateOnly: true})
  await run.jobs.deleteJob({name: NAME, validateOnly: true})
  const [all] = await run.jobs.listJobs({parent: LOCATION})
  expect(all).toMatchObject([{name: NAME, generation: '1', executionCount: 0, template: {taskCount: 1}}])
})

it('ends what a stop left of a job that was being deleted', async () => {
  const first = await startRun()
  await createJob(first)
  await execute(first)
  await first.stop()
  const database = new DatabaseSync(join(first.folder, 'state.db'))
  database.exec('DELETE FROM run_jobs')
  database.close()
  const second = await startRun({folder: first.folder})
  expect((await second.executions.listExecutions({parent: `${LOCATION}/jobs/-`}))[0]).toEqual([])
  expect((await second.tasks.listTasks({parent: `${LOCATION}/jobs/-/executions/-`}))[0]).toEqual([])
})
