import {mkdir, readdir, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {describe, expect, it, onTestFinished} from 'vitest'
import {startLocalCloudProcess} from '../../../support/local-cloud-process.ts'
import {ManualClock} from '../../../support/manual-clock.ts'
import {buildImage, pushImage} from '../../../support/oci-image.ts'
import {temporaryFolder} from '../../../support/temporary-folder.ts'
import {appear, completed, createJob, execute, NAME, nameOf, TASK} from '../local-job.ts'
import {LOCATION, startRun} from '../local-run.ts'

it('runs as many tasks at a time as the job allows', async () => {
  const run = await startRun()
  const folder = await temporaryFolder()
  await createJob(run, {env: {PLAN: 'wait', FOLDER: folder}}, {taskCount: 4, parallelism: 2})
  const [operation] = await run.jobs.runJob({name: NAME})
  await appear(folder, '0-0', '1-0')
  const name = nameOf(operation.metadata)
  expect((await run.executions.getExecution({name}))[0]).toMatchObject({runningCount: 2, parallelism: 2})
  expect((await run.jobs.getJob({name: NAME}))[0]).toMatchObject({
    latestCreatedExecution: {completionStatus: 'EXECUTION_RUNNING'},
  })
  expect((await readdir(folder)).toSorted()).toEqual(['0-0', '1-0'])
  await writeFile(join(folder, 'go'), '')
  expect((await operation.promise())[0]).toMatchObject({succeededCount: 4, runningCount: 0})
})

describe('a task that does not succeed', () => {
  it('is tried again, with the attempt’s number', async () => {
    const run = await startRun()
    await createJob(run, {env: {PLAN: 'fail-once'}})
    const execution = await execute(run)
    expect(execution).toMatchObject({succeededCount: 1, failedCount: 0, retriedCount: 1})
    const [[task]] = await run.tasks.listTasks({parent: execution.name ?? ''})
    expect(task).toMatchObject({retried: 1})
    expect(run.entries.map(({labels}) => labels?.['run.googleapis.com/task_attempt'])).toContain('1')
  })

  it('fails the execution when its retries are used up; the others run to their end', async () => {
    const run = await startRun()
    const folder = await temporaryFolder()
    await createJob(run, {env: {PLAN: 'fail', FOLDER: folder}, maxRetries: 1}, {taskCount: 2})
    const [operation] = await run.jobs.runJob({name: NAME})
    const name = nameOf(operation.metadata)
    await expect(operation.promise()).rejects.toMatchObject({
      code: 10,
      message: expect.stringMatching(
        /Task report-\w{5}-task\d failed with exit code: 3 and message: The container exited with an error\./,
      ),
    })
    expect((await readdir(folder)).toSorted()).toEqual(['0-0', '0-1', '1-0', '1-1'])
    const [execution] = await run.executions.getExecution({name})
    expect(execution).toMatchObject({failedCount: 2, succeededCount: 0, retriedCount: 2, runningCount: 0})
    expect(completed(execution.conditions)).toMatchObject({
      state: 'CONDITION_FAILED',
      executionReason: 'NON_ZERO_EXIT_CODE',
    })
    const [[task]] = await run.tasks.listTasks({parent: name})
    expect(task?.lastAttemptResult).toMatchObject({
      exitCode: 3,
      status: {code: 10, message: 'The container exited with an error.'},
    })
    expect((await run.jobs.getJob({name: NAME}))[0]).toMatchObject({
      latestCreatedExecution: {completionStatus: 'EXECUTION_FAILED'},
    })
  })

  it('is ended at its timeout, counted per attempt', async () => {
    const clock = new ManualClock()
    const run = await startRun({clock})
    const folder = await temporaryFolder()
    await createJob(run, {env: {PLAN: 'wait', FOLDER: folder}, maxRetries: 1, timeout: {seconds: 3600}})
    const [operation] = await run.jobs.runJob({name: NAME})
    await appear(folder, '0-0')
    await clock.advance(3_599_000)
    expect(await readdir(folder)).toEqual(['0-0'])
    await clock.advance(1000)
    await appear(folder, '0-1')
    await clock.advance(3_600_000)
    await expect(operation.promise()).rejects.toThrow(/The configured timeout was reached/)
    expect(run.entries).toContainEqual(
      expect.objectContaining({
        severity: 'ERROR',
        textPayload: expect.stringContaining('reached the maximum timeout of 3600 seconds'),
      }),
    )
  })

  it('ends with its execution when that is cancelled', async () => {
    const run = await startRun()
    const folder = await temporaryFolder()
    await createJob(run, {env: {PLAN: 'wait', FOLDER: folder}}, {taskCount: 3, parallelism: 1})
    const [operation] = await run.jobs.runJob({name: NAME})
    const name = nameOf(operation.metadata)
    await appear(folder, '0-0')
    await (await run.executions.cancelExecution({name}))[0].promise()
    const [cancelled] = await run.executions.getExecution({name})
    expect(cancelled).toMatchObject({cancelledCount: 3, runningCount: 0, succeededCount: 0})
    expect(completed(cancelled.conditions)).toMatchObject({
      state: 'CONDITION_FAILED',
      executionReason: 'CANCELLED',
    })
    // The operation ends without an error, as on Cloud Run.
    expect((await operation.promise())[0]).toMatchObject({cancelledCount: 3})
    expect(await readdir(folder)).toEqual(['0-0'])
    await expect(run.executions.cancelExecution({name})).rejects.toMatchObject({code: 9})
    await (await run.executions.deleteExecution({name}))[0].promise()
    expect((await run.executions.listExecutions({parent: NAME}))[0]).toEqual([])
  })
})

describe('a job over restarts', () => {
  it('resumes the unfinished tasks and the operation', async () => {
    const first = await startRun()
    const folder = await temporaryFolder()
    await createJob(first, {env: {PLAN: 'wait', FOLDER: folder}}, {taskCount: 2, parallelism: 1})
    const [operation] = await first.jobs.runJob({name: NAME})
    await appear(folder, '0-0')
    await first.stop()
    await writeFile(join(folder, 'go'), '')
    const second = await startRun({folder: first.folder})
    const again = await second.jobs.checkRunJobProgress(operation.name ?? '')
    const [execution] = await again.promise()
    expect(execution).toMatchObject({succeededCount: 2, retriedCount: 0})
    expect((await readdir(folder)).toSorted()).toEqual(['0-0', '1-0', 'go'])
  })

  it('counts a task as done that ended well in its grace', async () => {
    const first = await startRun()
    const folder = await temporaryFolder()
    await createJob(first, {env: {PLAN: 'wait', FOLDER: folder, ON_TERM: '0'}})
    await first.jobs.runJob({name: NAME})
    await appear(folder, '0-0')
    await first.stop()
    const second = await startRun({folder: first.folder})
    expect((await second.executions.listExecutions({parent: NAME}))[0]).toMatchObject([
      {succeededCount: 1, runningCount: 0, reconciling: false},
    ])
  })
})

it('an execution that was acknowledged survives SIGKILL, and one that was being cancelled stays so', async () => {
  const state = await temporaryFolder()
  const folder = await temporaryFolder()
  const call = async (endpoint: string, method: string, path: string, body?: object): Promise<unknown> => {
    const response = await fetch(endpoint + path, {method, ...(body ? {body: JSON.stringify(body)} : {})})
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
    return response.json()
  }
  const first = await startLocalCloudProcess(state)
  onTestFinished(() => first.kill())
  await call(first.endpoint, 'POST', `/v1/${LOCATION}/repositories?repositoryId=r`, {format: 'DOCKER'})
  const image = await pushImage(first.endpoint, 'p/r/report', await buildImage({files: TASK}))
  for (const [jobId, env] of [
    ['goes-on', {PLAN: 'wait', FOLDER: folder}],
    ['cancelled', {PLAN: 'deaf', FOLDER: join(folder, 'cancelled')}],
  ] as const)
    await call(first.endpoint, 'POST', `/v2/${LOCATION}/jobs?jobId=${jobId}`, {
      template: {
        template: {containers: [{image, env: Object.entries(env).map(([name, value]) => ({name, value}))}]},
      },
    })
  await mkdir(join(folder, 'cancelled'))
  const run = (jobId: string) => call(first.endpoint, 'POST', `/v2/${LOCATION}/jobs/${jobId}:run`, {})
  const operation = nameOf(await run('goes-on'))
  const cancelled = await run('cancelled')
  await appear(folder, '0-0', 'cancelled/0-0')
  const execution = executionOf(cancelled)
  void call(first.endpoint, 'POST', `/v2/${execution}:cancel`, {}).catch(() => undefined)
  const cancelling = async () => JSON.stringify(await call(first.endpoint, 'GET', `/v2/${execution}`))
  await expect.poll(cancelling).toContain('CANCELLING')
  await first.kill()

  await writeFile(join(folder, 'go'), '')
  await using second = await startLocalCloudProcess(state)
  const done = await call(second.endpoint, 'POST', `/v2/${operation}:wait`, {timeout: '20s'})
  expect(done).toMatchObject({done: true, response: {succeededCount: 1}})
  expect(done).not.toHaveProperty('error')
  const read = () => call(second.endpoint, 'GET', `/v2/${execution}`)
  await expect.poll(async () => JSON.stringify(await read())).not.toContain('CANCELLING')
  expect(await read()).toMatchObject({cancelledCount: 1})
  expect(await readdir(join(folder, 'cancelled'))).toEqual(['0-0'])
})

function executionOf(operation: unknown): string {
  if (typeof operation === 'object' && operation !== null && 'metadata' in operation)
    return nameOf(operation.metadata)
  throw new Error('The operation has no metadata.')
}
