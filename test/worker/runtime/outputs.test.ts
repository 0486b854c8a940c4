import {join} from 'node:path'
import {describe, expect, it, onTestFinished, vi} from 'vitest'
import {sidecarObject} from '../../../worker/contract.ts'
import {PermanentError, type Processor} from '../../../worker/processor.ts'
import {startFaultyProxy} from '../../support/faulty-proxy.ts'
import {startWorker} from '../../support/running-worker.ts'
import {startTemplate} from '../../support/template-worker.ts'
import {missing} from '../../support/tool.ts'
import {startBuckets} from '../../support/worker-buckets.ts'

/** Writes the files that the input names, one in each line: a name, a space, its content. */
const filing: Processor = {
  name: 'filing',
  async process(input, output) {
    let text = ''
    for await (const part of (await input.open()).setEncoding('utf8')) text += String(part)
    if (text.startsWith('bad')) throw new PermanentError('It is bad.', {code: 'bad'})
    if (text.startsWith('one ')) return output.write(text.slice(4))
    for (const line of text.split('\n')) {
      const [name = '', content = ''] = line.split(' ')
      // JavaScript has no types to require it.
      const untyped: {file(name: string, options?: {contentType: string}): unknown} = output
      if (content === 'untyped') untyped.file(name)
      const contentType = name.endsWith('.json') ? 'application/json' : 'text/plain'
      await output.file(name, {contentType}).write(content)
    }
    return undefined
  },
}

const LIST = sidecarObject('invoice.pdf', 'outputs.json')
const isWriteOf = (name: string) => (method: string, url: URL) =>
  method === 'POST' && url.searchParams.get('name') === name

const NO_PYTHON = missing('python3')
const PYTHON = join(import.meta.dirname, '../../fixtures/workers/filing.py')

/** The same worker in both languages. */
const RUNTIMES = [
  {language: 'TypeScript', open: () => startWorker(filing)},
  ...(NO_PYTHON === undefined
    ? [
        {
          language: 'Python',
          open: async () => {
            const running = await startTemplate({file: PYTHON, program: 'python3'})
            return {...running, lines: running.worker.lines}
          },
        },
      ]
    : []),
]

const startOwn = async (processor: Processor, buckets?: Awaited<ReturnType<typeof startBuckets>>) =>
  driven(await startWorker(processor, {}, buckets))

function driven(worker: Awaited<ReturnType<(typeof RUNTIMES)[number]['open']>>) {
  /** Uploads `invoice.pdf` and delivers it. */
  const send = async (content: string) => {
    const generation = await worker.upload('invoice.pdf', content)
    return {generation, status: await worker.deliver('invoice.pdf', generation)}
  }
  /** Names in the output bucket. */
  const names = async () => {
    const [files] = await worker.output('x').bucket.getFiles()
    return files.map(({name}) => name)
  }
  const list = async () => JSON.parse((await worker.text(worker.output(LIST))) ?? 'null')
  return {...worker, send, names, list}
}

describe.each(RUNTIMES)('several outputs of a worker in $language', ({open}) => {
  const start = async () => driven(await open())

  it('have names and types of their own; their list is the commit mark', async () => {
    await using worker = await start()
    const {generation, status} = await worker.send('invoice.json {}\ninvoice.txt hello')
    expect(status).toBe(204)
    expect(await worker.names()).toEqual([LIST, 'invoice.json', 'invoice.txt'])
    expect(await worker.text(worker.output('invoice.txt'))).toBe('hello')
    const [json] = await worker.output('invoice.json').getMetadata()
    expect(json.contentType).toBe('application/json')
    expect(json.metadata).toMatchObject({
      'source-object': 'invoice.pdf',
      'source-generation': generation,
      'source-size': '33',
    })
    const [{generation: text}] = await worker.output('invoice.txt').getMetadata()
    expect(await worker.list()).toEqual({
      object: 'invoice.pdf',
      generation,
      outputs: [
        {name: 'invoice.json', contentType: 'application/json', generation: json.generation, sizeBytes: 2},
        {name: 'invoice.txt', contentType: 'text/plain', generation: text, sizeBytes: 5},
      ],
    })
    const [mark] = await worker.output(LIST).getMetadata()
    expect(Number(mark.generation)).toBeGreaterThan(Math.max(Number(json.generation), Number(text)))
    expect(mark.metadata).toMatchObject({outputs: '2', 'outputs-size': '7'})
    expect(worker.lines.at(-1)).toMatchObject({outcome: 'done', outputs: 2, resultBytes: 7})

    expect(await worker.deliver('invoice.pdf', generation)).toBe(204)
    expect(worker.outcomes()).toEqual(['done', 'duplicate'])
    expect((await worker.output('invoice.json').getMetadata())[0].generation).toBe(json.generation)
  })

  it('that a newer generation does not write again are removed, and an older event changes nothing', async () => {
    await using worker = await start()
    const {generation: first} = await worker.send('invoice.json 1\ninvoice-1.txt a\ninvoice-2.txt b')
    await worker.send('invoice.json 2\ninvoice-1.txt a')
    expect(await worker.names()).toEqual([LIST, 'invoice-1.txt', 'invoice.json'])
    expect(await worker.text(worker.output('invoice.json'))).toBe('2')
    expect(await worker.deliver('invoice.pdf', first)).toBe(204)
    expect(worker.outcomes()).toEqual(['done', 'done', 'superseded'])
  })

  it('are written again on request, once', async () => {
    await using worker = await start()
    const {generation} = await worker.send('invoice.json 1')
    for (let times = 0; times < 2; times += 1)
      expect(await worker.deliver('invoice.pdf', generation, {reprocessId: 'r1'})).toBe(204)
    expect(worker.outcomes()).toEqual(['done', 'done', 'duplicate'])
  })

  it.each([
    ['the second one', 'invoice.txt'],
    ['their list', LIST],
  ])('that stop before %s are made good by the next run, under other names too', async (_, failing) => {
    await using worker = await start()
    let writes = 0
    const isIt = isWriteOf(failing)
    // The list is written twice: first as pending.
    worker.proxy.fails = (method, url) => isIt(method, url) && ++writes >= (failing === LIST ? 2 : 1)
    const {generation, status} = await worker.send('invoice.json 1\ninvoice.txt a')
    expect(status).toBe(503)
    expect(await worker.metadataOf(worker.output(LIST))).toMatchObject({pending: 'true'})
    worker.proxy.fails = () => false
    expect(await worker.deliver('invoice.pdf', generation, {attempt: 2})).toBe(204)
    expect(await worker.names()).toEqual([LIST, 'invoice.json', 'invoice.txt'])
    expect(await worker.metadataOf(worker.output(LIST))).not.toHaveProperty('pending')

    writes = 0
    worker.proxy.fails = isWriteOf('other.txt')
    await worker.send('other.json 1\nother.txt a')
    worker.proxy.fails = () => false
    expect((await worker.send('last.json 1')).status).toBe(204)
    expect(await worker.names()).toEqual([LIST, 'last.json'])
  })

  it('of an earlier run stay if a run stops and the file then turns out to be bad', async () => {
    await using worker = await start()
    await worker.send('f-1 a\nf-2 a\nf-3 a')
    worker.proxy.fails = isWriteOf('f-5')
    for (const content of ['f-4 b\nf-1 b\nf-5 b', 'f-6 c\nf-5 c']) {
      expect((await worker.send(content)).status).toBe(503)
      expect(await worker.metadataOf(worker.output(LIST))).toMatchObject({pending: 'true'})
    }
    worker.proxy.fails = () => false
    expect((await worker.send('bad')).status).toBe(204)
    const error = sidecarObject('invoice.pdf', 'error.json')
    expect(await worker.names()).toEqual([error, LIST, 'f-1', 'f-2', 'f-3'])
    expect(await worker.text(worker.output('f-3'))).toBe('a')
    expect((await worker.send('f-2 d')).status).toBe(204)
    expect(await worker.names()).toEqual([LIST, 'f-2'])
  })

  it('survive the loss of an answer', async () => {
    await using worker = await start()
    worker.proxy.losesAnswer = isWriteOf(LIST)
    const {generation, status} = await worker.send('invoice.json 1')
    // A worker that tries the request again finds its own success.
    expect([204, 503]).toContain(status)
    worker.proxy.losesAnswer = () => false
    expect(await worker.deliver('invoice.pdf', generation)).toBe(204)
    expect((await worker.list()).outputs).toHaveLength(1)
  })

  it.each([
    ['_cloud-runner/x', 'reserved'],
    ['folder/', 'ends in /'],
    ['a\0b', 'null character'],
    ['ä'.repeat(513), '1024 bytes'],
  ])('may not be named %j', async (name, reason) => {
    await using worker = await start()
    expect((await worker.send(`${name} 1`)).status).toBe(204)
    const error = sidecarObject('invoice.pdf', 'error.json')
    expect(JSON.parse((await worker.text(worker.output(error))) ?? '')).toMatchObject({
      code: 'output-name',
      message: expect.stringContaining(reason),
    })
  })

  it.each([
    ['a.txt untyped', 'output.file("a.txt") has no content type; for example: output.file("a.txt", '],
    ['a.txt 1\na.txt 2', 'output.file("a.txt") was called twice.'],
  ])('of a worker with an error in its code are not retried: %j', async (content, message) => {
    await using worker = await start()
    expect((await worker.send(content)).status).toBe(204)
    const error = sidecarObject('invoice.pdf', 'error.json')
    expect(await worker.names()).toEqual([error])
    expect(JSON.parse((await worker.text(worker.output(error))) ?? '')).toMatchObject({
      code: 'output-misused',
      message: expect.stringContaining(message),
    })
  })

  it('leave alone what is another file’s, or nobody’s', async () => {
    await using worker = await start()
    const deliver = async (object: string, content: string) =>
      worker.deliver(object, await worker.upload(object, content))
    expect((await worker.send('invoice.json 1')).status).toBe(204)
    expect(await deliver('other.pdf', 'other.txt a\ninvoice.json 2')).toBe(204)
    expect(await deliver('invoice.json', 'one theirs')).toBe(204)
    await worker.put(worker.output('mine.txt'), 'mine', {})
    expect(await deliver('b.pdf', 'mine.txt 1')).toBe(204)
    expect(worker.outcomes()).toEqual(['done', 'failed', 'failed', 'failed'])
    expect(await worker.text(worker.output('invoice.json'))).toBe('1')
    expect(await worker.text(worker.output('mine.txt'))).toBe('mine')
    expect(await worker.text(worker.output('other.txt'))).toBeUndefined()
    expect(worker.lines.map(({message}) => message).join()).toContain('is an output of invoice.pdf')
  })

  it('replace one result, and are replaced by one, when the worker changes', async () => {
    await using worker = await start()
    await worker.send('one 1')
    expect(await worker.names()).toEqual(['invoice.pdf'])
    await worker.send('invoice.json 2')
    expect(await worker.names()).toEqual([LIST, 'invoice.json'])
    await worker.send('invoice.pdf 3\ninvoice.json 3')
    expect(await worker.names()).toEqual([LIST, 'invoice.json', 'invoice.pdf'])
    const {generation} = await worker.send('one 4')
    expect(await worker.names()).toEqual(['invoice.pdf'])
    expect(await worker.deliver('invoice.pdf', generation)).toBe(204)
    expect(worker.outcomes()).toEqual(['done', 'done', 'done', 'done', 'duplicate'])
  })
})

describe('several outputs', () => {
  it('are streamed if they are large, side by side', async () => {
    const block = Buffer.alloc(1024 * 1024, 'x')
    await using worker = await startOwn({
      name: 'large',
      async process(_, output) {
        const files = ['a.bin', 'b.bin'].map((name) => output.file(name, {contentType: 'text/plain'}))
        for (let i = 0; i < 18; i += 1) for (const file of files) await file.write(block)
      },
    })
    expect((await worker.send('x')).status).toBe(204)
    for (const name of ['a.bin', 'b.bin'])
      expect((await worker.output(name).getMetadata())[0].size).toBe(String(18 * block.length))
  })

  it('of a process that fails are never seen', async () => {
    await using worker = await startOwn({
      name: 'breaks-off',
      async process(_, output) {
        await output.file('invoice.json', {contentType: 'application/json'}).write('{}')
        throw new Error('out of luck')
      },
    })
    expect((await worker.send('x')).status).toBe(503)
    expect(await worker.names()).toEqual([])
  })

  it('that a crash left are removed if the file then turns out to be bad', async () => {
    await using worker = await startOwn({
      name: 'bad-at-last',
      async process(input, output) {
        if (input.metadata['owner'] === undefined && worker.outcomes().length > 0)
          throw new PermanentError('It is bad.', {code: 'bad'})
        await output.file('invoice.json', {contentType: 'application/json'}).write('{}')
        await output.file('invoice.txt', {contentType: 'text/plain'}).write('a')
      },
    })
    worker.proxy.fails = isWriteOf('invoice.txt')
    const {generation} = await worker.send('x')
    worker.proxy.fails = () => false
    expect(await worker.names()).toContain('invoice.json')
    expect(await worker.deliver('invoice.pdf', generation)).toBe(204)
    expect(await worker.names()).toEqual([sidecarObject('invoice.pdf', 'error.json')])
  })

  it('of a file that is cancelled while they are written are completed: no half of them stays', async () => {
    await using worker = await startOwn(filing)
    await worker.send('f-1 a\nf-2 a\nf-3 a')
    const generation = await worker.upload('invoice.pdf', 'f-1 b\nf-2 b')
    const publishTime = new Date().toISOString()
    const error = worker.output(sidecarObject('invoice.pdf', 'error.json'))
    vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout']})
    onTestFinished(() => void vi.useRealTimers())
    worker.proxy.fails = async (method, url) => {
      if (!isWriteOf('f-2')(method, url)) return false
      await worker.put(error, '{}', {'source-generation': generation, cancelled: 'true'})
      // The next check for cancellations is due, and has its answer by the time of this one.
      await vi.advanceTimersByTimeAsync(5000)
      await worker.names()
      return false
    }
    expect(await worker.deliver('invoice.pdf', generation, {publishTime})).toBe(204)
    expect(worker.outcomes()).toEqual(['done', 'done'])
    expect(await worker.names()).toEqual([error.name, LIST, 'f-1', 'f-2'])
    expect(await worker.text(worker.output('f-2'))).toBe('b')
    expect(await worker.metadataOf(worker.output(LIST))).not.toHaveProperty('pending')
  })

  it('of two deliveries at the same time have one effect: the one that loses removes what it wrote', async () => {
    const buckets = await startBuckets()
    const slow = {...buckets, proxy: await startFaultyProxy(buckets.proxy.origin)}
    let run = 0
    const numbered: Processor = {
      name: 'numbered',
      async process(_, output) {
        run += 1
        await output.file(`run-${run}.json`, {contentType: 'application/json'}).write('{}')
      },
    }
    await using first = await startOwn(numbered, slow)
    await using second = await startOwn(numbered, buckets)
    const generation = await first.upload('invoice.pdf', 'x')
    let other: Promise<number> | undefined
    // The other instance does the same file while the first one is about to write its output.
    slow.proxy.fails = async (method, url) => {
      if (!isWriteOf('run-1.json')(method, url)) return false
      expect(await (other ??= second.deliver('invoice.pdf', generation))).toBe(204)
      return false
    }
    expect(await first.deliver('invoice.pdf', generation)).toBe(204)
    expect(await first.names()).toEqual([LIST, 'run-2.json'])
    expect(second.outcomes()).toEqual(['done'])
    expect(first.outcomes()).toEqual(['duplicate'])
  })
})
