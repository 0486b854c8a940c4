import {calm, planFaults} from './faults.ts'
import {checkAll, DeadLetters, unfinished} from './checks.ts'
import {CloudProcess} from './cloud-process.ts'
import {CALM} from './disk-weather.ts'
import {Disk, mount} from './disk.ts'
import {forgetSignals} from './host/globals.ts'
import {connectTo, Network} from './network.ts'
import {pipelineDisk} from './pipeline.ts'
import {kindOf, type UploadedFile, uploadFile} from './uploads.ts'
import {countWorkersFrom, running} from './worker-process.ts'
import {describe, enter, World} from './world.ts'

/** What came of a seed. */
export interface Outcome {
  readonly seed: number
  readonly lines: readonly string[]
  readonly violations: readonly string[]
}

// A call loads it when it is first needed, which takes real time.
await import('../../src/local-cloud/wire/request-message.ts')

const MOST_FAULTY_MS = 600_000
const LONGEST_REST_MS = 3600_000
const LONGEST_ENDING_MS = 2000

/** Runs a pipeline with files and faults drawn from the seed, until every file has ended, and checks it. */
export async function simulate(seed: number): Promise<Outcome> {
  const afterwards = (['keep', 'keep', 'archive', 'delete'] as const)[seed % 4] ?? 'keep'
  const image = await pipelineDisk(afterwards)
  const world = new World(seed)
  enter(world)
  running.clear()
  countWorkersFrom(0)
  const disk = new Disk(world, {...CALM})
  disk.load(image)
  mount(disk)
  const network = new Network({delayMs: () => 0, breaks: () => false})
  connectTo(network)
  calm(network, disk)
  world.log(`seed ${seed}, afterwards ${afterwards}`)

  const cloud = new CloudProcess()
  cloud.start()
  await world.run(60_000, () => cloud.isReady)
  const faultyMs = world.whole(1000, MOST_FAULTY_MS)
  planFaults({cloud, disk, network}, faultyMs)
  const files: UploadedFile[] = []
  let uploading = 0
  // Uploads that come together share commits, or meet the sync of each other's.
  const together = world.chance(0.3) ? world.whole(0, faultyMs) : undefined
  for (let index = world.whole(1, 6); index > 0; index--) {
    const file: UploadedFile = {name: `file-${index}`, kind: kindOf(index), tries: []}
    files.push(file)
    uploading += 1
    const atMs = together === undefined ? world.whole(0, faultyMs) : together + world.uniform() * 3
    world.schedule(atMs, () => {
      world.start(`client-${index}`, () => {
        void uploadFile(file).finally(() => (uploading -= 1))
      })
    })
  }
  const began = world.now
  await world.run(began + faultyMs)
  calm(network, disk)
  world.log('calm from now on')
  await world.run(began + faultyMs + LONGEST_REST_MS, () => uploading === 0)
  await rest(world, cloud, files)
  cloud.finish()
  // Until the last process has ended: what it leaves open outlives the simulation.
  await world.run(world.now + LONGEST_ENDING_MS)
  forgetSignals()
  return {seed, lines: world.lines, violations: world.violations}
}

/** Waits until all files have ended, then checks everything. */
async function rest(world: World, cloud: CloudProcess, files: readonly UploadedFile[]): Promise<void> {
  const end = world.now + LONGEST_REST_MS
  const dead = new DeadLetters()
  let isOver = false
  const observe = async (waitMs: number): Promise<void> => {
    try {
      const left = cloud.isReady ? await unfinished(dead) : ['the local cloud']
      if (left.length === 0) {
        await checkAll(files, dead)
        isOver = true
        return
      }
      world.log(`waits for ${left.join(', ')}`)
      if (world.now + waitMs > end) {
        for (const file of left) world.violate(`${file} is neither done, failed nor dead`)
        isOver = true
        return
      }
    } catch (error) {
      world.violate(`the local cloud does not answer on a calm day: ${describe(error)}`)
      isOver = true
      return
    }
    world.schedule(waitMs, () => void observe(Math.min(2 * waitMs, 300_000)))
  }
  world.start('observer', () => void observe(10_000))
  await world.run(end + 600_000, () => isOver)
  if (!isOver) world.violate('the checks do not come to an end')
}
