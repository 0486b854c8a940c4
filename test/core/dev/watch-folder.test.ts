import {mkdir, rename, rm, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {watchFolder} from '../../../src/core/dev/watch-folder.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'

const {signal} = new AbortController()

test('tells what was saved, below new folders too, and not what no worker is made of', async () => {
  const folder = await temporaryFolder()
  await mkdir(join(folder, 'node_modules', 'a'), {recursive: true})
  await mkdir(join(folder, 'lib'))
  using watch = await watchFolder(folder)
  const write = (name: string, content = 'x') => writeFile(join(folder, name), content)

  await write('node_modules/a/index.js')
  await write('.swap')
  await write('lib/b.ts')
  expect(await watch.next(signal)).toEqual([join('lib', 'b.ts')])

  // As editors save: a new file takes the place of the old one.
  await write('processor.ts.tmp')
  await rename(join(folder, 'processor.ts.tmp'), join(folder, 'processor.ts'))
  expect(await watch.next(signal)).toEqual(['processor.ts'])

  await mkdir(join(folder, 'new', 'deep'), {recursive: true})
  await write(join('new', 'deep', 'c.ts'))
  const told = new Set<string>()
  const until = async (path: string) => {
    while (!told.has(path)) for (const one of await watch.next(signal)) told.add(one)
  }
  await until('new')
  // It is watched from some moment on: what is saved again then is told.
  const saving = setInterval(() => void write(join('new', 'deep', 'c.ts')), 50)
  try {
    await until(join('new', 'deep', 'c.ts'))
  } finally {
    clearInterval(saving)
  }
})

test('tells of a file that was removed, and ends with the signal', async () => {
  const folder = await temporaryFolder()
  await writeFile(join(folder, 'a.ts'), 'x')
  using watch = await watchFolder(folder)
  await rm(join(folder, 'a.ts'))
  expect(await watch.next(signal)).toEqual(['a.ts'])
  const stop = new AbortController()
  const waiting = watch.next(stop.signal)
  stop.abort(new Error('enough'))
  await expect(waiting).rejects.toThrow('enough')
  await expect(watchFolder(join(folder, 'nowhere'))).rejects.toThrow('ENOENT')
})
