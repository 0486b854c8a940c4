import {expect, test} from 'vitest'
import {logs} from '../../src/core/logs.ts'
import {createActivityReader} from '../../src/core/files/activity.ts'
import {fileKey} from '../../src/core/files/dead-letters.ts'
import {startLocalPipeline} from '../support/local-pipeline.ts'

const NOW = Date.now()
const at = (seconds: number) => new Date(NOW + seconds * 1000).toISOString()

/** Writes entries as Google keeps them: Cloud Run's own know nothing of the object. */
async function startWithEntries(entries: readonly object[]) {
  const context = await startLocalPipeline()
  const {project, region} = context.pipeline.settings
  const resource = {
    type: 'cloud_run_revision',
    labels: {
      project_id: project,
      service_name: context.pipeline.names.service,
      revision_name: 'r-1',
      location: region,
    },
  }
  for (let start = 0; start < entries.length; start += 1000) {
    const response = await fetch(`${context.endpoint}/v2/entries:write`, {
      method: 'POST',
      body: JSON.stringify({resource, entries: entries.slice(start, start + 1000)}),
    })
    expect(response.status).toBe(200)
  }
  return context
}

const PROJECT = 'cloud-runner-local'
const log = (id: string) => `projects/${PROJECT}/logs/${encodeURIComponent(`run.googleapis.com/${id}`)}`
const trace = (id: string) => `projects/${PROJECT}/traces/${id}`
const worker = (seconds: number, object: string, instance: string, fields: object, attempt = 1) => ({
  logName: log('stdout'),
  timestamp: at(seconds),
  severity: 'outcome' in fields ? 'ERROR' : 'INFO',
  labels: {
    instanceId: instance,
    bucket: 'in',
    object,
    generation: '1',
    'message-id': `m-${object}`,
    attempt: String(attempt),
  },
  jsonPayload: fields,
  trace: trace(`${object}-${attempt}`),
})
const request = (seconds: number, object: string, status: number, text: string) => ({
  logName: log('requests'),
  timestamp: at(seconds),
  severity: 'ERROR',
  textPayload: text,
  httpRequest: {requestMethod: 'POST', requestUrl: 'https://w.run.app/', status},
  trace: trace(`${object}-1`),
})

test('what Cloud Run says of a request and a container gets the object by trace and instance', async () => {
  const broken = 'The request failed because … connection to the instance had an error.'
  const context = await startWithEntries([
    request(-60, 'big.csv', 503, broken),
    worker(-59, 'big.csv', 'i-1', {message: 'processing'}),
    {
      logName: log('varlog/system'),
      timestamp: at(-50),
      severity: 'ERROR',
      labels: {instanceId: 'i-1'},
      textPayload:
        'Memory limit of 512 MiB exceeded with 530 MiB used. Consider increasing the memory limit, see https://cloud.google.com/run/docs/configuring/memory-limits',
    },
    request(
      -40,
      'slow.csv',
      504,
      'The request has been terminated because it has reached the maximum request timeout. To change this limit, see https://cloud.google.com/run/docs/configuring/request-timeout',
    ),
    worker(-39, 'slow.csv', 'i-2', {message: 'processing'}),
    // This one had done its work before its container ended.
    worker(-30, 'done.csv', 'i-3', {message: 'done', outcome: 'done'}),
    {
      logName: log('varlog/system'),
      timestamp: at(-20),
      severity: 'WARNING',
      labels: {instanceId: 'i-3'},
      textPayload: 'Container called exit(1).',
    },
  ])
  const errors = await Array.fromAsync(logs({tail: false, severity: 'error'}, context))
  expect(errors.map(({object, source}) => [object, source])).toEqual([
    ['big.csv', 'requests'],
    ['big.csv', 'system'],
    ['slow.csv', 'requests'],
    ['done.csv', 'worker'],
  ])
  const ofFile = await Array.fromAsync(logs({tail: false, object: 'big.csv', severity: 'error'}, context))
  expect(ofFile.map(({source}) => source)).toEqual(['requests', 'system'])
  expect(
    (await Array.fromAsync(logs({tail: false, object: 'done.csv'}, context))).map(({source}) => source),
  ).toEqual(['worker'])

  const files = ['big.csv', 'slow.csv', 'new.csv'].map((object) => ({
    object,
    generation: '1',
    uploadedAt: at(-100),
  }))
  const activities = await createActivityReader(context).read(files)
  expect(Object.fromEntries(activities)).toMatchObject({
    [fileKey('big.csv', '1')]: {
      state: 'waiting',
      attempts: 1,
      lastError: {
        message: expect.stringMatching(/^Memory limit of 512 MiB exceeded with 530 MiB used: raise/),
      },
    },
    [fileKey('slow.csv', '1')]: {
      state: 'waiting',
      lastError: {message: expect.stringContaining('maximum request timeout: raise the setting')},
    },
  })
  expect(activities.size).toBe(2)
})

test('a task that helps the first one of an execution may end: the attempt runs', async () => {
  const helper = worker(-29, 'shared.csv', 'i-2', {message: 'Waiting for the first task'})
  const context = await startWithEntries([
    worker(-30, 'shared.csv', 'i-1', {message: 'processing'}),
    {...helper, labels: {...helper.labels, task: '2'}},
    {
      logName: log('varlog/system'),
      timestamp: at(-20),
      severity: 'ERROR',
      labels: {instanceId: 'i-2'},
      textPayload: 'Container called exit(1).',
    },
  ])
  const lines = await Array.fromAsync(logs({tail: false, object: 'shared.csv'}, context))
  expect(lines.map(({source, task}) => [source, task])).toEqual([
    ['worker', undefined],
    ['worker', '2'],
    ['system', '2'],
  ])
  const file = {object: 'shared.csv', generation: '1', uploadedAt: at(-100)}
  const activity = (await createActivityReader(context).read([file])).get(fileKey('shared.csv', '1'))
  expect(activity).toMatchObject({state: 'running', startedAt: at(-30)})
  expect(activity).not.toHaveProperty('lastError')
})

test(
  'of very many open files none is forgotten, and the logs are read a few times',
  {timeout: 60_000},
  async () => {
    const FILES = 1200
    const name = (index: number) => `file ${index}.csv`
    const refused = (seconds: number, index: number, attempt: number) =>
      worker(seconds, name(index), 'i', {message: `refused: ${index}`, outcome: 'refused'}, attempt)
    const context = await startWithEntries([
      // Long ago, and nothing since: more lines of others than are read without a name.
      ...Array.from({length: 50}, (_, index) => refused(-86_400, index, 3)),
      ...Array.from({length: 10_100}, (_, line) => refused(-3600 + line / 10, 1000 + (line % 100), 4)),
    ])
    const files = Array.from({length: FILES}, (_, index) => ({
      object: name(index),
      generation: '1',
      uploadedAt: at(-90_000),
    }))
    let reads = 0
    const list: typeof context.cloud.logs.list = (query, options) => {
      reads++
      return context.cloud.logs.list(query, options)
    }
    const counted = {...context, cloud: {...context.cloud, logs: {...context.cloud.logs, list}}}
    const activities = await createActivityReader(counted).read(files, NOW)
    expect(activities.size).toBe(150)
    expect(activities.get(fileKey(name(7), '1'))).toMatchObject({
      attempts: 3,
      lastError: {message: 'refused: 7'},
    })
    expect(reads).toBe(2)
  },
)
