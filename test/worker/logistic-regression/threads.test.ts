import {readFile, readdir, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {fileURLToPath} from 'node:url'
import {afterEach, beforeAll, describe, expect, it} from 'vitest'
import {generateSample} from '../../../src/core/sample/index.ts'
import {bundleWorker} from '../../../src/image/bundle.ts'
import {PermanentError} from '../../../worker/processor.ts'
import {allowThreads} from '../../../worker/threads.ts'
import {type Processed, processFile} from '../../support/process-file.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'
import {deliver} from '../../support/worker-buckets.ts'
import {startWorkerWithBuckets} from '../../support/worker-with-buckets.ts'

const PROGRAM = fileURLToPath(new URL('../../../worker/main.ts', import.meta.url))
const DYING = fileURLToPath(new URL('../../fixtures/workers/dying-thread.ts', import.meta.url))
/** Labelled ones for several units. */
const ROWS = 45_000
/** More than 16 MiB. */
const MANY_ROWS = 165_000

let file = ''
/** Each row's class is one of three. */
let fileOfThree = ''

beforeAll(() => {
  file = [...generateSample({rows: ROWS, seed: 1})].join('')
  fileOfThree = file.replaceAll(/^(C\d*([05])),(.*),1$/gm, '$1,$3,$2')
})

afterEach(async () => allowThreads(undefined))

function process(content: string, cpus: number, more: Parameters<typeof processFile>[1] = {}) {
  return processFile(content, {labelColumn: 'bankrupt', environment: {CPU_LIMIT: String(cpus)}, ...more})
}

/** All but the times. */
function outcomeOf({bytes, report, model}: Processed) {
  return {bytes, model, report: {...report, timings: undefined}}
}

describe('a file that several threads learn from', () => {
  it.each([
    ['two classes', () => file, {}],
    ['two classes of weights', () => file, {'model-options': '{"classWeight": "balanced"}'}],
    ['three classes', () => fileOfThree, {}],
  ])('gives the same bits whatever their number: %s', async (_, content, metadata) => {
    await allowThreads(PROGRAM, 0)
    const alone = outcomeOf(await process(content(), 1, {metadata}))
    expect(alone.report.classes.length).toBeGreaterThan(1)
    for (const cpus of [2, 3]) {
      const shared = outcomeOf(await process(content(), cpus, {metadata}))
      expect(shared.bytes.equals(alone.bytes)).toBe(true)
      expect(shared.model).toEqual(alone.model)
      expect(shared.report).toEqual(alone.report)
    }
  })

  it('has the same rows in memory, if that has no room for all of them', async () => {
    await allowThreads(PROGRAM, 0)
    const [alone, shared, odd] = await Promise.all(
      ['1', '2', '500m'].map((CPU_LIMIT) =>
        process(file, 0, {environment: {CPU_LIMIT, MEMORY_LIMIT: '162Mi'}}).then(outcomeOf),
      ),
    )
    expect(alone?.report.rows.sampled).toBeGreaterThan(1000)
    expect(shared).toEqual(alone)
    expect(odd).toEqual(alone)
  })

  it('fails for now if a thread dies, and the next one is processed without threads', async () => {
    await allowThreads(DYING, 0)
    const failure: unknown = await process(file, 2).catch((error: unknown) => error)
    expect(failure).toMatchObject({message: 'A thread ended with 3'})
    expect(failure).not.toBeInstanceOf(PermanentError)
    expect((await process(file, 2)).report.rows.total).toBe(ROWS)
  })

  it('ends when its delivery does, and the threads serve the next one', async () => {
    await allowThreads(PROGRAM, 0)
    for (const step of ['Read', 'Fitted']) {
      const ended = new AbortController()
      const processing = process(file, 2, {
        signal: ended.signal,
        onLog: (message) => {
          if (message.startsWith(step)) setImmediate(() => ended.abort(new Error('the deadline')))
        },
      })
      await expect(processing).rejects.toThrow('the deadline')
    }
    expect((await process(file, 2)).report.rows.total).toBe(ROWS)
  })
})

describe('the packaged worker', () => {
  it('starts a thread for a large file only, if it has two processors', async () => {
    const bundle = join(await temporaryFolder(), 'worker.cjs')
    const [packed] = await bundleWorker({folder: undefined})
    await writeFile(bundle, packed?.content ?? '')
    const large = [...generateSample({rows: MANY_ROWS, seed: 1})].join('')
    const results: Buffer[] = []
    for (const cpus of ['1', '2']) {
      await using running = await startWorkerWithBuckets(bundle, {
        CPU_LIMIT: cpus,
        LABEL_COLUMN: 'bankrupt',
      })
      const {url, upload, output, bytes, worker} = running
      for (const [object, content] of [
        ['small.csv', file],
        ['large.csv', large],
      ] as const) {
        expect(await deliver(url, object, await upload(object, content))).toBe(204)
        const isAside = cpus === '2' && object === 'large.csv'
        expect((await threadsOf(worker.pid)).includes('tasks')).toBe(
          isAside && globalThis.process.platform === 'linux',
        )
      }
      results.push(await bytes(output('large.csv')))
      worker.kill('SIGTERM')
      expect(await worker.exited).toBe(0)
    }
    expect(results[1]?.equals(results[0] ?? Buffer.alloc(0))).toBe(true)
  })
})

/** Names of a process's threads, on Linux. */
async function threadsOf(pid: number | undefined): Promise<string[]> {
  const folder = `/proc/${pid}/task`
  const ids = await readdir(folder).catch(() => [])
  return Promise.all(ids.map(async (id) => (await readFile(join(folder, id, 'comm'), 'utf8')).trim()))
}
