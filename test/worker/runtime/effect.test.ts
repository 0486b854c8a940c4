import {setTimeout as delay} from 'node:timers/promises'
import {describe, expect, it} from 'vitest'
import {sidecarObject} from '../../../worker/contract.ts'
import {PermanentError, type Processor} from '../../../worker/processor.ts'
import {startWorker} from '../../support/running-worker.ts'

/** Writes what it read in capitals, and a report. `before` and `after` run around that. */
function capitals(
  hooks: {before?: (run: number) => Promise<void>; after?: (run: number) => Promise<void>} = {},
): Processor & {runs: number} {
  return {
    name: 'capitals',
    runs: 0,
    async process(input, output) {
      this.runs += 1
      const run = this.runs
      await hooks.before?.(run)
      const text = (await input.open()).setEncoding('utf8')
      for await (const part of text) await output.write(String(part).toUpperCase())
      output.sidecar('report.json', {generation: input.generation, rows: {total: 1}})
      await hooks.after?.(run)
    },
  }
}

const errorOf = (object: string): string => sidecarObject(object, 'error.json')
const reportOf = (object: string): string => sidecarObject(object, 'report.json')

describe('a file', () => {
  it('becomes its result: sidecar first, the marked result last', async () => {
    await using worker = await startWorker(capitals())
    const generation = await worker.upload('dir/ä b.txt', 'hello')
    const seen = worker.proxy.requests.length
    expect(await worker.deliver('dir/ä b.txt', generation, {messageId: '7', attempt: 2})).toBe(204)

    const result = worker.output('dir/ä b.txt')
    expect(await worker.text(result)).toBe('HELLO')
    expect(await worker.metadataOf(result)).toMatchObject({
      'source-generation': generation,
      attempt: '2',
      'message-id': '7',
    })
    expect(result.metadata.contentType).toBe('text/plain')
    const uploads = worker.proxy.requests.slice(seen).filter((request) => request.startsWith('POST'))
    expect(uploads).toHaveLength(2)
    expect(worker.lines.at(-1)).toMatchObject({
      outcome: 'done',
      inputBytes: 5,
      resultBytes: 5,
      rows: {total: 1},
      'logging.googleapis.com/labels': {bucket: 'input', object: 'dir/ä b.txt', generation, attempt: '2'},
    })
    const [report] = await worker.output(reportOf('dir/ä b.txt')).getMetadata()
    await result.getMetadata()
    expect(Number(report.generation)).toBeLessThan(Number(result.metadata.generation))
  })

  it('that is read twice is fetched once, whatever the process does with its bytes', async () => {
    const content = Buffer.alloc(3 * 1024 * 1024, 'abc')
    await using worker = await startWorker({
      name: 'twice',
      async process(input, output) {
        for await (const part of await input.open()) if (Buffer.isBuffer(part)) part.fill(0)
        for await (const part of await input.open()) if (Buffer.isBuffer(part)) await output.write(part)
      },
    })
    const generation = await worker.upload('a', content)
    const seen = worker.proxy.requests.length
    expect(await worker.deliver('a', generation)).toBe(204)
    const result = await worker.bytes(worker.output('a'))
    expect(result.equals(content)).toBe(true)
    // One for its metadata, one for its bytes.
    const reads = worker.proxy.requests
      .slice(seen)
      .filter((request) => request === 'GET /storage/v1/b/input/o/a')
    expect(reads).toHaveLength(2)
  })

  it('is read at once as its notification describes it, if that is still so', async () => {
    await using worker = await startWorker(
      {
        name: 'metadata',
        async process(input, output) {
          await output.write(JSON.stringify(input.metadata))
          for await (const part of await input.open()) if (Buffer.isBuffer(part)) await output.write(part)
        },
      },
      {JOB: 'projects/p/locations/l/jobs/j'},
    )
    const generation = await worker.upload('a b', 'x', {color: 'red'})
    const [payload] = await worker.input('a b').getMetadata()
    const seen = worker.proxy.requests.length
    expect(await worker.deliver('a b', generation, {payload})).toBe(204)
    expect(worker.proxy.requests.slice(seen).toSorted()).toEqual([
      'GET /storage/v1/b/input/o/a b',
      'GET /storage/v1/b/output/o/_cloud-runner/a b/error.json',
      'GET /storage/v1/b/output/o/_cloud-runner/a b/outputs.json',
      'GET /storage/v1/b/output/o/a b',
      'POST /upload/storage/v1/b/output/o',
    ])
    expect(await worker.text(worker.output('a b'))).toBe('{"color":"red"}x')

    await worker.input('a b').setMetadata({metadata: {color: 'blue'}})
    expect(await worker.deliver('a b', generation, {payload, reprocessId: 'r1'})).toBe(204)
    expect(await worker.text(worker.output('a b'))).toBe('{"color":"blue"}x')

    await worker.input('a b').delete()
    expect(await worker.deliver('a b', generation, {payload, reprocessId: 'r2'})).toBe(204)
    expect(worker.outcomes()).toEqual(['done', 'done', 'gone'])
  })

  it('of no bytes, and of a name whose sidecar needs a hash, goes the same way', async () => {
    await using worker = await startWorker(capitals())
    const name = `${'ö'.repeat(455)}.txt`
    expect(await worker.deliver(name, await worker.upload(name, ''))).toBe(204)
    expect(await worker.text(worker.output(name))).toBe('')
    expect(reportOf(name)).toMatch(/^_cloud-runner\/[0-9a-f]{64}\/report\.json$/)
    expect(await worker.text(worker.output(reportOf(name)))).toContain('"rows"')
  })

  it('whose result is large is streamed, whole and marked', async () => {
    const block = Buffer.alloc(1024 * 1024, 'x')
    await using worker = await startWorker({
      name: 'large',
      async process(_, output) {
        output.setContentType('application/octet-stream')
        for (let i = 0; i < 20; i += 1) {
          block[0] = i
          await output.write(block) // one buffer, used again: what was written must have been kept
        }
        await output.write('end')
      },
    })
    const generation = await worker.upload('a', 'x')
    expect(await worker.deliver('a', generation)).toBe(204)
    const bytes = await worker.bytes(worker.output('a'))
    expect(bytes.length).toBe(20 * block.length + 3)
    expect(Array.from({length: 20}, (_, i) => bytes[i * block.length])).toEqual([...Array(20).keys()])
    expect(await worker.metadataOf(worker.output('a'))).toMatchObject({'source-generation': generation})
    expect(worker.output('a').metadata.contentType).not.toBe('text/plain')
  })

  it('whose process breaks off in a large result leaves nothing to be seen', async () => {
    await using worker = await startWorker({
      name: 'breaks-off',
      async process(_, output) {
        for (let i = 0; i < 20; i += 1) await output.write(Buffer.alloc(1024 * 1024))
        throw new Error('out of luck')
      },
    })
    expect(await worker.deliver('a', await worker.upload('a', 'x'))).toBe(503)
    expect(await worker.text(worker.output('a'))).toBeUndefined()
    expect(worker.lines.at(-1)).toMatchObject({severity: 'ERROR', outcome: 'refused'})
  })
})

describe('delivered again', () => {
  it('is acknowledged without work', async () => {
    const processor = capitals()
    await using worker = await startWorker(processor)
    const generation = await worker.upload('a', 'x')
    expect([await worker.deliver('a', generation), await worker.deliver('a', generation)]).toEqual([204, 204])
    expect(processor.runs).toBe(1)
    expect(worker.outcomes()).toEqual(['done', 'duplicate'])
  })

  it('waits for the first while that is in progress, and shares its outcome', async () => {
    const begun = Promise.withResolvers<void>()
    const gate = Promise.withResolvers<void>()
    const processor = capitals({
      before: () => {
        begun.resolve()
        return gate.promise
      },
    })
    await using worker = await startWorker(processor)
    const generation = await worker.upload('a', 'x')
    const statuses = Promise.all([worker.deliver('a', generation), worker.deliver('a', generation)])
    await begun.promise
    gate.resolve()
    expect(await statuses).toEqual([204, 204])
    expect(processor.runs).toBe(1)
  })

  it.each([
    ['short', 1],
    ['long', 20 * 1024 * 1024],
  ])('to another instance at the same time has one effect, with a %s result', async (_, bytes) => {
    // The other instance commits while this one is still at work.
    const processor: Processor = {
      name: 'slower',
      async process(_input, output) {
        await output.write(Buffer.alloc(bytes))
        await worker.put(worker.output('a'), 'THE OTHER', {'source-generation': generation})
      },
    }
    await using worker = await startWorker(processor)
    const generation = await worker.upload('a', 'x')
    expect(await worker.deliver('a', generation)).toBe(204)
    expect(await worker.text(worker.output('a'))).toBe('THE OTHER')
    expect(worker.outcomes()).toEqual(['duplicate'])
  })

  it('is processed again once per request', async () => {
    const processor = capitals()
    await using worker = await startWorker(processor)
    const generation = await worker.upload('a', 'x')
    await worker.deliver('a', generation)
    await worker.deliver('a', generation, {reprocessId: 'r1'})
    await worker.deliver('a', generation, {reprocessId: 'r1'})
    await worker.deliver('a', generation)
    expect(worker.outcomes()).toEqual(['done', 'done', 'duplicate', 'duplicate'])
    expect(await worker.metadataOf(worker.output('a'))).toMatchObject({'reprocess-id': 'r1'})
  })

  it('replaces its sidecar at the first try', async () => {
    await using worker = await startWorker(capitals())
    const generation = await worker.upload('a', 'x')
    await worker.deliver('a', generation)
    const seen = worker.proxy.requests.length
    await worker.deliver('a', generation, {reprocessId: 'r1'})
    const uploads = worker.proxy.requests.slice(seen).filter((request) => request.startsWith('POST'))
    expect(uploads).toHaveLength(2)
    expect(await worker.metadataOf(worker.output(reportOf('a')))).toMatchObject({'reprocess-id': 'r1'})
  })
})

describe('an older generation', () => {
  it('never overwrites the result of a newer one', async () => {
    await using worker = await startWorker(capitals())
    const older = await worker.upload('a', 'old')
    const newer = await worker.upload('a', 'new')
    expect(await worker.deliver('a', newer)).toBe(204)
    expect(await worker.deliver('a', older)).toBe(204)
    expect(await worker.text(worker.output('a'))).toBe('NEW')
    expect(worker.outcomes()).toEqual(['done', 'superseded'])
  })

  it('is abandoned if the newer one commits meanwhile, sidecars included', async () => {
    const processor = capitals({
      async after(run) {
        if (run === 1) await worker.deliver('a', await worker.upload('a', 'new'))
      },
    })
    await using worker = await startWorker(processor)
    expect(await worker.deliver('a', await worker.upload('a', 'old'))).toBe(204)
    expect(await worker.text(worker.output('a'))).toBe('NEW')
    const [{generation}] = await worker.input('a').getMetadata()
    expect(JSON.parse((await worker.text(worker.output(reportOf('a')))) ?? '')).toMatchObject({generation})
    expect(worker.outcomes()).toEqual(['done', 'superseded'])
  })

  it('that commits in the middle of the newer one is replaced by it', async () => {
    const processor = capitals({
      async after(run) {
        if (run !== 1) return
        await worker.put(worker.output('a'), 'OLD', {'source-generation': '5'})
      },
    })
    await using worker = await startWorker(processor)
    expect(await worker.deliver('a', await worker.upload('a', 'new'))).toBe(204)
    expect(await worker.text(worker.output('a'))).toBe('NEW')
    expect(processor.runs).toBe(2)
  })

  it('that is gone is acknowledged, whether before or during the reading', async () => {
    const processor = capitals({before: async () => void (await worker.input('b').delete())})
    await using worker = await startWorker(processor)
    const first = await worker.upload('a', 'x')
    await worker.input('a').delete()
    expect(await worker.deliver('a', first)).toBe(204)
    expect(processor.runs).toBe(0)
    expect(await worker.deliver('b', await worker.upload('b', 'x'))).toBe(204)
    expect(worker.outcomes()).toEqual(['gone', 'gone'])
    expect(await worker.text(worker.output('b'))).toBeUndefined()
  })

  it('whose bucket is gone is refused, not treated as a deleted file', async () => {
    const processor = capitals()
    await using worker = await startWorker(processor)
    const generation = await worker.upload('a', 'x')
    await worker.input('a').delete()
    await worker.input('a').bucket.delete()
    expect(await worker.deliver('a', generation)).toBe(503)
    expect(worker.lines.at(-1)).toMatchObject({
      outcome: 'refused',
      message: expect.stringContaining('The specified bucket does not exist.'),
    })
    expect(processor.runs).toBe(0)
  })
})

describe('a permanent fault', () => {
  const picky: Processor = {
    name: 'picky',
    async process(input, output) {
      const text = (await input.open()).setEncoding('utf8')
      for await (const part of text) {
        if (String(part).startsWith('bad')) {
          throw new PermanentError('Line 2 has 3 cells.', {
            code: 'ragged',
            line: 2,
            suggestions: ['Mend it.'],
          })
        }
        await output.write('fine')
      }
    },
  }

  it('is recorded and acknowledged, and the next file is served', async () => {
    await using worker = await startWorker(picky)
    const generation = await worker.upload('a', 'bad')
    expect(await worker.deliver('a', generation)).toBe(204)
    expect(await worker.deliver('b', await worker.upload('b', 'good'))).toBe(204)
    const error = worker.output(errorOf('a'))
    expect(JSON.parse((await worker.text(error)) ?? '')).toEqual({
      code: 'ragged',
      message: 'Line 2 has 3 cells.',
      line: 2,
      suggestions: ['Mend it.'],
      object: 'a',
      generation,
    })
    expect(await worker.metadataOf(error)).toMatchObject({'source-generation': generation, attempt: '1'})
    expect(await worker.deliver('a', generation)).toBe(204)
    expect(worker.outcomes()).toEqual(['failed', 'done', 'duplicate'])
  })

  it('leaves the result of an older generation, which names its generation; the next success removes the error', async () => {
    await using worker = await startWorker(picky)
    const first = await worker.upload('a', 'good')
    await worker.deliver('a', first)
    await worker.deliver('a', await worker.upload('a', 'bad'))
    expect(await worker.metadataOf(worker.output('a'))).toMatchObject({'source-generation': first})
    expect(await worker.text(worker.output(errorOf('a')))).toBeDefined()
    await worker.deliver('a', await worker.upload('a', 'good again'))
    expect(await worker.text(worker.output(errorOf('a')))).toBeUndefined()
    expect(worker.outcomes()).toEqual(['done', 'failed', 'done'])
  })

  it('does nothing if the delivery was already over', async () => {
    await using worker = await startWorker(
      {
        name: 'late',
        async process(_, __, {signal}) {
          await delay(60_000, undefined, {signal}).catch(() => {})
          throw new PermanentError('cut short', {code: 'not-csv'})
        },
      },
      {DEADLINE_SECONDS: '1'},
    )
    expect(await worker.deliver('a', await worker.upload('a', 'x'))).toBe(503)
    expect(await worker.text(worker.output(errorOf('a')))).toBeUndefined()
    expect(worker.lines.at(-1)).toMatchObject({severity: 'WARNING', outcome: 'refused'})
  })
})

describe('a transient failure', () => {
  it('of the process is refused; the success after it removes an older fault', async () => {
    await using worker = await startWorker(
      capitals({
        async before(run) {
          if (run === 1) throw new PermanentError('no', {code: 'no'})
          if (run === 2) throw new Error('the database is away')
        },
      }),
    )
    await worker.deliver('a', await worker.upload('a', 'first'))
    const generation = await worker.upload('a', 'second')
    expect(await worker.deliver('a', generation)).toBe(503)
    expect(await worker.text(worker.output(errorOf('a')))).toBeDefined()
    expect(await worker.deliver('a', generation, {attempt: 2})).toBe(204)
    expect(await worker.text(worker.output('a'))).toBe('SECOND')
    expect(await worker.text(worker.output(errorOf('a')))).toBeUndefined()
    expect(worker.outcomes()).toEqual(['failed', 'refused', 'done'])
  })

  it.each([
    ['looking', 'GET', (url: URL) => !url.searchParams.has('alt')],
    ['reading', 'GET', (url: URL) => url.searchParams.has('alt')],
    ['writing', 'POST', (url: URL) => url.pathname.startsWith('/upload/')],
  ])('of the storage while %s is refused, then made good', async (_, failing, matches) => {
    await using worker = await startWorker(capitals())
    const generation = await worker.upload('a', 'x')
    worker.proxy.fails = (method, url) => method === failing && matches(url)
    expect(await worker.deliver('a', generation)).toBe(503)
    worker.proxy.fails = () => false
    expect(await worker.deliver('a', generation, {attempt: 2})).toBe(204)
    expect(await worker.text(worker.output('a'))).toBe('X')
    expect(worker.outcomes()).toEqual(['refused', 'done'])
  })

  it('that lost the answer to a commit is refused, and nothing is done twice', async () => {
    const processor = capitals()
    await using worker = await startWorker(processor)
    const generation = await worker.upload('a', 'x')
    worker.proxy.losesAnswer = (method, url) => method === 'POST' && url.searchParams.get('name') === 'a'
    expect(await worker.deliver('a', generation)).toBe(503)
    expect(await worker.deliver('a', generation, {attempt: 2})).toBe(204)
    expect(processor.runs).toBe(1)
    expect(worker.outcomes()).toEqual(['refused', 'duplicate'])
  })
})
