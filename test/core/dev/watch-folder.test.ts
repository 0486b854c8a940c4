import {once} from 'node:events'
import {watch as watchNode} from 'node:fs'
import {appendFile, mkdir, rename, rm, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {setImmediate as nextTurn} from 'node:timers/promises'
import {expect, onTestFinished, test, vi} from 'vitest'
import {type FolderWatch, watchFolder} from '../../../src/core/dev/watch-folder.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'

const {signal} = new AbortController()

/** Saves a file again and again until it is reported, since watching starts at some later moment. */
async function toldWhileSaving(watch: FolderWatch, folder: string, path: string): Promise<Set<string>> {
  const told = new Set<string>()
  const saving = setInterval(() => void writeFile(join(folder, path), 'x').catch(() => undefined), 50)
  try {
    while (!told.has(path)) for (const one of await watch.next(signal)) told.add(one)
  } finally {
    clearInterval(saving)
  }
  return told
}

test('reports saved files, in new folders too, and nothing that is not part of a worker', async () => {
  const folder = await temporaryFolder()
  await mkdir(join(folder, 'node_modules', 'a'), {recursive: true})
  await mkdir(join(folder, 'lib'))
  await using watch = await watchFolder(folder)
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
  expect(await toldWhileSaving(watch, folder, join('new', 'deep', 'c.ts'))).toContain('new')
})

test('reports a removed file, and ends with the signal', async () => {
  const folder = await temporaryFolder()
  await writeFile(join(folder, 'a.ts'), 'x')
  await using watch = await watchFolder(folder)
  await rm(join(folder, 'a.ts'))
  expect(await watch.next(signal)).toEqual(['a.ts'])
  const stop = new AbortController()
  const waiting = watch.next(stop.signal)
  stop.abort(new Error('enough'))
  await expect(waiting).rejects.toThrow('enough')
  await expect(watchFolder(join(folder, 'nowhere'))).rejects.toThrow('ENOENT')
})

test.for([
  ['removed and made again', '', 'src'],
  ['swapped by its name', '', 'src'],
  ['removed and made again', 'src', '.'],
  ['swapped by its name', 'src', '.'],
])('goes on with a folder that was %s (watched: ./%s)', async ([how, watched = '', itself = '']) => {
  const folder = await temporaryFolder()
  await mkdir(join(folder, 'src', 'lib'), {recursive: true})
  await mkdir(join(folder, '.next', 'lib'), {recursive: true})
  await using watch = await watchFolder(join(folder, watched))
  if (how === 'swapped by its name') {
    await rename(join(folder, 'src'), join(folder, '.before'))
    await rename(join(folder, '.next'), join(folder, 'src'))
  } else {
    await rm(join(folder, 'src'), {recursive: true})
    await mkdir(join(folder, 'src', 'lib'), {recursive: true})
  }
  const inside = watched === '' ? 'src' : ''
  const told = await toldWhileSaving(watch, join(folder, watched), join(inside, 'lib', 'a.ts'))
  expect(told).toContain(itself)
  const paths = new Set([itself, join(inside, 'lib'), join(inside, 'lib', 'a.ts')])
  expect([...told].filter((path) => !paths.has(path))).toEqual([])
  await toldWhileSaving(watch, join(folder, watched), join(inside, 'b.ts'))
})

test('waits for quiet in a file that is written time and again', async () => {
  vi.useFakeTimers({toFake: ['setTimeout', 'performance']})
  onTestFinished(() => void vi.useRealTimers())
  const folder = await temporaryFolder()
  await writeFile(join(folder, 'a.ts'), 'x')
  await using watch = await watchFolder(folder)
  // Reported after the other one, from the same events.
  const after = watchNode(folder)
  onTestFinished(() => after.close())
  const append = async (): Promise<void> => {
    const heard = once(after, 'change')
    await appendFile(join(folder, 'a.ts'), 'x')
    await heard
  }

  let told: string[] | undefined
  const telling = watch.next(signal).then((paths) => (told = paths))
  await append()
  while (vi.getTimerCount() === 0) await nextTurn()
  for (let i = 0; i < 4; i++) {
    await append()
    await vi.advanceTimersByTimeAsync(30)
    expect(told).toBeUndefined()
  }
  await vi.advanceTimersByTimeAsync(30)
  await telling
  expect(told).toEqual(['a.ts'])
})

test('watches nothing any more when it has ended, whatever it was about to watch', async () => {
  const watchers = (): number =>
    process.getActiveResourcesInfo().filter((kind) => kind === 'FSEventWrap').length
  const before = watchers()
  const folder = await temporaryFolder()
  const watch = await watchFolder(folder)
  for (let i = 0; i < 20; i++) await mkdir(join(folder, `new${i}`, 'deep'), {recursive: true})
  await watch[Symbol.asyncDispose]()
  for (let turn = 0; turn < 100; turn++) await nextTurn()
  expect(watchers()).toBe(before)
})
