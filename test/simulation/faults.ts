import type {CloudProcess} from './cloud-process.ts'
import type {Disk} from './disk.ts'
import {planCommitCrash, splitCommits} from './host/sqlite.ts'
import type {Network} from './network.ts'
import {running} from './worker-process.ts'
import {type SimulatedProcess, theWorld} from './world.ts'

/** Kinds of faults; each seed has some of them. */
const FAULTS = [
  'kill',
  'power',
  'commit',
  'power at a commit',
  'power after a sync',
  'split commits',
  'stop',
  'slow network',
  'lost connections',
  'slow disk',
  'full disk',
  'failing sync',
  'clock',
  'frozen worker',
  'killed worker',
] as const

type Fault = (typeof FAULTS)[number]

const LONGEST_JUMP_MS = 3 * 3600_000

/** What goes wrong while the files are on their way, and ends at `untilMs`. */
export function planFaults(
  {cloud, disk, network}: {cloud: CloudProcess; disk: Disk; network: Network},
  untilMs: number,
): void {
  const world = theWorld()
  const chosen = FAULTS.filter(() => world.chance(0.3))
  world.log(`faults: ${chosen.join(', ') || 'none'}`)
  const at = (action: () => void): void => {
    for (let times = world.whole(1, 4); times > 0; times--)
      world.schedule(world.whole(0, untilMs), action, 'world')
  }
  const worker = (): SimulatedProcess | undefined => {
    const all = [...running]
    return all[world.whole(0, Math.max(0, all.length - 1))]
  }
  const plan: Record<Fault, () => void> = {
    kill: () => at(() => cloud.kill()),
    power: () => at(() => cloud.losePower()),
    commit: () =>
      at(() => planCommitCrash({when: world.pick(['before', 'after']), commits: world.whole(0, 20)})),
    'power at a commit': () =>
      at(() => {
        const usualMs = disk.weather.delayMs
        const fail = (): void => {
          disk.weather.delayMs = usualMs
          cloud.losePower()
        }
        const slow = (): void => {
          disk.weather.delayMs = () => 2000
          world.schedule(world.whole(0, 2000), fail, 'world')
        }
        planCommitCrash({when: slow, commits: world.whole(0, 20)})
      }),
    'power after a sync': () => {
      const share = world.uniform() * 0.5
      // Changes gather while one is synced.
      const usualMs = disk.weather.delayMs
      disk.weather.delayMs = () => usualMs() + world.uniform() * 10
      disk.weather.afterSync = () => {
        if (world.chance(share)) world.schedule(world.uniform() * 3, () => cloud.losePower(), 'world')
      }
    },
    'split commits': () => splitCommits(world.uniform() * 0.2),
    stop: () => at(() => cloud.stop()),
    'slow network': () => {
      const share = world.uniform() * 0.1
      const usualMs = network.weather.delayMs
      network.weather.delayMs = () => (world.chance(share) ? world.uniform() * 10_000 : usualMs())
    },
    'lost connections': () => {
      const share = world.uniform() * 0.1
      network.weather.breaks = () => world.chance(share)
    },
    'slow disk': () => {
      const share = world.uniform() * 0.5
      const usualMs = disk.weather.delayMs
      disk.weather.delayMs = () => (world.chance(share) ? world.uniform() * 5000 : usualMs())
    },
    'full disk': () =>
      at(() => {
        disk.weather.isFull = world.chance(0.7)
        disk.weather.isDatabaseFull = !disk.weather.isFull || world.chance(0.5)
        world.log(`the disk is full for ${disk.weather.isFull ? 'files' : 'the database'}`)
        world.schedule(world.whole(100, 40_000), () => {
          disk.weather.isFull = false
          disk.weather.isDatabaseFull = false
          world.log('the disk has room')
        })
      }),
    'failing sync': () =>
      at(() => {
        disk.weather.failsNextSync = true
      }),
    clock: () =>
      at(() => {
        const ms = world.whole(-LONGEST_JUMP_MS, LONGEST_JUMP_MS)
        world.log(`the clock jumps by ${ms} ms`)
        world.jump(ms)
      }),
    'frozen worker': () =>
      at(() => {
        const frozen = worker()
        if (frozen === undefined) return
        frozen.frozenUntil = world.now + world.whole(1000, 150_000)
        world.log(`${frozen.name} is frozen until ${(frozen.frozenUntil / 1000).toFixed(3)}`)
      }),
    'killed worker': () =>
      at(() => {
        const killed = worker()
        if (killed !== undefined) world.end(killed, {code: undefined})
      }),
  }
  for (const fault of chosen) plan[fault]()
}

/** A calm machine. */
export function calm(network: Network, disk: Disk): void {
  const world = theWorld()
  network.weather = {delayMs: () => 0.05 + world.uniform(), breaks: () => false}
  disk.weather.delayMs = () => 0.02 + world.uniform() / 2
  disk.weather.isFull = false
  disk.weather.isDatabaseFull = false
  disk.weather.failsNextSync = false
  disk.weather.afterSync = () => undefined
  planCommitCrash(undefined)
  splitCommits(0)
}
