import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {rmSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {expect, it, onTestFinished} from 'vitest'
import {startLocalCloudProcess} from '../support/local-cloud-process.ts'
import {temporaryFolder} from '../support/temporary-folder.ts'

const PRELOAD = join(import.meta.dirname, '../fixtures/failing-sync.ts')
const MAIN = join(import.meta.dirname, '../../src/local-cloud/main.ts')

it('ends without an answer if the disk fails to sync, and continues with what it acknowledged', async () => {
  const folder = await temporaryFolder()
  const child = spawn(process.execPath, ['--import', PRELOAD, MAIN, '--state', folder], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const ended = once(child, 'close')
  let log = ''
  const endpoint = await new Promise<string>((resolve) => {
    child.stderr.on('data', (chunk) => {
      log += String(chunk)
      const [, origin] = /ready at (\S+),/.exec(log) ?? []
      if (origin !== undefined) resolve(origin)
    })
  })
  const upload = async (origin: string, name: string, content: string): Promise<number> => {
    const response = await fetch(`${origin}/upload/storage/v1/b/bucket/o?uploadType=media&name=${name}`, {
      method: 'POST',
      body: content,
    })
    await response.arrayBuffer()
    return response.status
  }
  await fetch(`${endpoint}/storage/v1/b?project=p-test`, {method: 'POST', body: '{"name": "bucket"}'})
  const [large, small] = ['x'.repeat(100_000), 'x']
  expect(await upload(endpoint, 'large', large)).toBe(200)
  expect(await upload(endpoint, 'small', small)).toBe(200)

  writeFileSync(join(folder, 'fail-sync'), '')
  const unanswered = await Promise.allSettled(
    ['large', 'small'].map((name) => upload(endpoint, name, 'y'.repeat(100_000))),
  )
  expect(unanswered.map(({status}) => status)).toEqual(['rejected', 'rejected'])
  expect(await ended).toEqual([1, null])
  expect(log).toMatch(
    /The disk failed to store the latest changes to the state in .+, so the local cloud ends: .+EIO: i\/o error/s,
  )

  rmSync(join(folder, 'fail-sync'))
  await using again = await startLocalCloudProcess(folder)
  for (const name of ['large', 'small']) {
    const response = await fetch(`${again.endpoint}/bucket/${name}`)
    // The last upload is in doubt, so either content is right; both are whole.
    const earlier = name === 'large' ? large : small
    expect([earlier, 'y'.repeat(100_000)]).toContain(await response.text())
    expect(await upload(again.endpoint, name, 'z')).toBe(200)
  }
})
