import type {IncomingMessage, ServerResponse} from 'node:http'
import {text} from 'node:stream/consumers'
import {afterEach, expect, it, onTestFinished, vi} from 'vitest'
import type {Processor} from '../../../worker/processor.ts'
import {parseDelivery} from '../../../worker/runtime/envelope.ts'
import type {Patience} from '../../../worker/runtime/storage/index.ts'
import {startServer} from '../../support/answering-server.ts'
import {parseObject} from '../../support/cli.ts'
import {letters} from '../../support/letters.ts'
import {startWorker} from '../../support/running-worker.ts'

const JOB = 'projects/p-test/locations/europe-west3/jobs/worker-job'
const MARK = '_cloud-runner/long.txt/job.json'

const copy: Processor = {
  name: 'copy',
  async process(input, output) {
    for await (const chunk of await input.open()) await output.write(chunk)
  },
}

afterEach(() => {
  vi.useRealTimers()
})

/** Takes the place of the Admin API's `jobs.run`: keeps what it was asked, and answers 503 as often as it is told. */
async function startRunApi() {
  const asked: Record<string, unknown>[] = []
  const state = {failures: 0}
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = parseObject(await text(request))
    if (state.failures > 0) {
      state.failures -= 1
      response.writeHead(503).end(JSON.stringify({error: {message: 'quota of "jobs" is used up'}}))
      return
    }
    asked.push({...body, path: `${request.method} ${request.url}`})
    const name = `${JOB}/executions/worker-job-${asked.length}`
    response.end(JSON.stringify({name: 'operations/1', metadata: {name}}))
  }
  return {asked, state, origin: await startServer((request, response) => void answer(request, response))}
}

const environmentOf = (origin: string) => ({CLOUD_RUNNER_ENDPOINT: origin, JOB, JOB_THRESHOLD: '1Ki'})

async function startWithJob(processor = copy, more: Record<string, string> = {}, patience?: Patience) {
  const api = await startRunApi()
  const worker = await startWorker(processor, {...environmentOf(api.origin), ...more}, undefined, patience)
  onTestFinished(() => worker[Symbol.asyncDispose]())
  return {api, worker}
}

it('hands a long file over once, however often and however close together it is delivered', async () => {
  const {api, worker} = await startWithJob()
  const generation = await worker.upload('long.txt', 'x'.repeat(1024))
  const statuses = await Promise.all([1, 2, 3].map(() => worker.deliver('long.txt', generation)))
  expect(statuses).toEqual([204, 204, 204])
  expect(await worker.deliver('long.txt', generation, {attempt: 2})).toBe(204)
  expect(api.asked).toHaveLength(1)
  expect(await worker.metadataOf(worker.output(MARK))).toMatchObject({
    'source-generation': generation,
    execution: 'worker-job-1',
  })
  expect(await worker.text(worker.output('long.txt'))).toBeUndefined()
  expect(worker.outcomes()).toContain('handed-over')

  const [request] = api.asked
  expect(request).toMatchObject({path: `POST /v2/${JOB}:run`})
  const told = /"value":"((?:[^"\\]|\\.)*)"/.exec(JSON.stringify(request))?.[1] ?? ''
  expect(parseDelivery(String(JSON.parse(`"${told}"`)))).toMatchObject({
    attempt: 1,
    event: {object: 'long.txt', generation},
  })
})

it('starts several tasks for a file and a process that can use them', async () => {
  const {api, worker} = await startWithJob(letters, {JOB_TASKS: '4'})
  for (const [name, content] of [
    ['long.txt', 'x'.repeat(1024)],
    ['other.txt', `{${'x'.repeat(1024)}`],
  ] as const)
    await worker.deliver(name, await worker.upload(name, content))
  expect(api.asked).toMatchObject([{overrides: {taskCount: 4}}, {overrides: {containerOverrides: [{}]}}])
  expect(api.asked[1]).not.toHaveProperty('overrides.taskCount')

  const alone = await startWithJob(copy, {JOB_TASKS: '4'})
  await alone.worker.deliver('long.txt', await alone.worker.upload('long.txt', 'x'.repeat(1024)))
  expect(alone.api.asked[0]).not.toHaveProperty('overrides.taskCount')
})

it('starts another execution for a request to do it again, and for a newer upload; a short file stays', async () => {
  const {api, worker} = await startWithJob()
  const first = await worker.upload('long.txt', 'x'.repeat(2000))
  await worker.deliver('long.txt', first)
  await worker.deliver('long.txt', first, {reprocessId: 'again'})
  await worker.deliver('long.txt', first, {reprocessId: 'again'})
  const second = await worker.upload('long.txt', 'y'.repeat(2000))
  await worker.deliver('long.txt', second)
  expect(api.asked).toHaveLength(3)

  const short = await worker.upload('short.txt', 'x'.repeat(1023))
  await worker.deliver('short.txt', short)
  expect(await worker.text(worker.output('short.txt'))).toHaveLength(1023)
  expect(api.asked).toHaveLength(3)
})

it('refuses where the execution cannot be started, says why, and leaves no claim behind', async () => {
  const {api, worker} = await startWithJob()
  const generation = await worker.upload('long.txt', 'x'.repeat(1024))
  api.state.failures = 1
  expect(await worker.deliver('long.txt', generation)).toBe(503)
  expect(worker.lines.at(-1)).toMatchObject({
    outcome: 'refused',
    message: expect.stringContaining('HTTP 503): quota of "jobs" is used up'),
  })
  expect(await worker.text(worker.output(MARK))).toBeUndefined()
  expect(await worker.deliver('long.txt', generation, {attempt: 2})).toBe(204)
  expect(api.asked).toHaveLength(1)
})

it('knows its own claim and its own mark again where the answers were lost', async () => {
  const {api, worker} = await startWithJob(copy, {}, {mostRetries: 1, wait: async () => undefined})
  const generation = await worker.upload('long.txt', 'x'.repeat(1024))
  let writes = 0
  worker.proxy.losesAnswer = (method) => method === 'POST' && ++writes % 2 === 1
  expect(await worker.deliver('long.txt', generation)).toBe(204)
  expect(writes).toBe(4)
  expect(api.asked).toHaveLength(1)
  expect(await worker.metadataOf(worker.output(MARK))).toMatchObject({execution: 'worker-job-1'})
})

it('refuses while another worker starts the execution', async () => {
  const {api, worker} = await startWithJob()
  const generation = await worker.upload('long.txt', 'x'.repeat(1024))
  await worker.put(worker.output(MARK), '{}', {'source-generation': generation})
  expect(await worker.deliver('long.txt', generation)).toBe(503)
  expect(worker.lines.at(-1)).toMatchObject({message: expect.stringContaining('another delivery')})
  expect(api.asked).toHaveLength(0)
})

it('takes over a claim older than a minute and starts the execution', async () => {
  const {api, worker} = await startWithJob()
  const generation = await worker.upload('long.txt', 'x'.repeat(1024))
  await worker.put(worker.output(MARK), '{}', {'source-generation': generation})
  vi.useFakeTimers({toFake: ['Date'], now: Date.now() + 10_000})
  expect(await worker.deliver('long.txt', generation)).toBe(503)
  vi.setSystemTime(Date.now() + 51_000)
  expect(await worker.deliver('long.txt', generation, {attempt: 2})).toBe(204)
  expect(api.asked).toHaveLength(1)
  expect(await worker.metadataOf(worker.output(MARK))).toMatchObject({
    'source-generation': generation,
    execution: 'worker-job-1',
  })
})

it('of two that take over the same old claim, one starts an execution', async () => {
  const {api, worker} = await startWithJob()
  const second = await startWorker(copy, environmentOf(api.origin), worker)
  onTestFinished(() => second[Symbol.asyncDispose]())
  const generation = await worker.upload('long.txt', 'x'.repeat(1024))
  await worker.put(worker.output(MARK), '{}', {'source-generation': generation})
  vi.useFakeTimers({toFake: ['Date'], now: Date.now() + 61_000})
  const statuses = await Promise.all([worker, second].map((each) => each.deliver('long.txt', generation)))
  expect(api.asked).toHaveLength(1)
  expect(statuses).toContain(204)
})

it('hands over at once a file that would take as long as an abandoned one', async () => {
  const MEBIBYTE = 'x'.repeat(1024 * 1024)
  const begun: string[] = []
  const {promise: isStuck, resolve: stick} = Promise.withResolvers<void>()
  const stuck: Processor = {
    name: 'stuck',
    async process({object, sizeBytes}, output, {signal}) {
      begun.push(object)
      if (sizeBytes < MEBIBYTE.length) return output.write('short')
      stick()
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    },
  }
  // The deadline passes when the test says so, however busy the machine is.
  vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout', 'performance']})
  const {api, worker} = await startWithJob(stuck, {JOB_THRESHOLD: '1Gi', DEADLINE_SECONDS: '100'})
  const deliver = async (object: string, content: string) =>
    worker.deliver(object, await worker.upload(object, content))
  const first = deliver('first.txt', MEBIBYTE)
  await isStuck
  await vi.advanceTimersByTimeAsync(100_000)
  expect(await first).toBe(204)
  expect(await deliver('second.txt', MEBIBYTE)).toBe(204)
  expect(await deliver('short.txt', 'x')).toBe(204)
  expect(begun).toEqual(['first.txt', 'short.txt'])
  expect(api.asked).toHaveLength(2)
  const reasonOf = async (object: string) =>
    parseObject((await worker.text(worker.output(`_cloud-runner/${object}/job.json`))) ?? '{}')['reason']
  expect([await reasonOf('first.txt'), await reasonOf('second.txt')]).toEqual(['deadline', 'prediction'])
})
