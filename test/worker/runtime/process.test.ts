import {fileURLToPath} from 'node:url'
import {describe, expect, it} from 'vitest'
import {deliver, startBuckets} from '../../support/worker-buckets.ts'
import {startWorkerProcess} from '../../support/worker-process.ts'

const fixture = (name: string): string =>
  fileURLToPath(new URL(`../../fixtures/workers/${name}`, import.meta.url))

/** A worker process with buckets of its own, and a file `a` in its input. */
async function start(
  name: string,
  content: string | Buffer,
  {metadata = {}, graceMs = 10_000}: {metadata?: Record<string, string>; graceMs?: number} = {},
) {
  const buckets = await startBuckets()
  const generation = await buckets.upload('a', content, metadata)
  const instance = async () => {
    const worker = startWorkerProcess(fixture(name), {
      PORT: '0',
      INPUT_BUCKET: 'input',
      OUTPUT_BUCKET: 'output',
      STORAGE_EMULATOR_HOST: buckets.proxy.origin,
      GRACE_MS: String(graceMs),
    })
    const {port} = await worker.line((line) => line['port'] !== undefined)
    return {
      worker,
      port: String(port),
      deliver: () => deliver(`http://127.0.0.1:${String(port)}`, 'a', generation),
      [Symbol.asyncDispose]: () => worker[Symbol.asyncDispose](),
    }
  }
  return {...(await instance()), output: buckets.output('a'), proxy: buckets.proxy, another: instance}
}

const began = (line: Record<string, unknown>): boolean => line['message'] === 'began'

describe('a worker process', () => {
  it('runs another process than ours, writes nothing but structured lines, and goes at once when idle', async () => {
    const content = Buffer.alloc(20 * 1024 * 1024, 'large\n')
    await using running = await start('upper-case.ts', content)
    expect(await running.deliver()).toBe(204)
    const [result] = await running.output.download()
    expect(result.equals(Buffer.from(content.toString('utf8').toUpperCase()))).toBe(true)
    running.worker.kill('SIGTERM')
    expect(await running.worker.exited).toBe(0)
    expect(running.worker.stderr()).toBe('')
    expect(running.worker.lines.map((line) => line['severity'])).not.toContain('WARNING')
  })

  it('finishes what it can after SIGTERM, and accepts nothing more', async () => {
    await using running = await start('patient.ts', 'x', {metadata: {'takes-ms': '150'}})
    const status = running.deliver()
    await running.worker.line(began)
    running.worker.kill('SIGTERM')
    await running.worker.line((line) => String(line['message']).startsWith('SIGTERM'))
    await expect(running.deliver()).rejects.toThrow('fetch failed')
    expect(await status).toBe(204)
    expect(await running.worker.exited).toBe(0)
    expect(await running.output.exists()).toEqual([true])
  })

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'refuses what it cannot finish in the grace after %s, and exits with 0',
    async (signal) => {
      await using running = await start('patient.ts', 'x', {metadata: {'takes-ms': '60000'}, graceMs: 1700})
      const status = running.deliver()
      await running.worker.line(began)
      running.worker.kill(signal)
      expect(await status).toBe(503)
      expect(await running.worker.exited).toBe(0)
      expect(await running.output.exists()).toEqual([false])
      expect(running.worker.lines.map((line) => line['outcome'])).toContain('refused')
    },
  )

  it('that is killed leaves nothing, and the next one makes the result', async () => {
    await using running = await start('patient.ts', 'x', {metadata: {'takes-ms': '200'}})
    const broken = running.deliver().catch(String)
    await running.worker.line(began)
    running.worker.kill('SIGKILL')
    expect(await broken).toContain('fetch failed')
    expect(await running.output.exists()).toEqual([false])
    await using next = await running.another()
    expect(await next.deliver()).toBe(204)
    expect(await running.output.exists()).toEqual([true])
  })

  it('repeats a commit whose answer was lost, and knows its own result again', async () => {
    await using running = await start('upper-case.ts', 'x')
    let isLost = false
    running.proxy.losesAnswer = (method) => method === 'POST' && !isLost && (isLost = true)
    expect(await running.deliver()).toBe(204)
    expect(running.worker.lines.at(-1)).toMatchObject({outcome: 'done'})
  })

  it.each([
    ['no output bucket', {}, 'OUTPUT_BUCKET is not set'],
    ['one bucket for both', {INPUT_BUCKET: 'b', OUTPUT_BUCKET: 'b'}, 'both "b"'],
  ])('with %s says so and ends with 1', async (_, environment, message) => {
    await using worker = startWorkerProcess(fixture('upper-case.ts'), {PORT: '0', ...environment})
    expect(await worker.exited).toBe(1)
    expect(worker.lines).toMatchObject([{severity: 'CRITICAL', message: expect.stringContaining(message)}])
  })

  it('whose port is taken says so and ends with 1', async () => {
    await using running = await start('upper-case.ts', 'x')
    await using second = startWorkerProcess(fixture('upper-case.ts'), {
      PORT: running.port,
      OUTPUT_BUCKET: 'out',
    })
    expect(await second.exited).toBe(1)
    expect(second.lines).toMatchObject([
      {severity: 'CRITICAL', message: expect.stringContaining('EADDRINUSE')},
    ])
  })
})
