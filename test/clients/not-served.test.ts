import {join} from 'node:path'
import {Storage} from '@google-cloud/storage'
import {Storage as Storage7} from 'google-cloud-storage-7'
import {expect, it} from 'vitest'
import type {LoggedRequest} from '../../src/local-cloud/index.ts'
import {
  CRATE,
  GO_MODULE,
  JARS,
  PYTHON,
  withoutGo,
  withoutJava,
  withoutPython,
  withoutRust,
} from '../support/google-clients.ts'
import {missing, startTools, type Tools} from '../support/tool.ts'

const FIXTURES = join(import.meta.dirname, '../fixtures/clients')

/** A tool that repeats a call does so for 30 seconds at least; the rest is room for its start on a busy machine. */
const LIMIT_MS = 20_000

const ASK_IN_PYTHON = `
import os
from google.cloud import storage
client = storage.Client(project=os.environ["GOOGLE_CLOUD_PROJECT"])
client._connection.api_request(method="GET", path="/b/some-bucket/nothing", retry=storage.retry.DEFAULT_RETRY)
`

const TOOLS: [name: string, reason: string | undefined, ...command: string[]][] = [
  [
    'gcloud storage',
    missing('gcloud'),
    'gcloud',
    'storage',
    'buckets',
    'anywhere-caches',
    'create',
    'gs://some-bucket',
    'us-east1-b',
  ],
  ['gcloud iam', missing('gcloud'), 'gcloud', 'iam', 'roles', 'list'],
  ['gsutil', missing('gsutil'), 'gsutil', 'notification', 'watchbucket', 'https://example.org/', 'gs://b-1'],
  ['Python', withoutPython('google.cloud.storage'), PYTHON, '-c', ASK_IN_PYTHON],
]

for (const [name, reason, ...command] of TOOLS) {
  it.skipIf(reason !== undefined)(
    `${name} does not repeat what is not served${reason ?? ''}`,
    {timeout: 120_000},
    async () => {
      const {run} = await startTools()
      const before = performance.now()
      await expect(run(command)).rejects.toThrow(/(?:served|implemented) by the local cloud/)
      expect(performance.now() - before).toBeLessThan(LIMIT_MS)
    },
  )
}

async function requestsTo({endpoint}: Tools['origins']): Promise<{requests: LoggedRequest[]}> {
  return JSON.parse(await (await fetch(`${endpoint}/_local-cloud/requests`)).text())
}

it('the Node clients do not repeat what is not served', async () => {
  const {origins, project} = await startTools()
  const options = {apiEndpoint: origins.endpoint, projectId: project, useAuthWithCustomEndpoint: false}
  await expect(new Storage(options).bucket('b-1').request({uri: '/nothing'})).rejects.toThrow(/is not served/)
  await expect(new Storage7(options).bucket('b-1').request({uri: '/nothing'})).rejects.toThrow(
    /is not served/,
  )
  const {requests} = await requestsTo(origins)
  expect(requests.filter(({path}) => path?.includes('nothing'))).toHaveLength(2)
})

/** Programs that end at the first call that fails. */
const PROGRAMS: [name: string, reason: string | undefined, ...command: string[]][] = [
  ['gcloud', missing('gcloud'), 'gcloud', 'storage', 'cat', 'gs://refused/x'],
  ['gsutil', missing('gsutil'), 'gsutil', 'ls', 'gs://refused'],
  ['Python', withoutPython('google.cloud.storage'), PYTHON, join(FIXTURES, 'python_clients.py')],
  ['gcsfs', withoutPython('gcsfs', 'pandas', 'pyarrow'), PYTHON, join(FIXTURES, 'gcsfs_storage.py')],
  ['C++', withoutPython('pyarrow'), PYTHON, join(FIXTURES, 'pyarrow_storage.py')],
  ['Go', withoutGo(), 'go', 'run', '-C', GO_MODULE, '.'],
  ['Java', withoutJava(), 'java', '-cp', `${JARS}/*`, join(FIXTURES, 'java/Objects.java')],
  ['Rust', withoutRust(), 'cargo', 'run', '--offline', '--manifest-path', join(CRATE, 'Cargo.toml')],
]

for (const [name, reason, ...command] of PROGRAMS) {
  it.skipIf(reason !== undefined)(
    `${name} sends a call once that is answered as not served${reason ?? ''}`,
    {timeout: 300_000},
    async () => {
      const {run, origins} = await startTools()
      const control = `${origins.endpoint}/_local-cloud`
      const faults = ['storage', 'b', 'upload', 'download', 'refused'].flatMap((first) =>
        [`/${first}`, `/${first}/**`].map((path) => ({on: {path}, answer: 'UNIMPLEMENTED', times: 1000})),
      )
      await fetch(`${control}/faults`, {method: 'POST', body: JSON.stringify({faults})})
      await expect(run(command, {BUCKET: 'refused', GOPROXY: 'off'})).rejects.toThrow('Fault on purpose')
      const {requests} = await requestsTo(origins)
      expect(requests.filter(({status}) => status === 400)).toHaveLength(1)
    },
  )
}
