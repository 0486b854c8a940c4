import {expect, it} from 'vitest'
import {createJob} from '../local-job.ts'
import {LOCATION, startRun} from '../local-run.ts'

const API = '/apis/run.googleapis.com/v1/namespaces/p'

it('jobs and executions have Knative’s form in the v1 API, and are run by it', async () => {
  const run = await startRun()
  const image = await createJob(run, {env: {PLAN: 'fail'}, maxRetries: 0})
  const call = async (method: string, path: string, body?: object): Promise<unknown> => {
    const response = await fetch(run.origin + API + path, {
      method,
      ...(body ? {body: JSON.stringify(body)} : {}),
    })
    return response.json()
  }
  const job = await call('GET', '/jobs/report')
  expect(job).toMatchObject({
    apiVersion: 'run.googleapis.com/v1',
    kind: 'Job',
    metadata: {
      name: 'report',
      namespace: 'p',
      labels: {
        'cloud.googleapis.com/location': 'europe-west3',
        // What `gcloud run jobs describe` says that it was last updated on.
        'run.googleapis.com/lastUpdatedTime': expect.stringMatching(/^20.*Z$/),
      },
    },
    spec: {
      template: {
        spec: {
          taskCount: 1,
          template: {
            spec: {
              maxRetries: 0,
              timeoutSeconds: 600,
              containers: [{image, args: ['from', 'job'], env: [{name: 'PLAN', value: 'fail'}]}],
            },
          },
        },
      },
    },
    status: {conditions: [{type: 'Ready', status: 'True'}], executionCount: 0},
  })
  expect(await call('GET', '/jobs')).toMatchObject({kind: 'JobList', items: [job]})

  const overrides = {
    taskCount: 2,
    timeoutSeconds: 60,
    containerOverrides: [{args: ['v1'], env: [{name: 'PLAN', value: 'ok'}]}],
  }
  const begun = await call('POST', '/jobs/report:run', {overrides})
  expect(begun).toMatchObject({
    kind: 'Execution',
    metadata: {
      name: expect.stringMatching(/^report-[a-z0-9]{5}$/),
      labels: {'run.googleapis.com/job': 'report'},
    },
    spec: {taskCount: 2, template: {spec: {timeoutSeconds: 60, containers: [{args: ['v1']}]}}},
  })
  await call('POST', '/jobs/report:run', {})
  const list = () => call('GET', '/executions?labelSelector=run.googleapis.com%2Fjob%3Dreport')
  await expect.poll(async () => JSON.stringify(await list())).not.toContain('"status":"Unknown"')
  expect(await list()).toMatchObject({
    kind: 'ExecutionList',
    items: [
      {
        status: {
          failedCount: 1,
          conditions: [
            {
              type: 'Completed',
              status: 'False',
              reason: 'NonZeroExitCode',
              message: expect.stringContaining('exit code: 3'),
            },
            expect.anything(),
            expect.anything(),
            expect.anything(),
          ],
        },
      },
      {status: {succeededCount: 2}},
    ],
  })
  expect(await call('POST', '/jobs/report:run', {overrides: {nonsense: 1}})).toMatchObject({
    error: {code: 400, message: expect.stringContaining('nonsense')},
  })
  expect(await call('GET', '/executions/none')).toMatchObject({error: {code: 404}})
  expect(await call('DELETE', '/jobs/report')).toEqual({status: 'Success'})
  expect((await run.jobs.listJobs({parent: LOCATION}))[0]).toEqual([])
})

it('jobs are created and replaced, as in the Admin API', async () => {
  const run = await startRun()
  const image = await run.push({files: {'app/main.js': ''}})
  const call = async (method: string, path: string, body?: object): Promise<unknown> => {
    const response = await fetch(`${run.origin}${API}${path}`, {
      method,
      ...(body ? {body: JSON.stringify(body)} : {}),
    })
    return response.json()
  }
  const job = (taskCount: number) => ({
    apiVersion: 'run.googleapis.com/v1',
    kind: 'Job',
    metadata: {
      name: 'nightly',
      namespace: 'p',
      labels: {'cloud.googleapis.com/location': 'europe-west3', team: 'a'},
      annotations: {'run.googleapis.com/client-name': 'gcloud'},
    },
    spec: {
      template: {
        spec: {
          taskCount,
          template: {
            spec: {
              containers: [{image, env: [{name: 'A', value: '1'}], resources: {limits: {memory: '512Mi'}}}],
              maxRetries: 0,
              timeoutSeconds: '60',
            },
          },
        },
      },
    },
  })
  const created = await call('POST', '/jobs', job(2))
  expect(created).toMatchObject({
    metadata: {
      name: 'nightly',
      generation: 1,
      labels: {team: 'a'},
      annotations: {'run.googleapis.com/client-name': 'gcloud'},
    },
    spec: {template: {spec: {taskCount: 2, template: {spec: {maxRetries: 0, timeoutSeconds: 60}}}}},
  })
  await expect
    .poll(() => call('GET', '/jobs/nightly'))
    .toMatchObject({status: {conditions: [{type: 'Ready', status: 'True'}]}})
  const [v2] = await run.jobs.getJob({name: `${LOCATION}/jobs/nightly`})
  expect(v2).toMatchObject({
    client: 'gcloud',
    labels: {team: 'a'},
    template: {
      taskCount: 2,
      template: {
        timeout: {seconds: '60'},
        maxRetries: 0,
        containers: [{image, env: [{name: 'A', value: '1'}], resources: {limits: {memory: '512Mi'}}}],
      },
    },
  })
  expect(await call('PUT', '/jobs/nightly', job(3))).toMatchObject({
    metadata: {generation: 2},
    spec: {template: {spec: {taskCount: 3}}},
  })
  const stale = typeof created === 'object' && created !== null ? created : {}
  expect(await call('PUT', '/jobs/nightly', stale)).toMatchObject({error: {code: 409}})
  expect(await call('POST', '/jobs', {...job(1), nonsense: 1})).toMatchObject({error: {code: 400}})
})
