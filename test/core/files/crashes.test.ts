import {writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {examinePipeline} from '../../../src/core/doctor/doctor.ts'
import {logs} from '../../../src/core/logs.ts'
import {createActivityReader} from '../../../src/core/files/activity.ts'
import type {FileStatus} from '../../../src/core/files/files.ts'
import {planRedrive, redrive} from '../../../src/core/redrive.ts'
import {results} from '../../../src/core/results/results.ts'
import {setup} from '../../../src/core/setup/setup.ts'
import {status} from '../../../src/core/status.ts'
import {planUpload} from '../../../src/core/upload/plan.ts'
import {upload} from '../../../src/core/upload/upload.ts'
import {waitForResults} from '../../../src/core/files/wait.ts'
import {startLocalPipeline} from '../../support/local-pipeline.ts'
import {workerFolder} from '../../support/worker-folder.ts'

/** A processor that does what the file says. */
const OBEDIENT = `export default {
  name: 'obedient',
  async process(input, output) {
    let text = ''
    for await (const chunk of await input.open()) text += chunk
    if (text === 'exit') process.exit(7)
    if (text === 'spin') for (;;);
    const held = []
    while (text === 'memory') held.push(Buffer.alloc(2 ** 20, 1))
    await output.write(text)
  },
}\n`

async function startObedient(settings: Parameters<typeof startLocalPipeline>[0]) {
  const context = await startLocalPipeline({
    minimumBackoff: '0s',
    maximumBackoff: '0s',
    maxInstances: 1,
    ...settings,
  })
  await setup({workerFolder: await workerFolder('processor.js', OBEDIENT)}, context)
  return {
    context,
    send: async (object: string, content: string) => {
      await writeFile(join(context.folder, object), content)
      const planned = await planUpload({sources: [object], cwd: context.folder})
      return (await upload(planned, {}, context)).uploaded
    },
    look: async (object: string): Promise<FileStatus> => {
      const [file] = (await status({objects: [object], limit: 1}, context)).files
      if (file === undefined) throw new Error(`${object} is not listed.`)
      return file
    },
  }
}

const MINUTE_MS = 60_000

test(
  'a file that ends its process says why until it is done, and so do status and doctor meanwhile',
  {timeout: 90_000},
  async () => {
    const {context, send, look} = await startObedient({})
    const reason = expect.stringMatching(/^Container called exit\(7\)( with \d+ of 1024 MiB used)?\.$/)
    const uploaded = await send('exit.txt', 'exit')
    await expect
      .poll(() => look('exit.txt'), {timeout: 20_000})
      .toMatchObject({state: 'waiting', lastError: {message: reason}})

    const ended = await waitForResults(uploaded, {timeoutMs: 60_000}, context)
    expect(ended).toMatchObject({
      exitCode: 3,
      files: [{state: 'dead', attempts: 5, lastError: {message: reason}}],
    })
    expect(await look('exit.txt')).toMatchObject({state: 'dead', attempts: 5, lastError: {message: reason}})
    await expect(results({object: 'exit.txt'}, context)).rejects.toThrow(
      /The last attempt: Container called exit/,
    )
    const lines = await Array.fromAsync(logs({tail: false, object: 'exit.txt', severity: 'error'}, context))
    expect(new Set(lines.map(({source}) => source))).toEqual(new Set(['requests', 'system']))
    expect(lines.filter(({source}) => source === 'system').map(({attempt}) => attempt)).toEqual([
      1, 2, 3, 4, 5,
    ])

    const read = (now: number) => createActivityReader(context).read(uploaded, now)
    const known = await read(Date.now())
    expect(known.size).toBe(1)
    for (const later of [MINUTE_MS, 60 * MINUTE_MS, 24 * 60 * MINUTE_MS])
      expect(await read(Date.now() + later)).toEqual(known)

    const failing = [{deliveries: 5, how: 'crashed', object: 'exit.txt'}]
    const bad = await status({objects: [], limit: 1}, context)
    expect(bad.pipeline).toMatchObject({ready: false, failing})
    expect(bad.pipeline.problem).toMatch(/^5 deliveries in a row crashed on revision cloud-runner-/)
    const check = {
      name: 'deliveries',
      state: 'failed',
      fix: 'cloud-runner logs exit.txt  # then fix the worker, or: cloud-runner rollback',
    }
    expect(await examinePipeline(context)).toContainEqual(expect.objectContaining(check))

    // It is over once a delivery succeeds.
    await waitForResults(await send('good.txt', 'good'), {timeoutMs: 60_000}, context)
    expect((await status({objects: [], limit: 1}, context)).pipeline).toMatchObject({
      ready: true,
      failing: [],
    })
    expect((await examinePipeline(context)).filter(({state}) => state === 'failed')).toEqual([])

    // Redriven, it is counted again from the beginning, and does not forget why.
    await redrive(await planRedrive(['exit.txt'], context), context)
    const redriven = await look('exit.txt')
    expect(redriven.attempts).toBeLessThan(5)
    expect(redriven).toMatchObject({lastError: {message: reason}})
  },
)

test.runIf(process.platform === 'linux')(
  'a file that takes too much memory says how much, and what to do',
  {timeout: 60_000},
  async () => {
    const {send, look} = await startObedient({memory: '512Mi'})
    await send('memory.txt', 'memory')
    await expect
      .poll(async () => (await look('memory.txt')).lastError?.message, {timeout: 40_000})
      .toMatch(/^Memory limit of 512 MiB exceeded with \d+ MiB used: raise the setting "memory"/)
  },
)

test('a file that spins says so, and where', {timeout: 60_000}, async () => {
  const {send, look} = await startObedient({requestTimeout: '2s'})
  await send('spin.txt', 'spin')
  await expect
    .poll(async () => (await look('spin.txt')).lastError, {timeout: 40_000})
    .toMatchObject({
      message: expect.stringMatching(/^the event loop was blocked for [\d.]+ s, past the deadline of 1\.5 s/),
      place: expect.stringMatching(/^processor\.js:\d+:\d+$/),
    })
})
