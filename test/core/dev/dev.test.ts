import {writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import type {DevEvent} from '../../../src/core/dev/dev.ts'
import {planUpload} from '../../../src/core/upload/plan.ts'
import {upload} from '../../../src/core/upload/upload.ts'
import {startLocalPipeline} from '../../support/local-pipeline.ts'
import {startDev} from '../../support/running-dev.ts'
import {capitals, workerFolder} from '../../support/worker-folder.ts'

/** Refuses some files: permanently, or for now. */
const PICKY = `import {PermanentError} from 'cloud-runner/worker'
  export default {
    name: 'picky',
    async process(input) {
      throw input.object === 'a.txt' ? new PermanentError('no a', {code: 'no'}) : new Error('not now')
    },
  }\n`

type Of<K extends DevEvent['event']> = Extract<DevEvent, {event: K}>

/** `dev` on the test's own pipeline, with its events. A refused file is not delivered again. */
async function startDevOf(source: string, again: boolean) {
  const context = await startLocalPipeline({minimumBackoff: '600s'})
  const folder = await workerFolder('processor.js', source)
  const {events, stop, running, seen} = startDev({workerFolder: folder, reprocess: again}, context)
  let lastAction = 0
  return {
    context,
    stop,
    running,
    save: (text: string): Promise<void> => {
      lastAction = events.length
      return writeFile(join(folder, 'processor.js'), text)
    },
    send: async (...names: string[]): Promise<void> => {
      lastAction = events.length
      for (const name of names) await writeFile(join(context.folder, name), name)
      await upload(await planUpload({sources: names, cwd: context.folder}), {}, context)
    },
    /** The first event of this kind that `matches` since something was saved or sent last, past or to come. */
    seen: <K extends DevEvent['event']>(
      kind: K,
      matches: (event: Of<K>) => boolean = () => true,
    ): Promise<Of<K>> => {
      const isIt = (event: DevEvent): event is Of<K> => event.event === kind
      return seen(
        (event) => (isIt(event) && matches(event) ? event : undefined),
        () => lastAction,
      )
    },
  }
}

const isNew = ({unchanged}: Of<'ready'>): boolean => !unchanged
const isFile =
  (object: string, state: string) =>
  ({file}: Of<'file'>): boolean =>
    file.object === object && file.state === state

test('a worker that does not build is reported with file and line; fixed, it serves; broken again, the previous one keeps serving', async () => {
  const {context, seen, save, send, stop, running} = await startDevOf('export default {]\n', false)
  expect(await seen('failed')).toMatchObject({
    code: 'worker-build-failed',
    message: expect.stringMatching(/processor\.js:1:17: Expected/),
    revision: undefined,
  })
  await save(capitals('one '))
  expect(await seen('building')).toEqual({event: 'building', changed: ['processor.js']})
  const {revision} = await seen('ready', isNew)

  // A slow disk may show it empty for a moment, which fails in its own way.
  await save('export default nothing.at.all\n')
  expect(await seen('failed', ({code}) => code === 'deploy-failed')).toMatchObject({
    message: expect.stringContaining('nothing is not defined'),
    revision,
  })
  await send('a.txt')
  await seen('file', isFile('a.txt', 'done'))
  const service = await context.cloud.services.get('cloud-runner')
  expect(service?.traffic).toMatchObject([{revision, percent: 100}])

  await save(capitals('two '))
  const second = await seen('ready', isNew)
  expect(second.revision).not.toBe(revision)
  expect(second.durationMs).toBeGreaterThan(0)
  await send('b.txt')
  await seen('log', ({line}) => line.object === 'b.txt' && line.message === 'done')
  await seen('file', isFile('b.txt', 'done'))
  stop.abort(new Error('enough'))
  await expect(running).rejects.toThrow('enough')
}, 60_000)

test('the next version reprocesses failed and refused files on request', async () => {
  const {seen, save, send} = await startDevOf(PICKY, true)
  await seen('ready')
  await send('a.txt', 'b.txt')
  await seen('file', isFile('a.txt', 'failed'))
  await seen('file', (event) => isFile('b.txt', 'waiting')(event) && event.file.attempts === 1)
  await save(capitals(''))
  await seen('ready', isNew)
  expect((await seen('reprocessed')).objects.toSorted()).toEqual(['a.txt', 'b.txt'])
  await seen('file', isFile('a.txt', 'done'))
  await seen('file', isFile('b.txt', 'done'))
}, 60_000)
