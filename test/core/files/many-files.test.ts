import {expect, test} from 'vitest'
import {RESULT_METADATA, sidecarObject} from '../../../worker/contract.ts'
import {waitForResults} from '../../../src/core/files/wait.ts'
import {status, type StatusRequest} from '../../../src/core/status.ts'
import {startLocalPipeline} from '../../support/local-pipeline.ts'

const LONG = 'm'.repeat(950)

/** A pipeline without a worker, to which a test writes inputs, and what a worker would have written. */
async function startEmptyPipeline() {
  const context = await startLocalPipeline()
  const {cloud, pipeline, signal, step, endpoint} = context
  await cloud.infrastructure.apply(pipeline, {image: undefined, signal, step})
  const {inputBucket, outputBucket} = pipeline.names
  const send = async (bucket: string, name: string, metadata: Record<string, string>) => {
    const type = 'multipart/related; boundary=b'
    const part = (of: string, text: string) => `--b\r\ncontent-type: ${of}\r\n\r\n${text}\r\n`
    const response = await fetch(`${endpoint}/upload/storage/v1/b/${bucket}/o?uploadType=multipart`, {
      method: 'POST',
      headers: {'content-type': type},
      body: `${part('application/json', JSON.stringify({name, metadata}))}${part('text/plain', 'x')}--b--`,
    })
    expect(response.status).toBe(200)
    const {generation}: {generation: string} = JSON.parse(await response.text())
    return generation
  }
  const input = async (name: string) => ({
    [RESULT_METADATA.sourceGeneration]: await send(inputBucket, name, {}),
  })
  const failed = async (name: string) =>
    send(outputBucket, sidecarObject(name, 'error.json'), await input(name))
  const done = async (name: string) => send(outputBucket, name, await input(name))

  return {context, send, input, failed, done}
}

test('files come in pages with all of them counted, whatever their names', async () => {
  const {context, failed, done} = await startEmptyPipeline()
  // Around the reserved prefix, with names that others begin with, and one whose sidecars are under a hash.
  await done('A.csv')
  await failed('A.csv-1')
  await done('_cloud')
  await failed('a')
  await done('a-b.csv')
  await failed('é.csv')
  await failed(LONG)
  await done('z/1.csv')
  await failed('z/2.csv')

  await done('a/b.csv')
  await done('a/job.json')
  await failed('a/z.csv')

  const sorted = (names: readonly string[]) => names.toSorted()
  const all = async (request: Partial<StatusRequest>) => {
    const names: string[] = []
    let after: string | undefined
    do {
      const {counts, files, next, more} = await status({objects: [], limit: 2, ...request, after}, context)
      expect(counts).toMatchObject({waiting: 0, running: 0, dead: 0, ignored: 0})
      expect(more > 0).toBe(next !== undefined)
      names.push(...files.map(({object, state}) => `${object.slice(0, 10)} ${state}`))
      after = next
    } while (after !== undefined)
    return names
  }
  const problems = ['a/z.csv', 'z/2.csv', LONG.slice(0, 10), 'é.csv', 'a', 'A.csv-1'].map(
    (name) => `${name} failed`,
  )
  const rest = ['a/job.json', 'a/b.csv', 'z/1.csv', 'a-b.csv', '_cloud', 'A.csv'].map(
    (name) => `${name} done`,
  )
  const names = await all({})
  expect(sorted(names)).toEqual(sorted([...problems, ...rest]))
  expect(sorted(names.slice(0, 6))).toEqual(sorted(problems))
  expect(sorted(await all({states: ['failed']}))).toEqual(sorted(problems))
  expect(sorted(await all({objects: ['z/', 'a*.csv']}))).toEqual([
    'a-b.csv done',
    'z/1.csv done',
    'z/2.csv failed',
  ])
  expect(sorted(await all({prefix: 'a/'}))).toEqual(['a/b.csv done', 'a/job.json done', 'a/z.csv failed'])
  const {counts} = await status({objects: [], limit: 1, states: ['failed']}, context)
  expect(counts).toMatchObject({done: 6, failed: 6})
  await expect(status({objects: ['none/*'], limit: 1}, context)).rejects.toMatchObject({
    code: 'object-unknown',
  })
  await expect(status({objects: [], limit: 1, after: 'x'}, context)).rejects.toMatchObject({code: 'usage'})
})

test('files whose inputs were archived or deleted after their results are listed with the others', async () => {
  const {context, send, input, failed, done} = await startEmptyPipeline()
  const {cloud, pipeline} = context
  for (const name of ['A.csv', 'a', 'a/b.csv', 'q.csv', 'z.csv']) await done(name)
  await failed('b.csv')
  await input('c.csv')
  for (const name of ['A.csv', 'a', 'z.csv']) await cloud.objects.delete(pipeline.names.inputBucket, name)
  await send(pipeline.names.inputBucket, 'archive/a', {[RESULT_METADATA.sourceGeneration]: '1'})
  await send(pipeline.names.inputBucket, 'archive/own.csv', {})
  const list = async (afterwards: 'keep' | 'archive' | 'delete') => {
    const settings = {...pipeline.settings, afterwards}
    const request = {objects: [], limit: 50}
    const {files} = await status(request, {...context, pipeline: {...pipeline, settings}})
    return files.map(({object, state, input: where}) => [object, state, where].join(' ').trim()).toSorted()
  }
  const live = ['a/b.csv done', 'b.csv failed', 'c.csv waiting', 'q.csv done']
  const gone = (where: string) => ['A.csv', 'a', 'z.csv'].map((name) => `${name} done ${where}`)
  expect(await list('keep')).toEqual([...live, 'archive/own.csv waiting'].toSorted())
  expect(await list('delete')).toEqual([...live, 'archive/own.csv waiting', ...gone('deleted')].toSorted())
  expect(await list('archive')).toEqual([...live, ...gone('archived')].toSorted())
})

test('many files are awaited by listings of what lies between them', async () => {
  const {context, send, done} = await startEmptyPipeline()
  const {cloud, pipeline} = context
  const {inputBucket, outputBucket} = pipeline.names
  const names = ['A.csv', LONG, ...Array.from({length: 28}, (_, index) => `folder/${index}.csv`)]
  const sent = await Promise.all(
    names.map(async (object) => {
      const generation = await send(inputBucket, object, {})
      return {object, generation, sizeBytes: 1, uploadedAt: new Date().toISOString()}
    }),
  )
  const mark = (index: number) => ({[RESULT_METADATA.sourceGeneration]: sent[index]?.generation ?? ''})
  // Beyond the awaited ones.
  await done('zzz.csv')
  const readSingly = new Set<string>()
  const lookedAround = Promise.withResolvers<void>()
  const objects: typeof cloud.objects = {
    ...cloud.objects,
    stat: (bucket, name, generation) => {
      readSingly.add(name)
      return cloud.objects.stat(bucket, name, generation)
    },
    // A look around is the only one at the inputs.
    async *list(bucket, range) {
      yield* cloud.objects.list(bucket, range)
      if (bucket === inputBucket) lookedAround.resolve()
    },
  }
  const waited = waitForResults(sent, {timeoutMs: 60_000}, {...context, cloud: {...cloud, objects}})
  await send(outputBucket, sidecarObject('A.csv', 'error.json'), mark(0))
  // Those that are still open after a look around.
  await lookedAround.promise
  await cloud.objects.delete(inputBucket, 'folder/27.csv')
  for (let index = 1; index < 29; index += 1) await send(outputBucket, names[index] ?? '', mark(index))
  const {files, exitCode} = await waited
  expect(files.map(({object}) => object)).toEqual(names)
  expect(files.slice(1, -1).every(({state}) => state === 'done')).toBe(true)
  expect([files[0], files.at(-1)]).toMatchObject([
    {object: 'A.csv', state: 'failed'},
    {object: 'folder/27.csv', state: 'failed', error: {code: 'gone'}},
  ])
  expect(exitCode).toBe(3)
  // The last few.
  expect(names.filter((name) => readSingly.has(name)).length).toBeLessThan(5)
})
