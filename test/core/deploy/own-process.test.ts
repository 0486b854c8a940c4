import {text} from 'node:stream/consumers'
import {writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {expect, test, vi} from 'vitest'
import {waitForResults} from '../../../src/core/files/wait.ts'
import {logs} from '../../../src/core/logs.ts'
import {setup} from '../../../src/core/setup/setup.ts'
import {planUpload} from '../../../src/core/upload/plan.ts'
import {upload} from '../../../src/core/upload/upload.ts'
import {startLocalPipeline} from '../../support/local-pipeline.ts'
import {ManualClock} from '../../support/manual-clock.ts'
import {workerFolder} from '../../support/worker-folder.ts'

const TITLE = `export default {
  name: 'title',
  async process(input, output) {
    await output.write(process.title)
  },
}
`

test('NODE_OPTIONS of the environment reach the worker', async () => {
  vi.stubEnv('NODE_OPTIONS', '--title=of-my-own')
  const context = await startLocalPipeline()
  const {cloud, folder, pipeline, signal} = context
  await setup({workerFolder: await workerFolder('processor.js', TITLE)}, context)
  const path = join(folder, 'a.txt')
  await writeFile(path, 'a')
  const {uploaded} = await upload(await planUpload({sources: [path], cwd: folder}), {}, context)
  expect((await waitForResults(uploaded, {timeoutMs: 30_000}, context)).exitCode).toBe(0)
  const {generation = ''} = (await cloud.objects.stat(pipeline.names.outputBucket, 'a.txt')) ?? {}
  const result = await cloud.objects.read(pipeline.names.outputBucket, 'a.txt', {generation, signal})
  expect(await text(result)).toBe('of-my-own')
})

test('a worker that never listens is refused with the variable that names its port, and what it wrote', async () => {
  const clock = new ManualClock(Date.now())
  const context = await startLocalPipeline({}, {clock})
  const silent = "console.log('awake')\nsetInterval(() => {}, 1000)\n"
  const working = setup({workerFolder: await workerFolder('main.js', silent)}, context)
  // Cloud Run's startup probe.
  await Promise.race([clock.armed(240_000), working])
  await expect
    .poll(async () => (await Array.fromAsync(logs({tail: false}, context))).map(({message}) => message))
    .toContain('awake')
  await clock.advance(240_000)
  await expect(working).rejects.toMatchObject({
    code: 'deploy-failed',
    message: expect.stringMatching(
      /failed to start and listen on the port defined by the PORT=\d+ environment variable within 240 s\./,
    ),
  })
  await expect(working).rejects.toThrow('awake')
})
