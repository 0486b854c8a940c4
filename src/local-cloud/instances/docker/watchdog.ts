// A process beside the local cloud: `watchdog.js DOCKER_HOST OWNER`. Containers belong to the engine and would outlive
// a killed local cloud. Its stdin is one end of a pipe whose other end only the local cloud holds: when that closes, the
// local cloud is gone, however it ended, and its containers are removed.
import {setTimeout as pass} from 'node:timers/promises'
import {connectEngine} from './engine.ts'
import {removeContainers} from './leftovers.ts'

/** By then, any container that the engine was still creating exists. */
const SECOND_LOOK_MS = 2000

const [host = '', owner = ''] = process.argv.slice(2)
// The local cloud handles Ctrl-C and the end of the terminal; this process follows it.
for (const signal of ['SIGINT', 'SIGHUP', 'SIGTERM'] as const) process.on(signal, () => undefined)
process.stdin.resume()
process.stdin.once('close', () => void clearAway())

async function clearAway(): Promise<void> {
  const engine = connectEngine(host)
  await removeContainers(engine, owner)
  await pass(SECOND_LOOK_MS)
  await removeContainers(engine, owner)
}
