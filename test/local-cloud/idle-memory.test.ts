import {mkdtemp, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {describe, expect, onTestFinished, test} from 'vitest'
import {memoryOf} from '../bench/process-usage.ts'
import {startLocalCloudProcess} from '../support/local-cloud-process.ts'

/** A local cloud of its own, and the memory that it holds and held at most, in megabytes. */
async function startMeasured() {
  const folder = await mkdtemp(join(tmpdir(), 'idle-memory-'))
  const cloud = await startLocalCloudProcess(folder)
  onTestFinished(async () => {
    await cloud[Symbol.asyncDispose]()
    await rm(folder, {recursive: true, force: true})
  })
  const {pid, endpoint} = cloud
  return {
    endpoint,
    held: () => memoryOf(pid)?.nowMb ?? 0,
    most: () => memoryOf(pid)?.peakMb ?? 0,
    call: async (method: string, path: string, body: string | Blob): Promise<void> => {
      const answer = await fetch(`${endpoint}${path}`, {method, body})
      expect(answer.status).toBe(200)
      await answer.arrayBuffer()
    },
  }
}

describe.skipIf(process.platform !== 'linux')('memory', {timeout: 60_000}, () => {
  test('that a load needed is given back when the local cloud is idle', async () => {
    const {held, call} = await startMeasured()
    const topic = '/v1/projects/idle-memory/topics/load'
    await call('PUT', topic, '{}')
    const messages = Array.from({length: 100}, () => ({data: 'eHh4'.repeat(2000)}))
    let busy = 0
    for (let request = 0; request < 40; request++) {
      await call('POST', `${topic}:publish`, JSON.stringify({messages}))
      busy = Math.max(busy, held())
    }
    await expect.poll(held, {timeout: 30_000, interval: 500}).toBeLessThan(busy - 20)
  })

  test('for bytes that pass through does not pile up', async () => {
    const {held, most, call} = await startMeasured()
    await call('POST', '/storage/v1/b?project=idle-memory', '{"name": "large"}')
    const before = held()
    const bytes = new Blob(Array.from({length: 256}, () => Buffer.alloc(1024 * 1024, 'x')))
    await call('POST', '/upload/storage/v1/b/large/o?uploadType=media&name=large', bytes)
    expect(most() - before).toBeLessThan(64)
  })
})
