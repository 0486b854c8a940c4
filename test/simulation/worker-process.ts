import {createLog} from '../../worker/runtime/log.ts'
import {createPace} from '../../worker/runtime/pace.ts'
import {startServer, type WorkerServer} from '../../worker/runtime/server.ts'
import {type Environment, readSettings} from '../../worker/runtime/settings.ts'
import {openStorage} from '../../worker/runtime/storage/index.ts'
import {simulatedProcessor} from './processor.ts'
import {type SimulatedProcess, theWorld} from './world.ts'

/** As `worker/runtime/serve.ts`. */
const GRACE_MS = 9500

let started = 0

export function countWorkersFrom(count: number): void {
  started = count
}

/** Workers that have not ended. */
export const running = new Set<SimulatedProcess>()

/**
 * The worker's runtime in a simulated process, from its settings to its server: all but what `serve` does to the real
 * process, and the watchdog's thread.
 */
export function startWorker(
  environment: Environment,
  writeLine: (line: string) => void,
): {process: SimulatedProcess; listening: Promise<void>; terminate: () => void} {
  const world = theWorld()
  const listening = Promise.withResolvers<void>()
  let server: WorkerServer | undefined
  started += 1
  const process = world.start(`worker-${started}`, () => {
    const log = createLog(writeLine)
    const worker = {
      processor: simulatedProcessor,
      settings: readSettings(environment),
      environment,
      storage: openStorage(environment),
      log,
      pace: createPace(),
      watch: <T>(_log: unknown, work: () => Promise<T>): Promise<T> => work(),
    }
    const listen = async (): Promise<void> => {
      server = await startServer(worker)
      log('INFO', 'listening')
      listening.resolve()
    }
    listen().catch(() => world.end(process, {code: 1}))
  })
  running.add(process)
  process.onEnd.push(() => running.delete(process))
  return {
    process,
    listening: listening.promise,
    terminate: () =>
      world.schedule(
        0,
        () => {
          void (server?.stop(GRACE_MS) ?? Promise.resolve()).then(() => world.end(process, {code: 0}))
        },
        process,
      ),
  }
}
