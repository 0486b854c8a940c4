import {getHeapStatistics, setFlagsFromString} from 'node:v8'
import {runInNewContext} from 'node:vm'

/** How often the process looks whether it is idle. */
const LOOK_MS = 2000
/** It is if it worked less than this share of the time since. */
const IDLE_SHARE = 0.02
/** How much its heap must have grown, in bytes: a collection takes tens of milliseconds. */
const WORTH_BYTES = 8 * 1024 * 1024

/** Has this process give back memory whenever it is idle: V8 keeps what a load needed until the next one. */
export function releaseMemoryWhenIdle(): void {
  let collect: NodeJS.GCFunction | undefined
  let held = 0
  let before = performance.eventLoopUtilization()
  setInterval(() => {
    const now = performance.eventLoopUtilization()
    const {utilization} = performance.eventLoopUtilization(now, before)
    before = now
    if (utilization > IDLE_SHARE || heldBytes() < held + WORTH_BYTES) return
    if (collect === undefined) {
      setFlagsFromString('--expose-gc')
      collect = contextsCollector()
    }
    // A collection of any other flavor keeps the pages.
    collect({type: 'major', flavor: 'last-resort'})
    held = heldBytes()
  }, LOOK_MS).unref()
}

/** Only a new context has what the flag exposes. */
function contextsCollector(): NodeJS.GCFunction {
  return runInNewContext('gc')
}

function heldBytes(): number {
  const {total_heap_size: heap, external_memory: external} = getHeapStatistics()
  return heap + external
}
