import {mkdtemp, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {memoryOf} from '../bench/process-usage.ts'
import {startLocalCloudProcess} from '../support/local-cloud-process.ts'

test.skipIf(process.platform !== 'linux')(
  'memory that a load needed is given back when the local cloud is idle',
  {timeout: 60_000},
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'idle-memory-'))
    await using stack = new AsyncDisposableStack()
    stack.defer(() => rm(folder, {recursive: true, force: true}))
    const {pid, endpoint} = stack.use(await startLocalCloudProcess(folder))
    const held = (): number => memoryOf(pid)?.nowMb ?? 0
    const call = async (method: string, path: string, body: object): Promise<void> => {
      const answer = await fetch(`${endpoint}/v1/projects/idle-memory/${path}`, {
        method,
        body: JSON.stringify(body),
      })
      expect(answer.status).toBe(200)
      await answer.arrayBuffer()
    }
    await call('PUT', 'topics/load', {})
    const messages = Array.from({length: 100}, () => ({data: 'eHh4'.repeat(2000)}))
    let busy = 0
    for (let request = 0; request < 40; request++) {
      await call('POST', 'topics/load:publish', {messages})
      busy = Math.max(busy, held())
    }
    await expect.poll(held, {timeout: 30_000, interval: 500}).toBeLessThan(busy - 20)
  },
)
