import {execa} from 'execa'
import {once} from 'node:events'
import {readdir} from 'node:fs/promises'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {holdingFile} from '../../src/core/lock-file.ts'
import {temporaryFolder} from '../support/temporary-folder.ts'

const {signal} = new AbortController()
const busy = () => new Error('another process has it')

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
    holdingFile(path, {signal, timeoutMs: 10_000, busy}, work('a')),
    holdingFile(path, {signal, timeoutMs: 10_000, busy}, work('b')),
  ])
  const [first] = events
  const inOrder = ['a begins', 'a ends', 'b begins', 'b ends']
  expect(events).toEqual(first === 'a begins' ? inOrder : [...inOrder.slice(2), ...inOrder.slice(0, 2)])
})

test('is released when the work fails', async () => {
  const path = join(await temporaryFolder(), 'lock')
  const failing = holdingFile(path, {signal, timeoutMs: 0, busy}, () => Promise.reject(new Error('no')))
  await expect(failing).rejects.toThrow('no')
  await expect(holdingFile(path, {signal, timeoutMs: 0, busy}, () => Promise.resolve('mine'))).resolves.toBe(
    'mine',
  )
})

test('fails when the time is over, and stops waiting at an interruption', async () => {
  const path = join(await temporaryFolder(), 'lock')
  await holdingFile(path, {signal, timeoutMs: 0, busy}, async () => {
    const work = () => Promise.resolve()
    await expect(holdingFile(path, {signal, timeoutMs: 0, busy}, work)).rejects.toThrow(
      'another process has it',
    )
    const impatient = AbortSignal.timeout(50)
    await expect(holdingFile(path, {signal: impatient, timeoutMs: 10_000, busy}, work)).rejects.toThrow(
      /abort|timeout/i,
    )
  })
})

test('ends with a process that is killed', async () => {
  const path = join(await temporaryFolder(), 'lock')
  const holder = execa(
    process.execPath,
    [
      '--input-type=module',
      '--eval',
      `import {holdingFile} from ${JSON.stringify(new URL('../../src/core/lock-file.ts', import.meta.url).href)}
       const options = {signal: new AbortController().signal, timeoutMs: 0, busy: () => new Error('busy')}
       await holdingFile(${JSON.stringify(path)}, options, () => new Promise((resolve) => { console.log('held'); setTimeout(resolve, 60_000) }))`,
    ],
    {reject: false},
  )
  await once(holder.stdout, 'data')
  const work = () => Promise.resolve('mine')
  await expect(holdingFile(path, {signal, timeoutMs: 0, busy}, work)).rejects.toThrow(
    'another process has it',
  )
  holder.kill('SIGKILL')
  await holder
  await expect(holdingFile(path, {signal, timeoutMs: 0, busy}, work)).resolves.toBe('mine')
})

test('many that come and go are inside one at a time, and leave no file', async () => {
  const folder = await temporaryFolder()
  let inside = 0
  let most = 0
  const work = async () => {
    most = Math.max(most, ++inside)
    await new Promise((resolve) => setImmediate(resolve))
    inside--
  }
  const options = {signal, timeoutMs: 20_000, busy}
  await Promise.all(Array.from({length: 20}, () => holdingFile(join(folder, 'lock'), options, work)))
  expect([most, await readdir(folder)]).toEqual([1, []])
})
