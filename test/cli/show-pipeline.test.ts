import {expect, test} from 'vitest'
import {showSetup, showStatus} from '../../src/cli/show-pipeline.ts'
import type {FileStatus} from '../../src/core/files/files.ts'
import type {Status} from '../../src/core/status.ts'
import {command, render} from '../../src/core/suggestion.ts'
import {statusOf as statusOfFiles} from '../support/status.ts'

const NOW = Date.parse('2026-11-22T12:00:00Z')

function statusOf(
  files: readonly (Pick<FileStatus, 'state' | 'attempts' | 'uploadedAt'> &
    Pick<Partial<FileStatus>, 'error'>)[],
): Status {
  const status = statusOfFiles(
    files.map((file, index) => ({object: `${index}.csv`, generation: '1', sizeBytes: 1, hops: [], ...file})),
  )
  const [revision, canary] = ['p-00002-abc', 'p-00003-def']
  const traffic = [
    {revision, percent: 90},
    {revision: canary, percent: 10},
  ]
  return {...status, pipeline: {...status.pipeline, revision, traffic}}
}

const shown = (status: Status) => showStatus(status, NOW, render).join('\n')
const OLD = {state: 'waiting', attempts: 0, uploadedAt: '2026-11-22T11:58:00Z'} as const
const NEW = {...OLD, uploadedAt: '2026-11-22T11:59:30Z'}

test('a file without news for a minute comes with what to do, unless others are in progress', () => {
  expect(shown(statusOf([OLD, NEW]))).toContain(
    '1 file waiting for more than a minute without any delivery. If the event was lost: cloud-runner reprocess --missing',
  )
  const others = [[NEW], [OLD, {...OLD, state: 'running'}], [{...OLD, attempts: 1}]] as const
  for (const files of others) expect(shown(statusOf(files))).not.toContain('reprocess')
})

test('a cancelled file needs no correction', () => {
  const error = {
    code: 'cancelled',
    message: 'It was cancelled.',
    suggestions: [],
    object: '',
    generation: '1',
  }
  const file = {...OLD, state: 'failed', attempts: 1} as const
  expect(shown(statusOf([{...file, error}]))).toContain('Process it again: cloud-runner reprocess 0.csv')
  expect(shown(statusOf([{...file, error}, file]))).toContain('once they are correct')
})

test('of many files, all are counted, and the next page is one command away', () => {
  const status = {...statusOf([{...NEW, state: 'done'}]), total: 99_801, more: 99_800}
  const lines = showStatus(status, NOW, render, {nextPage: command('status', '--after', '3,t,a b')})
  expect(lines.join('\n')).toContain("… 99,800 more: cloud-runner status --after '3,t,a b'")
})

test('rejected deliveries come with the grant that is missing', () => {
  expect(shown({...statusOf([OLD]), refusedPushes: 403})).toMatch(
    /Service p rejects deliveries \(403\).*cloud-runner setup$/,
  )
})

test('a traffic split is shown with its parts', () => {
  expect(shown(statusOf([]))).toMatch(/^service +p, p-00002-abc 90 %, p-00003-def 10 %$/m)
})

test('setup after a rollback names the revision that serves, and the newer one that does not', () => {
  const names = {inputBucket: 'in', outputBucket: 'out'}
  const traffic = {percent: 100, latest: false, tag: undefined, uri: undefined}
  const service = {
    name: 'p',
    uri: 'http://127.0.0.1:1',
    image: 'worker@sha256:1',
    ready: true,
    reconciling: false,
    latestReadyRevision: 'p-00003-new',
    latestCreatedRevision: 'p-00003-new',
    problem: undefined,
    model: undefined,
    livenessPort: undefined,
    traffic: [{...traffic, revision: 'p-00001-old'}],
    tried: [],
  }
  const result = {
    resources: [],
    image: service.image,
    deployed: true,
    service,
    undelivered: 0,
    warnings: [],
    canary: {durationMs: 1},
  }
  const lines = showSetup(result, names, render).join('\n')
  expect(lines).toContain('p, revision p-00001-old')
  expect(lines).toContain(
    'Revision p-00003-new is newer, has these settings, and gets no traffic. Move traffic to it: cloud-runner deploy',
  )
})

test('a filter that matches nothing does not claim that there are no files', () => {
  const none = statusOf([])
  expect(showStatus(none, NOW, render).at(-1)).toContain('No files yet')
  expect(showStatus(none, NOW, render, {isFiltered: true}).at(-1)).toBe('No file matches.')
})
