import {readdir, stat, utimes, writeFile} from 'node:fs/promises'
import {hostname} from 'node:os'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {readConfig} from '../../src/core/config.ts'
import {pipelineOf} from '../../src/core/pipeline/pipeline.ts'
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

/** Of a process that is no more: pids end at 2^22 on Linux. */
const DEAD_PID = 2 ** 22 + 1

/** How many of `count` that ask for the lock at once are inside at the same time, at the most. */
async function mostAtOnce(count: number, context: Awaited<ReturnType<typeof lockContext>>): Promise<number> {
  let inside = 0
  let most = 0
  const work = async () => {
    most = Math.max(most, ++inside)
    await new Promise((resolve) => setImmediate(resolve))
    inside--
  }
  await Promise.all(Array.from({length: count}, () => withLock('setup', context, work)))
  return most
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
    new RegExp(`^Waiting for cloud-runner setup \\(process ${process.pid}, since \\d{4}-`),
  )
  release.resolve()
  await Promise.all([first, second])
  expect(order).toEqual(['first begins', 'first ends', 'second'])
  expect(await readdir(context.stateFolder)).toEqual(['.gitignore'])
})

test('who waits in vain is told who holds the lock', async () => {
  const context = await lockContext()
  await withLock('setup', context, async () => {
    await expect(withLock('setup', context, async () => {}, 0)).rejects.toMatchObject({
      code: 'locked',
      message: expect.stringContaining(`process ${process.pid}`),
    })
  })
})

test('the lock of a process that is gone is taken over, by one of many', async () => {
  const context = await lockContext()
  const since = '2026-11-22T00:00:00.000Z'
  await writeFile(
    join(context.stateFolder, LOCK),
    JSON.stringify({command: 'setup', pid: DEAD_PID, host: hostname(), since}),
  )
  expect(await mostAtOnce(8, context)).toBe(1)
})

test('a lock of another machine is not judged by its pid', async () => {
  const context = await lockContext()
  await writeFile(
    join(context.stateFolder, LOCK),
    JSON.stringify({command: 'setup', pid: DEAD_PID, host: 'elsewhere', since: '2026-11-22T00:00:00.000Z'}),
  )
  await expect(withLock('setup', context, async () => {}, 0)).rejects.toMatchObject({
    code: 'locked',
    message: expect.stringContaining('on elsewhere'),
  })
})

test('a lock that has said nothing for long is taken over; a failure releases the lock', async () => {
  const context = await lockContext()
  await writeFile(join(context.stateFolder, LOCK), '')
  await makeOld(join(context.stateFolder, LOCK))
  await expect(
    withLock('setup', context, async () => {
      throw new Error('boom')
    }),
  ).rejects.toThrow('boom')
  expect(await readdir(context.stateFolder)).toEqual(['.gitignore'])
})

test('a lock that says nothing yet is its maker’s', async () => {
  const context = await lockContext()
  await writeFile(join(context.stateFolder, LOCK), '')
  await expect(withLock('setup', context, async () => {}, 0)).rejects.toMatchObject({code: 'locked'})
  expect(await readdir(context.stateFolder)).toContain(LOCK)
})

async function makeOld(file: string): Promise<void> {
  const then = Date.now() / 1000 - 3600
  await utimes(file, then, then)
}

const HOLDER = {command: 'setup', pid: DEAD_PID, host: hostname(), since: '2026-11-22T00:00:00.000Z'}

/** The lock of a process that is gone, and the guard of another process that took it over. */
async function leaveGuard(stateFolder: string, guard: string): Promise<string> {
  const lock = join(stateFolder, LOCK)
  await writeFile(lock, JSON.stringify(HOLDER))
  const {ino, mtimeNs} = await stat(lock, {bigint: true})
  const file = `${lock}.${ino}-${mtimeNs}`
  await writeFile(file, guard)
  return file
}

test.each([
  ['is gone', JSON.stringify(HOLDER), false],
  ['was on another machine', JSON.stringify({...HOLDER, host: 'elsewhere'}), true],
  ['has a pid that is another’s now', JSON.stringify({...HOLDER, pid: process.pid}), true],
  ['wrote nothing', '', true],
])('the guard of a takeover is taken over as well, where its maker %s', async (_, guard, old) => {
  const context = await lockContext()
  const file = await leaveGuard(context.stateFolder, guard)
  if (old) await makeOld(file)
  expect(await mostAtOnce(4, context)).toBe(1)
  expect(await readdir(context.stateFolder)).toEqual(['.gitignore'])
})

test('while another takes over, patience ends, and so does waiting at an interrupt', async () => {
  const context = await lockContext()
  await leaveGuard(context.stateFolder, JSON.stringify({...HOLDER, pid: process.pid}))
  await expect(withLock('setup', context, async () => {}, 0)).rejects.toMatchObject({code: 'locked'})
  const signal = AbortSignal.abort(new Error('interrupted'))
  await expect(withLock('setup', {...context, signal}, async () => {})).rejects.toThrow('interrupted')
})
