import {writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {expect, onTestFinished, test} from 'vitest'
import {dev, type DevEvent} from '../../../src/core/dev/dev.ts'
import {planUpload} from '../../../src/core/upload/plan.ts'
import {upload} from '../../../src/core/upload/upload.ts'
import {attachInspector} from '../../support/inspector-session.ts'
import {startLocalPipeline} from '../../support/local-pipeline.ts'
import {workerFolder} from '../../support/worker-folder.ts'

const STOPPING = `export default {
  name: 'stopping',
  async process(input, output) {
    debugger
    console.log({file: input.object, lines: [1, 2, 3].map((line) => ({line, text: 'x'.repeat(40)}))})
    await output.write('done')
  },
}
`

test('a breakpoint holds a file past its deadline, and the file is done at its first attempt', async () => {
  const context = await startLocalPipeline({requestTimeout: '2s', minimumBackoff: '600s'})
  const stop = new AbortController()
  const events: DevEvent[] = []
  let woken = Promise.withResolvers<void>()
  const running = dev(
    {
      workerFolder: await workerFolder('processor.js', STOPPING),
      model: undefined,
      reprocess: false,
      debug: 'inspect',
      onEvent(event) {
        events.push(event)
        woken.resolve()
      },
    },
    {...context, signal: stop.signal},
  )
  onTestFinished(async () => {
    stop.abort(new Error('enough'))
    await running.catch(() => undefined)
  })
  /** What `pick` finds in the first event that has it, past or to come. */
  const seen = async <T>(pick: (event: DevEvent) => T | undefined): Promise<T> => {
    for (;;) {
      for (const event of events) {
        const found = pick(event)
        if (found !== undefined) return found
      }
      woken = Promise.withResolvers()
      await Promise.race([woken.promise, running])
    }
  }

  const address = await seen((event) =>
    event.event === 'log' ? /Debugger listening on (ws:\S+)/.exec(event.line.message)?.[1] : undefined,
  )
  using session = await attachInspector(address)
  const paused = session.next('Debugger.paused')
  await session.send('Debugger.enable')
  const path = join(context.folder, 'a.txt')
  await writeFile(path, 'a')
  await upload(await planUpload({sources: [path], cwd: context.folder}), {}, context)
  const {callFrames}: {callFrames?: [{callFrameId: string}]} = await paused
  const {result} = await session.send('Debugger.evaluateOnCallFrame', {
    callFrameId: callFrames?.[0].callFrameId,
    expression: 'for (const end = performance.now() + 3000; performance.now() < end;); input.object',
  })
  expect(result).toMatchObject({value: 'a.txt'})
  await session.send('Debugger.resume')

  const done = await seen((event) =>
    event.event === 'file' && event.file.object === 'a.txt' && event.file.state === 'done'
      ? event.file
      : undefined,
  )
  expect(done.attempts).toBe(1)
  const logged = await seen((event) =>
    event.event === 'log' && event.line.message.startsWith('{ file:') ? event.line : undefined,
  )
  expect(logged.object).toBe('a.txt')
  expect(logged.message).toMatch(/^\{ file: 'a\.txt', lines: \[.*\] \}$/)
})
