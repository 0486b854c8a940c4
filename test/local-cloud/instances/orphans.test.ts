import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {mkdir, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {fileURLToPath} from 'node:url'
import {expect, it} from 'vitest'
import {temporaryFolder} from '../../support/temporary-folder.ts'

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

it.each(['node24', 'process'])(
  'no instance of the runtime %s outlives the local cloud, even one that is killed and whose instance ignores every signal',
  async (kind) => {
    const folder = await temporaryFolder()
    await mkdir(join(folder, 'sha256-image'))
    await writeFile(
      join(folder, 'sha256-image/main.js'),
      "for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT']) process.on(signal, () => {}); require('node:http').createServer().listen(process.env.PORT)",
    )
    const host = spawn(process.execPath, [fileURLToPath(new URL('host.ts', import.meta.url)), folder, kind], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line]: unknown[] = await once(host.stdout, 'data')
    const pid = Number(String(line))
    expect(isAlive(pid)).toBe(true)
    host.kill('SIGKILL')
    await once(host, 'exit')
    await expect.poll(() => isAlive(pid)).toBe(false)
  },
)
