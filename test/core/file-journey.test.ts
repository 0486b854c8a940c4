import {createHash} from 'node:crypto'
import {mkdir, readFile, readdir, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {PassThrough} from 'node:stream'
import {buffer} from 'node:stream/consumers'
import {expect, test} from 'vitest'
import {destroy, inspectLoss} from '../../src/core/destroy.ts'
import {logs} from '../../src/core/logs.ts'
import {results} from '../../src/core/results/results.ts'
import {setup} from '../../src/core/setup/setup.ts'
import {status} from '../../src/core/status.ts'
import {planUpload} from '../../src/core/upload/plan.ts'
import {upload} from '../../src/core/upload/upload.ts'
import {waitForResults} from '../../src/core/files/wait.ts'
import {startLocalPipeline} from '../support/local-pipeline.ts'
import {capitals, workerFolder} from '../support/worker-folder.ts'

/** A processor whose doing is said by the file's first word. */
const OBEDIENT = `export default {
  name: 'obedient',
  async process(input, output, context) {
    let text = ''
    for await (const chunk of await input.open()) text += chunk
    context.log('INFO', 'told to ' + text)
    if (text.startsWith('hang')) await new Promise((_, reject) => context.signal.addEventListener('abort', () => reject(context.signal.reason)))
    if (text.startsWith('crash')) throw new Error('as it was told')
    await output.write(text.toUpperCase())
  },
}\n`

test('a file goes all the way: uploaded, waited for, shown, fetched, logged, and lost in the end', async () => {
  const context = await startLocalPipeline()
  const {folder} = context
  await setup({workerFolder: await workerFolder('processor.js', capitals('')), stage: () => {}}, context)
  const content = 'a,b\nx,"y\nz"\n'
  await writeFile(join(folder, 'small.csv'), content)
  const large = Buffer.alloc(9 * 1024 * 1024, 'abcdefgh\n')
  await writeFile(join(folder, 'large.txt'), large)
  const planned = await planUpload({sources: ['small.csv', 'large.txt', 'small.csv'], cwd: folder})
  const {uploaded, failed} = await upload(planned, {labelColumn: 'b'}, context)
  expect(failed).toEqual([])
  expect(uploaded.map(({object, sizeBytes}) => [object, sizeBytes])).toEqual([
    ['small.csv', content.length],
    ['large.txt', large.length],
  ])
  const stored = await context.cloud.objects.stat(context.pipeline.names.inputBucket, 'small.csv')
  expect(stored).toMatchObject({
    metadata: {'label-column': 'b'},
    contentType: 'text/csv',
    generation: uploaded[0]?.generation,
  })

  const waited = await waitForResults(uploaded, {timeoutMs: 60_000}, context)
  expect(waited.exitCode).toBe(0)
  for (const {hops} of waited.files) {
    expect(hops.map(({name}) => name)).toEqual(['uploaded', 'notified', 'delivered', 'written'])
  }
  const told = await status({objects: [], limit: 1}, context)
  expect(told).toMatchObject({
    counts: {done: 2, waiting: 0},
    total: 2,
    more: 1,
    pipeline: {ready: true, problem: undefined},
  })
  expect(told.files).toHaveLength(1)

  const fetched = await results(
    {object: 'small.csv', output: {file: join(folder, 'r.csv'), force: false}},
    context,
  )
  expect(fetched).toMatchObject({
    file: {state: 'done', attempts: 1},
    preview: {columns: ['A', 'B'], rows: [['X', 'Y\nZ']]},
  })
  expect(await readFile(join(folder, 'r.csv'), 'utf8')).toBe(content.toUpperCase())
  await expect(
    results({object: 'small.csv', output: {file: join(folder, 'r.csv'), force: false}}, context),
  ).rejects.toMatchObject({code: 'output-exists'})
  await results({object: 'small.csv', output: {file: join(folder, 'r.csv'), force: true}}, context)
  const out = new PassThrough()
  const [streamed] = await Promise.all([
    buffer(out),
    results({object: 'large.txt', output: {stream: out}}, context).then(() => out.end()),
  ])
  expect(hash(streamed)).toBe(hash(Buffer.from(large.toString().toUpperCase())))
  expect((await readdir(folder)).toSorted()).toEqual(['.cloud-runner', 'large.txt', 'r.csv', 'small.csv'])

  const lines = await Array.fromAsync(logs({tail: false, object: 'small.csv'}, context))
  expect(lines.map(({message}) => message)).toEqual(['processing', 'done'])
  expect(new Set(lines.map(({attempt}) => attempt))).toEqual(new Set([1]))

  await upload(await planUpload({sources: ['small.csv'], name: 'other.csv', cwd: folder}), {}, context)
  await expect
    .poll(async () => (await status({objects: ['other.csv'], limit: 1}, context)).files[0]?.state, {
      timeout: 20_000,
    })
    .toBe('done')
  expect(await inspectLoss(context)).toMatchObject({
    exists: true,
    inputs: {objects: 3},
    results: {objects: 3, notFetched: 1},
  })
  expect((await destroy(context)).left).toEqual([])
  expect(await inspectLoss(context)).toEqual({
    exists: false,
    resources: [],
    inputs: {objects: 0, bytes: 0},
    results: {objects: 0, bytes: 0, notFetched: 0},
  })
  await expect(status({objects: [], limit: 1}, context)).rejects.toMatchObject({
    code: 'not-set-up',
    suggestions: ['Create it: cloud-runner setup'],
  })
  await expect(upload(planned, {}, context)).rejects.toMatchObject({code: 'not-set-up'})
})

test(
  'a file in progress is running, one that always fails is dead, and a wait that is too long exits with 124',
  {timeout: 60_000},
  async () => {
    const context = await startLocalPipeline({minimumBackoff: '0s', maximumBackoff: '0s'})
    await setup({workerFolder: await workerFolder('processor.js', OBEDIENT)}, context)
    const {folder} = context
    const send = async (object: string, content: string) => {
      await writeFile(join(folder, object), content)
      return (await upload(await planUpload({sources: [object], cwd: folder}), {}, context)).uploaded
    }
    const seen: string[] = []
    const {files, exitCode} = await waitForResults(
      await send('crash.txt', 'crash'),
      {timeoutMs: 60_000, changed: ({state}) => seen.push(state)},
      context,
    )
    expect(exitCode).toBe(3)
    const lastError = {message: 'as it was told', place: expect.stringMatching(/^processor\.[jt]s:\d+:\d+$/)}
    expect(files).toMatchObject([{object: 'crash.txt', state: 'dead', attempts: 5, lastError}])
    expect(seen.at(-1)).toBe('dead')

    const late = await waitForResults(await send('hang.txt', 'hang'), {timeoutMs: 100}, context)
    expect(late).toMatchObject({exitCode: 124, files: [{object: 'hang.txt', state: 'waiting'}]})
    const stateOf = async (object: string) =>
      (await status({objects: [object], limit: 1}, context)).files[0]?.state
    // Pub/Sub's push backoff after the five refusals holds this file up too.
    await expect.poll(() => stateOf('hang.txt'), {timeout: 25_000, interval: 300}).toBe('running')

    const told = await status({objects: [], limit: 10}, context)
    expect(told.counts).toEqual({waiting: 0, running: 1, done: 0, failed: 0, dead: 1, ignored: 0})
    await expect(results({object: 'hang.txt'}, context)).rejects.toMatchObject({
      code: 'result-missing',
      message: expect.stringContaining('is being processed (attempt 1)'),
    })
    await expect(status({objects: ['hang.txt', 'nowhere.txt'], limit: 10}, context)).rejects.toMatchObject({
      code: 'object-unknown',
      message: expect.stringContaining('No object nowhere.txt'),
    })
  },
)

test('a folder of many files is waited for as a whole', async () => {
  const context = await startLocalPipeline()
  await setup({workerFolder: await workerFolder('processor.js', capitals(''))}, context)
  const folder = join(context.folder, 'many')
  await mkdir(folder)
  for (let n = 0; n < 25; n++) await writeFile(join(folder, `${n}.txt`), `file ${n}`)
  const {uploaded} = await upload(await planUpload({sources: ['many'], cwd: context.folder}), {}, context)
  const {files, exitCode} = await waitForResults(uploaded, {timeoutMs: 25_000}, context)
  expect(exitCode).toBe(0)
  expect(files).toHaveLength(25)
  expect(new Set(files.map(({state}) => state))).toEqual(new Set(['done']))
  expect((await status({objects: [], limit: 5}, context)).counts.done).toBe(25)
})

test('a file that vanished after it was planned does not stop the others', async () => {
  const context = await startLocalPipeline()
  const {cloud, pipeline, signal, step, folder} = context
  await cloud.infrastructure.apply(pipeline, {image: undefined, signal, step})
  await writeFile(join(folder, 'a.csv'), 'a')
  await writeFile(join(folder, 'b.csv'), 'b')
  const planned = await planUpload({sources: ['a.csv', 'b.csv'], cwd: folder})
  const gone = planned.map((file) =>
    file.object === 'a.csv' ? {...file, source: {file: join(folder, 'gone.csv'), sizeBytes: 1}} : file,
  )
  const {uploaded, failed} = await upload(gone, {}, context)
  expect(uploaded.map(({object}) => object)).toEqual(['b.csv'])
  expect(failed).toMatchObject([{object: 'a.csv', error: {message: expect.stringContaining('gone.csv')}}])
})

test('the tail returns new lines, each once, and ends at the signal', async () => {
  const context = await startLocalPipeline()
  await setup({workerFolder: await workerFolder('processor.js', capitals(''))}, context)
  const stop = new AbortController()
  const lines: string[] = []
  const following = (async () => {
    for await (const line of logs({tail: true, object: 'a.csv'}, {...context, signal: stop.signal})) {
      lines.push(line.message)
      if (line.message === 'done') stop.abort()
    }
  })()
  await writeFile(join(context.folder, 'a.csv'), 'a')
  await upload(await planUpload({sources: ['a.csv'], cwd: context.folder}), {}, context)
  await following
  expect(lines).toEqual(['processing', 'done'])
})

function hash(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}
