import {Readable} from 'node:stream'
import {buffer} from 'node:stream/consumers'
import {fileURLToPath} from 'node:url'
import {afterEach, expect, it, vi} from 'vitest'
import {logisticRegression} from '../../../worker/logistic-regression/index.ts'
import type {InputFile, Processor} from '../../../worker/processor.ts'
import {createLog} from '../../../worker/runtime/log.ts'
import {openInput} from '../../../worker/runtime/input.ts'
import {createPace} from '../../../worker/runtime/pace.ts'
import {readSettings} from '../../../worker/runtime/settings.ts'
import {openStorage} from '../../../worker/runtime/storage/index.ts'
import {runTask} from '../../../worker/runtime/task.ts'
import {fieldsOf} from '../../../src/core/json.ts'
import {letters} from '../../support/letters.ts'
import {randomFrom} from '../../support/random.ts'
import {startFaultyProxy} from '../../support/faulty-proxy.ts'
import {startBuckets} from '../../support/worker-buckets.ts'
import {startWorkerProcess} from '../../support/worker-process.ts'

const EXECUTION = 'worker-job-abc12'
const OBJECT = 'long.csv'
const LETTERS = fileURLToPath(new URL('../../fixtures/workers/letters.ts', import.meta.url))

afterEach(() => {
  vi.useRealTimers()
})

/** An execution of several tasks on real buckets: in this process, or each in one of its own. */
async function startExecution(content: string, count: number, processor: Processor = letters) {
  const buckets = await startBuckets()
  const generation = await buckets.upload(OBJECT, content)
  const lines: Record<string, unknown>[] = []
  const published = new Date().toISOString()
  const environmentOf = (index: number, more: Record<string, string> = {}) => ({
    INPUT_BUCKET: 'input',
    OUTPUT_BUCKET: 'output',
    STORAGE_EMULATOR_HOST: buckets.proxy.origin,
    CLOUD_RUN_JOB: 'worker-job',
    CLOUD_RUN_EXECUTION: EXECUTION,
    CLOUD_RUN_TASK_INDEX: String(index),
    CLOUD_RUN_TASK_COUNT: String(count),
    DELIVERY: JSON.stringify({
      messageId: '1',
      publishTime: published,
      attempt: 1,
      event: {eventType: 'OBJECT_FINALIZE', bucket: 'input', object: OBJECT, generation},
    }),
    ...more,
  })
  const names = async () => (await buckets.output(OBJECT).bucket.getFiles())[0].map(({name}) => name)
  return {
    ...buckets,
    generation,
    lines,
    names,
    spawn: (index: number, more?: Record<string, string>) =>
      startWorkerProcess(LETTERS, environmentOf(index, more)),
    run: (index: number, more: Record<string, string> = {}, ownProcessor: Processor = processor) => {
      const environment = environmentOf(index, more)
      return runTask(
        {
          processor: ownProcessor,
          settings: readSettings(environment),
          environment,
          log: createLog((line) => lines.push(JSON.parse(line))),
          pace: createPace(),
          watch: (_, work) => work(),
          storage: openStorage(environment, {mostRetries: 0}),
        },
        new AbortController().signal,
      )
    },
    outcomes: () => lines.flatMap(({outcome}) => outcome ?? []),
    result: () => buckets.text(buckets.output(OBJECT)),
    sidecar: async (name: string): Promise<Record<string, unknown>> =>
      JSON.parse((await buckets.text(buckets.output(`_cloud-runner/${OBJECT}/${name}`))) ?? '{}'),
    parts: async () => (await names()).filter((name) => name.includes('/parts/')),
  }
}

const TEXT = 'abcdefghijklmnopqrstuvwxyz'
const CAPITALS = TEXT.toUpperCase()
const isOf = (kind: 'in' | 'part', url: URL, part: number) =>
  new RegExp(`/parts/[0-9a-f]{64}/${EXECUTION}/0000${part}-[0-9a-f]{64}\\.${kind}`).test(
    decodeURIComponent(url.href),
  )
const isPart = (url: URL, part: number) => isOf('part', url, part)

it('three tasks write one result, whoever starts first, and leave nothing else', async () => {
  const execution = await startExecution(TEXT, 3)
  const {bucket} = execution.output(OBJECT)
  await bucket.setMetadata({versioning: {enabled: true}})
  expect(await Promise.all([2, 1, 0].map((index) => execution.run(index)))).toEqual([0, 0, 0])
  expect(await execution.result()).toBe(CAPITALS)
  expect(await execution.sidecar('report.json')).toMatchObject({lengths: [9, 9, 8]})
  expect(await execution.metadataOf(execution.output(OBJECT))).toMatchObject({
    'source-generation': execution.generation,
    execution: EXECUTION,
  })
  const [versions] = await bucket.getFiles({versions: true})
  const ofParts = versions.filter((one) => one.name.includes('/parts/'))
  expect(ofParts).toEqual([])
  expect(await execution.names()).toEqual([`_cloud-runner/${OBJECT}/report.json`, OBJECT])
  expect(execution.outcomes()).toEqual(['done'])
  const byTask = Map.groupBy(
    execution.lines,
    (line) => fieldsOf(line['logging.googleapis.com/labels'])['task'],
  )
  expect(new Set(byTask.keys())).toEqual(new Set(['2', '3', undefined]))
  expect(byTask.get(undefined)?.map(({message}) => message)).toContain('done')
})

it('the first task writes the parts of those that never start', async () => {
  const execution = await startExecution(TEXT, 5)
  expect(await execution.run(0)).toBe(0)
  expect(await execution.result()).toBe(CAPITALS)
  expect(await execution.parts()).toEqual([])
})

it('more parts than one request puts together are joined in several', async () => {
  const text = TEXT.repeat(3).slice(0, 70)
  const execution = await startExecution(text, 35)
  expect(await execution.run(0)).toBe(0)
  expect(await execution.result()).toBe(text.toUpperCase())
  expect(execution.proxy.requests.filter((request) => request.endsWith('/compose'))).toHaveLength(3)
  expect(await execution.parts()).toEqual([])
})

/** A task of its own process that is killed when it makes the request; resolves once it has ended. */
async function killedAt(
  execution: Awaited<ReturnType<typeof startExecution>>,
  index: number,
  isDue: (method: string, url: URL) => boolean,
): Promise<void> {
  const proxy = await startFaultyProxy(execution.proxy.origin)
  await using task = execution.spawn(index, {STORAGE_EMULATOR_HOST: proxy.origin})
  const {promise: due, resolve} = Promise.withResolvers<void>()
  proxy.fails = (method, url) => {
    if (!isDue(method, url)) return false
    resolve()
    return task.exited.then(() => true)
  }
  await Promise.race([due, task.exited])
  task.kill('SIGKILL')
  expect(await task.exited).toBeNull()
}

it('a task that is killed while it writes its part is retried, and does it', async () => {
  const execution = await startExecution(TEXT, 2)
  const {promise: killed, resolve: resume} = Promise.withResolvers<boolean>()
  execution.proxy.fails = (method, url) => method === 'POST' && isPart(url, 0) && killed
  const first = execution.run(0)
  await killedAt(execution, 1, (method, url) => method === 'POST' && isPart(url, 1))
  resume(false)
  expect(await execution.run(1, {CLOUD_RUN_TASK_ATTEMPT: '1'})).toBe(0)
  expect(await first).toBe(0)
  expect(await execution.result()).toBe(CAPITALS)
  expect(await execution.parts()).toEqual([])
})

it.each([
  ['before it shares the result', (_: string, url: URL) => isOf('in', url, 1)],
  ['while it writes its part', (method: string, url: URL) => method === 'POST' && isPart(url, 0)],
  ['before it puts the parts together', (_: string, url: URL) => url.pathname.endsWith('/compose')],
])('the first task that is killed %s is retried, and the others wait', async (_, isDue) => {
  const execution = await startExecution(TEXT, 2)
  const other = execution.run(1)
  await killedAt(execution, 0, isDue)
  expect(await execution.result()).toBeUndefined()
  expect(await execution.run(0, {CLOUD_RUN_TASK_ATTEMPT: '1'})).toBe(0)
  expect(await other).toBe(0)
  expect(await execution.result()).toBe(CAPITALS)
  expect(await execution.metadataOf(execution.output(OBJECT))).toMatchObject({attempt: '2'})
  expect(await execution.parts()).toEqual([])
})

it('a result whose answer was lost is known again by the next attempt', async () => {
  const execution = await startExecution(TEXT, 2)
  execution.proxy.losesAnswer = (_, url) => url.pathname.endsWith('/compose')
  expect(await execution.run(0)).toBe(1)
  expect(await execution.result()).toBe(CAPITALS)
  execution.proxy.losesAnswer = () => false
  expect(await execution.run(0, {CLOUD_RUN_TASK_ATTEMPT: '1'})).toBe(0)
  expect(execution.outcomes()).toEqual(['refused', 'duplicate'])
  expect(await execution.parts()).toEqual([])
})

it('a part that is written after the end does not stay', async () => {
  const execution = await startExecution(TEXT, 2)
  const proxy = await startFaultyProxy(execution.proxy.origin)
  const first = execution.run(0)
  proxy.fails = (method, url) => method === 'POST' && isPart(url, 1) && first.then(() => false)
  expect(await execution.run(1, {STORAGE_EMULATOR_HOST: proxy.origin})).toBe(0)
  expect(await execution.result()).toBe(CAPITALS)
  expect(await execution.parts()).toEqual([])
})

it('a file that cannot be processed fails with the reason, and the other tasks end', async () => {
  const execution = await startExecution('hello!', 3)
  expect(await Promise.all([0, 1, 2].map((index) => execution.run(index)))).toEqual([0, 0, 0])
  expect(await execution.sidecar('error.json')).toMatchObject({code: 'loud', line: 1})
  expect(execution.outcomes()).toEqual(['failed'])
  expect(await execution.parts()).toEqual([])
})

it('tasks of a file that is cancelled end, and leave nothing', async () => {
  const execution = await startExecution(TEXT, 3)
  let isHeld = true
  const {promise: held, resolve: release} = Promise.withResolvers<boolean>()
  execution.proxy.fails = async (method, url) => {
    if (!isHeld || method !== 'POST' || !isPart(url, 0)) return false
    isHeld = false
    await execution.put(execution.output(`_cloud-runner/${OBJECT}/error.json`), '{}', {
      'source-generation': execution.generation,
      cancelled: 'true',
    })
    return held
  }
  const codes = await Promise.all([execution.run(0), execution.run(2)])
  release(true)
  expect(codes).toEqual([0, 0])
  expect(execution.outcomes()).toEqual(['cancelled'])
  expect(await execution.result()).toBeUndefined()
  expect(await execution.parts()).toEqual([])
})

it('a task gives up once the first one shows no sign of life, and has nothing to do after the end', async () => {
  const execution = await startExecution(TEXT, 2)
  vi.useFakeTimers({toFake: ['Date']})
  execution.proxy.fails = () => {
    vi.setSystemTime(Date.now() + 61_000)
    return false
  }
  expect(await execution.run(1)).toBe(0)
  expect(execution.lines.at(-1)).toMatchObject({message: 'task 2 has no part to write'})
  vi.useRealTimers()
  execution.proxy.fails = () => false
  expect(await execution.run(0)).toBe(0)
  expect(await execution.run(1)).toBe(0)
  expect(await execution.names()).toEqual([`_cloud-runner/${OBJECT}/report.json`, OBJECT])
})

it('a process without parts is run by one task', async () => {
  const {parts: _, ...alone} = letters
  const execution = await startExecution(TEXT, 2, alone)
  expect(await execution.run(1)).toBe(0)
  expect(execution.proxy.requests).toEqual([])
  expect(await execution.run(0)).toBe(0)
  expect(await execution.result()).toBe(CAPITALS)
})

/** The same process, to which a file's bytes arrive in chunks of another size, as networks deliver them. */
function inChunks(processor: Processor, size: number): Processor {
  const rechunked = (input: InputFile): InputFile => ({
    ...input,
    async open(range) {
      const bytes = await buffer(await input.open(range))
      const starts = Array.from({length: Math.ceil(bytes.length / size)}, (_, chunk) => chunk * size)
      return Readable.from(
        starts.map((start) => bytes.subarray(start, start + size)),
        {objectMode: false},
      )
    },
  })
  return {
    ...processor,
    process: (input, output, context) => processor.process(rechunked(input), output, context),
  }
}

it('a retry that cuts the file elsewhere writes its own parts', {timeout: 60_000}, async () => {
  const rows = Array.from({length: 20_000}, (_, i) => `r${i},${(i * 7919) % 1000},${i % 3 ? 'a' : 'b'}\n`)
  const execution = await startExecution(`id,x,y\n${rows.join('')}`, 3)
  execution.proxy.fails = (method, url) => method === 'POST' && isPart(url, 1)
  expect(await execution.run(0, {}, inChunks(logisticRegression, 65_536))).toBe(1)
  expect(await execution.parts()).toContainEqual(expect.stringMatching(/00002-.*\.part$/))
  execution.proxy.fails = () => false
  const retry = {CLOUD_RUN_TASK_ATTEMPT: '1'}
  expect(await execution.run(0, retry, inChunks(logisticRegression, 50_000))).toBe(0)
  const [, ...lines] = ((await execution.result()) ?? '').trimEnd().split('\n')
  expect(lines.map((line) => line.split(',')[0])).toEqual(rows.map((_, i) => `r${i}`))
  expect(await execution.parts()).toEqual([])
})

it('a retry that finds another model scores all rows with that', async () => {
  const written = (found: string): Processor => ({
    ...letters,
    process: async (_, __, {tasks}) => {
      await tasks?.share([0, 1].map((part) => Buffer.from(JSON.stringify({model: found, part}))))
    },
    parts: {
      suit: async () => true,
      async write(part, _, output) {
        const {model}: {model: string} = JSON.parse(part.toString())
        await output.write(model)
        return Buffer.from('')
      },
    },
  })
  const execution = await startExecution(TEXT, 2)
  execution.proxy.fails = (method, url) => method === 'POST' && isPart(url, 1)
  expect(await execution.run(0, {}, written('old'))).toBe(1)
  execution.proxy.fails = () => false
  expect(await execution.run(0, {CLOUD_RUN_TASK_ATTEMPT: '1'}, written('new'))).toBe(0)
  expect(await execution.result()).toBe('newnew')
})

const isRead = (method: string, url: URL) =>
  method === 'GET' && url.pathname.includes('/b/input/') && url.searchParams.get('alt') === 'media'

it.each([
  ['the file', isRead],
  ['what it has to know', (method: string, url: URL) => method === 'GET' && isOf('in', url, 1)],
])('a task that receives other bytes of %s fails, and its part stays unwritten', async (_, corrupts) => {
  const execution = await startExecution(TEXT, 2)
  const {promise: ended, resolve: resume} = Promise.withResolvers<boolean>()
  execution.proxy.fails = (method, url) => method === 'POST' && isPart(url, 0) && ended
  const first = execution.run(0)
  const proxy = await startFaultyProxy(execution.proxy.origin)
  proxy.corrupts = corrupts
  expect(await execution.run(1, {STORAGE_EMULATOR_HOST: proxy.origin})).toBe(1)
  expect(await execution.parts()).not.toContainEqual(expect.stringMatching(/00001-.*\.part$/))
  resume(false)
  expect(await first).toBe(0)
  expect(await execution.result()).toBe(CAPITALS)
})

it('a first task that receives other bytes of an answer fails, and its retry does not', async () => {
  const execution = await startExecution(TEXT, 2)
  execution.proxy.corrupts = (method, url) =>
    method === 'GET' && url.searchParams.get('alt') === 'media' && url.href.includes('.out')
  expect(await execution.run(0)).toBe(1)
  expect(await execution.result()).toBeUndefined()
  execution.proxy.corrupts = () => false
  expect(await execution.run(0, {CLOUD_RUN_TASK_ATTEMPT: '1'})).toBe(0)
  expect(await execution.sidecar('report.json')).toMatchObject({lengths: [13, 13]})
})

it.each([0, 5_000_000, 8 * 1024 * 1024])('a range from byte %i on is verified', async (start) => {
  const content = Buffer.alloc(17 * 1024 * 1024, TEXT)
  const {upload, proxy} = await startBuckets()
  const name = {bucket: 'input', object: OBJECT, generation: await upload(OBJECT, content)}
  const storage = openStorage({STORAGE_EMULATOR_HOST: proxy.origin}, {mostRetries: 0})
  const metadata = await storage.find(name)
  if (metadata === undefined) throw new Error('The object is missing.')
  const {signal} = new AbortController()
  const checksums = await openInput(storage, name, metadata, signal).noteChecksums()()
  const {file} = openInput(storage, name, metadata, signal, {known: checksums})
  const range = {start, end: start + 6_000_000}
  expect((await buffer(await file.open(range))).equals(content.subarray(start, range.end))).toBe(true)
  proxy.corrupts = isRead
  await expect(buffer(await file.open(range))).rejects.toThrow('do not match its checksum')
})

it('what another execution left is removed once it has written nothing for an hour', async () => {
  const execution = await startExecution(TEXT, 2)
  execution.proxy.fails = (_, url) => url.pathname.endsWith('/compose')
  expect(await execution.run(0, {CLOUD_RUN_EXECUTION: 'worker-job-other'})).toBe(1)
  const left = await execution.parts()
  expect(left).toHaveLength(7)
  execution.proxy.fails = () => false
  expect(await execution.run(0)).toBe(0)
  expect(await execution.parts()).toEqual(left)
  vi.useFakeTimers({toFake: ['Date']})
  vi.setSystemTime(Date.now() + 3_601_000)
  expect(await execution.run(0)).toBe(0)
  expect(await execution.parts()).toEqual([])
})

it('a plan that is being written when the attempt ends does not stay', async () => {
  const execution = await startExecution('hello!', 2)
  const {promise: failed, resolve: resume} = Promise.withResolvers<boolean>()
  // By then, an attempt that does not wait for its plan has removed the others.
  const release = async (): Promise<void> => {
    for (let requests = 0; requests < 20; requests++) await execution.names()
    resume(false)
    for (let requests = 0; requests < 5; requests++) await execution.names()
  }
  let later: Promise<void> | undefined
  execution.proxy.fails = (method, url) => {
    if (method !== 'POST') return false
    const name = url.searchParams.get('name') ?? ''
    if (name.endsWith('/error.json')) later = release()
    return name.endsWith('/plan') && failed
  }
  expect(await execution.run(0)).toBe(0)
  expect(execution.outcomes()).toEqual(['failed'])
  await later
  expect(await execution.parts()).toEqual([])
})

it('sidecars of files below a folder of the name stay', async () => {
  const execution = await startExecution(TEXT, 2)
  const sidecar = `_cloud-runner/${OBJECT}/parts/other.csv/report.json`
  await execution.put(execution.output(sidecar), '{}', {'source-generation': '1'})
  expect(await execution.run(0)).toBe(0)
  expect(await execution.names()).toContain(sidecar)
})

/** Rows with quoted line breaks, odd line ends and repeated headers; a fifth has no label. */
function csvOf(rows: number): string {
  const {uniform, normal} = randomFrom(9)
  const digits = Array.from({length: 28}, (_, i) => `d${i}`)
  const header = `x,"note",z,${digits.join(',')},y\r\n`
  const lines = Array.from({length: rows}, (_, i) => {
    const [x, z] = [normal(), normal()]
    const y = uniform() < 1 / (1 + Math.exp(z - 2 * x)) ? 'yes' : 'no'
    const note = ['red', '"blue\n,or green"', '', '"a ""b"""'][i % 4] ?? ''
    const end = i % 97 === 0 ? '\n\n' : i % 31 === 0 ? '\n' : '\r\n'
    const more = digits.map((__, digit) => (i * digit) % 7).join(',')
    const label = uniform() < 0.8 ? y : ''
    return `${i % 1500 === 1499 ? header : ''}${x.toFixed(4)},${note},${z.toFixed(3)},${more},${label}${end}`
  })
  return `\ufeff# an export\n${header}${lines.join('')}(${rows} rows)\n`
}

it.each([
  ['all rows', {}],
  ['a sample of them', {MEMORY_LIMIT: '160.5Mi'}],
])('ten tasks predict a file as one does, with memory for %s', {timeout: 60_000}, async (_, memory) => {
  const content = csvOf(6000)
  const alone = await startExecution(content, 1, logisticRegression)
  expect(await alone.run(0, memory)).toBe(0)
  const together = await startExecution(content, 10, logisticRegression)
  const codes = Array.from({length: 10}, (__, index) => together.run(index, memory))
  expect(await Promise.all(codes)).toEqual(codes.map(() => 0))
  expect(together.lines.map(({message}) => message)).toContain('Writing the result in 10 parts')
  expect((await together.result()) === (await alone.result())).toBe(true)
  const reports = [await together.sidecar('report.json'), await alone.sidecar('report.json')]
  const [report, expected] = reports.map(({generation: __, run: ___, timings: ____, ...rest}) => rest)
  expect(report).toEqual(expected)
  expect(await together.names()).toEqual(await alone.names())
})
