import {expect, test} from 'vitest'
import {emptyBucket} from '../../../src/google/infrastructure/empty-bucket.ts'
import {createRest} from '../../../src/google/rest.ts'
import {startLocalPipeline} from '../../support/local-pipeline.ts'

/** More than one batch, and a name that a URL has to escape. */
const NAMES = ['a/b c?é.csv', ...Array.from({length: 249}, (_, index) => `${index}.csv`)]

test('a bucket is emptied by the hundred, with all versions; an object on hold is named, and the others go', async () => {
  const {endpoint, pipeline} = await startLocalPipeline()
  const {project: projectId, region} = pipeline.settings
  const rest = createRest({projectId, region, endpoint})
  await rest.request('storage', 'POST', `/storage/v1/b?project=${projectId}`, {
    name: 'full',
    versioning: {enabled: true},
  })
  const put = (name: string) =>
    fetch(
      `${endpoint}/upload/storage/v1/b/full/o?${new URLSearchParams({uploadType: 'media', name}).toString()}`,
      {method: 'POST', body: name},
    )
  await Promise.all([...NAMES, ...NAMES.slice(0, 5)].map(put))
  const hold = (temporaryHold: boolean) =>
    rest.request('storage', 'PATCH', '/storage/v1/b/full/o/7.csv', {temporaryHold})
  await hold(true)

  const steps: string[] = []
  const empty = (signal = new AbortController().signal) =>
    emptyBucket(rest, 'full', {signal, step: (text) => void steps.push(text)})
  const left = async () =>
    JSON.stringify(await rest.get('storage', '/storage/v1/b/full/o?versions=true&fields=items/name'))
  await expect(empty(AbortSignal.abort(new Error('Ctrl-C')))).rejects.toThrow('Ctrl-C')
  await expect(empty()).rejects.toMatchObject({
    code: 'permission-denied',
    message: expect.stringMatching(/^Deleting object 7\.csv in bucket full: .*hold/),
  })
  expect(await left()).toBe('{"items":[{"name":"7.csv"}]}')
  await hold(false)
  await empty()
  expect(await left()).toBe('{}')
  expect(steps.at(-1)).toBe('Empty bucket full: 1 objects deleted')
  await rest.delete('storage', '/storage/v1/b/full')
})
