import {execa} from 'execa'
import {once} from 'node:events'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {withLock} from '../../src/tools/lock-file.ts'
import {temporaryFolder} from '../support/temporary-folder.ts'

const {signal} = new AbortController()
const busy = () => new Error('somebody else has it')

test('one at a time, also within a process', async () => {
  const path = join(await temporaryFolder(), 'lock')
  const events: string[] = []
  const work = (name: string) => () => {
    events.push(`${name} begins`)
    return new Promise<void>((resolve) => {
      setImmediate(() => {
        events.push(`${name} ends`)
        resolve()
      })
    })
  }
  await Promise.all([
    withLock(path, {signal, timeoutMs: 10_000, busy}, work('a')),
    withLock(path, {signal, timeoutMs: 10_000, busy}, work('b')),
  ])
  expect(events).toEqual(['a begins', 'a ends', 'b begins', 'b ends'])
})

test('is let go when the work fails', async () => {
  const path = join(await temporaryFolder(), 'lock')
  const failing = withLock(path, {signal, timeoutMs: 0, busy}, () => Promise.reject(new Error('no')))
  await expect(failing).rejects.toThrow('no')
  await expect(withLock(path, {signal, timeoutMs: 0, busy}, () => Promise.resolve('mine'))).resolves.toBe(
    'mine',
  )
})

test('says who is busy when the time is over, and stops waiting when it is told to', async () => {
  const path = join(await temporaryFolder(), 'lock')
  await withLock(path, {signal, timeoutMs: 0, busy}, async () => {
    const work = () => Promise.resolve()
    await expect(withLock(path, {signal, timeoutMs: 0, busy}, work)).rejects.toThrow('somebody else has it')
    const impatient = AbortSignal.timeout(50)
    await expect(withLock(path, {signal: impatient, timeoutMs: 10_000, busy}, work)).rejects.toThrow(
      /abort|timeout/i,
    )
  })
})

test('goes with a process that is killed', async () => {
  const path = join(await temporaryFolder(), 'lock')
  const holder = execa(
    process.execPath,
    [
      '--input-type=module',
      '--eval',
      `import {withLock} from ${JSON.stringify(new URL('../../src/tools/lock-file.ts', import.meta.url).href)}
       const options = {signal: new AbortController().signal, timeoutMs: 0, busy: () => new Error('busy')}
       await withLock(${JSON.stringify(path)}, options, () => new Promise(() => { console.log('held'); setInterval(() => {}, 1000) }))`,
    ],
    {reject: false},
  )
  await once(holder.stdout, 'data')
  const work = () => Promise.resolve('mine')
  await expect(withLock(path, {signal, timeoutMs: 0, busy}, work)).rejects.toThrow('somebody else has it')
  holder.kill('SIGKILL')
  await holder
  await expect(withLock(path, {signal, timeoutMs: 0, busy}, work)).resolves.toBe('mine')
})
