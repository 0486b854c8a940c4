import type {DockerRuntime} from '../../../src/local-cloud/instances/docker/runtime.ts'
import type {Exit, Instance, InstanceSpec} from '../../../src/local-cloud/instances/instance.ts'
import {startWorker} from '../worker-process.ts'
import {theProcess, theWorld} from '../world.ts'

/** In place of processes and containers: each instance is a simulated process that runs the worker's runtime. */

/** Those that still see the end of the local cloud notice it within this time. */
const LONGEST_ORPHAN_MS = 1000

export function createRuntimes(): DockerRuntime {
  const world = theWorld()
  const cloud = theProcess()
  return {
    prepare: () => Promise.resolve(),
    removeLeftovers: () => Promise.resolve(),
    close: () => Promise.resolve(),
    start: ({env, output}: InstanceSpec): Promise<Instance> => {
      const id = world
        .whole(1, 2 ** 40)
        .toString(16)
        .padStart(64, '0')
      const port = world.whole(10_000, 20_000)
      const exited = Promise.withResolvers<Exit>()
      let lastLine = 0
      const inCloud = (action: () => void): void => {
        lastLine = Math.max(lastLine, world.now + world.uniform())
        world.schedule(lastLine - world.now, action, cloud)
      }
      const worker = startWorker({...env, PORT: String(port)}, (line) =>
        inCloud(() => output('stdout', line)),
      )
      worker.process.onEnd.push(({code}) => {
        world.log(`${worker.process.name} ends${code === undefined ? ', killed' : ` with ${code}`}`)
        inCloud(() =>
          exited.resolve({
            code: code ?? null,
            signal: code === undefined ? 'SIGKILL' : null,
            outOfMemory: false,
            memory: {limitBytes: 0, peakBytes: undefined},
          }),
        )
      })
      const kill = (): void => world.end(worker.process, {code: undefined})
      cloud?.onEnd.push(() => world.schedule(world.whole(0, LONGEST_ORPHAN_MS), kill, 'world'))
      return Promise.resolve({
        id,
        pid: port,
        port,
        reach: {headers: {'x-front-end-secret': env['FRONT_END_SECRET'] ?? ''}, ports: new Map()},
        listening: worker.listening,
        exited: exited.promise,
        async stop(graceMs) {
          worker.terminate()
          const timer = world.schedule(graceMs, kill, 'world')
          const exit = await exited.promise
          timer.clear()
          return exit
        },
      })
    },
  }
}
