import {readdir, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {describe, expect, it} from 'vitest'
import {ManualClock} from '../../support/manual-clock.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'
import {appear, completed, createJob, execute, NAME, nameOf} from './local-job.ts'
import {startRun} from './local-run.ts'

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

  it('is ended at its timeout, each attempt anew', async () => {
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
  it('goes on with the tasks that were not done, and with the operation', async () => {
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
