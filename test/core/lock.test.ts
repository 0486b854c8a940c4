import {readdir, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {readConfig} from '../../src/core/config.ts'
import {pipelineOf} from '../../src/core/settings/pipeline.ts'
import {withLock} from '../../src/core/lock.ts'
import {temporaryFolder} from '../support/temporary-folder.ts'

const LOCK = 'local-cloud-runner-local-cloud-runner.lock'

async function lockContext() {
  const stateFolder = await temporaryFolder()
  const {settings} = await readConfig({cwd: stateFolder, environment: {}, flags: {}, cores: 1})
  const steps: string[] = []
  return {
    stateFolder,
    pipeline: pipelineOf(settings),
    signal: new AbortController().signal,
    steps,
    step: (text: string) => void steps.push(text),
  }
}

test('two at once: the second waits, says for whom, and then runs', async () => {
  const context = await lockContext()
  const order: string[] = []
  const begun = Promise.withResolvers<void>()
  const release = Promise.withResolvers<void>()
  const first = withLock('setup', context, async () => {
    order.push('first begins')
    begun.resolve()
    await release.promise
    order.push('first ends')
  })
  await begun.promise
  const second = withLock('deploy', context, async () => void order.push('second'))
  await expect.poll(() => context.steps).not.toEqual([])
  expect(context.steps[0]).toMatch(
    new RegExp(`^Waiting for cloud-runner setup \\(process ${process.pid} on \\S+, since \\d{4}-`),
  )
  release.resolve()
  await Promise.all([first, second])
  expect(order).toEqual(['first begins', 'first ends', 'second'])
  expect(await readdir(context.stateFolder)).toEqual(['.gitignore'])
})

test('a wait that ends in vain names who holds the lock', async () => {
  const context = await lockContext()
  await withLock('setup', context, async () => {
    await expect(withLock('setup', context, async () => {}, 0)).rejects.toMatchObject({
      code: 'locked',
      message: expect.stringContaining(`process ${process.pid}`),
    })
  })
})

test('a failure releases the lock; what a killed command left behind is in no one’s way', async () => {
  const context = await lockContext()
  const failing = withLock('setup', context, () => Promise.reject(new Error('boom')))
  await expect(failing).rejects.toThrow('boom')
  await Promise.all([LOCK, `${LOCK}.holder`].map((name) => writeFile(join(context.stateFolder, name), '')))
  await withLock('setup', context, async () => {}, 0)
  expect(await readdir(context.stateFolder)).toEqual(['.gitignore'])
})

test('an interruption ends the wait', async () => {
  const context = await lockContext()
  await withLock('setup', context, async () => {
    const {signal, ...rest} = {...context, signal: AbortSignal.abort(new Error('interrupted'))}
    await expect(withLock('setup', {...rest, signal}, async () => {})).rejects.toThrow('interrupted')
  })
})
