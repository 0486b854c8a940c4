import {execFileSync, spawn} from 'node:child_process'
import {once} from 'node:events'
import {existsSync, realpathSync} from 'node:fs'
import {createServer} from 'node:net'
import {join} from 'node:path'
import {onTestFinished} from 'vitest'
import {missing} from './tool.ts'

const PROGRAM = findProgram()

/** Why Google's Pub/Sub emulator cannot run here, for a test's title; `undefined` where it can. */
export const NO_EMULATOR =
  missing('java') ?? (PROGRAM === undefined ? ' (skipped: no Pub/Sub emulator in the Cloud SDK)' : undefined)

function findProgram(): string | undefined {
  if (missing('gcloud') !== undefined) return undefined
  const gcloud = execFileSync('sh', ['-c', 'command -v gcloud'], {encoding: 'utf8'}).trim()
  const program = join(realpathSync(gcloud), '../../platform/pubsub-emulator/bin/cloud-pubsub-emulator')
  return existsSync(program) ? program : undefined
}

/** Starts Google's emulator, which keeps everything in memory; ended with the test. @returns its origin */
export async function startPubsubEmulator(): Promise<string> {
  const port = await freePort()
  // The program is a shell script around Java: its group is ended as a whole.
  const child = spawn(PROGRAM ?? '', ['--host=127.0.0.1', `--port=${port}`], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  const closed = once(child, 'close')
  onTestFinished(async () => {
    if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    await closed
  })
  let said = ''
  await new Promise<void>((resolve, reject) => {
    const listen = (text: unknown): void => {
      said += String(text)
      if (said.includes('Server started, listening on')) resolve()
    }
    child.stdout.on('data', listen)
    child.stderr.on('data', listen)
    child.on('close', () => reject(new Error(`The Pub/Sub emulator did not start:\n${said}`)))
  })
  return `http://127.0.0.1:${port}`
}

async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}
