import {getHeapStatistics, setFlagsFromString} from 'node:v8'
import {runInNewContext} from 'node:vm'

/** How often the process looks whether it is idle. */
const LOOK_MS = 2000
/** It is if it worked less than this share of the time since. */
const IDLE_SHARE = 0.02
/** How much its heap must have grown, in bytes: a collection takes tens of milliseconds. */
const WORTH_BYTES = 8 * 1024 * 1024
/** How much may pass through in buffers before they are collected, which takes half a millisecond. */
const PASSED_BYTES = 8 * 1024 * 1024

let isReleasing = false
const forgetful = new Set<() => void>()
let collector: NodeJS.GCFunction | undefined
let passed = 0

/** Has this process give back memory whenever it is idle: V8 keeps what a load needed until the next one. */
export function releaseMemory(): void {
  isReleasing = true
  let held = 0
  let before = performance.eventLoopUtilization()
  setInterval(() => {
    const now = performance.eventLoopUtilization()
    const {utilization} = performance.eventLoopUtilization(now, before)
    before = now
    if (utilization > IDLE_SHARE || heldBytes() < held + WORTH_BYTES) return
    for (const forget of forgetful) forget()
    // A collection of any other flavor keeps the pages.
    collect({type: 'major', flavor: 'last-resort'})
    held = heldBytes()
  }, LOOK_MS).unref()
}

/** Has `forget`, which frees what can be read again, called before memory is given back, until it is disposed. */
export function beforeRelease(forget: () => void): Disposable {
  forgetful.add(forget)
  return {[Symbol.dispose]: () => void forgetful.delete(forget)}
}

/**
 * Counts the bytes of a buffer that soon is garbage. They lie outside the heap, where V8 lets a hundred megabytes gather
 * before what little of the heap refers to them is collected.
 */
export function bytesPass(bytes: number): void {
  passed += bytes
  if (!isReleasing || passed < PASSED_BYTES) return
  passed = 0
  collect({type: 'minor'})
}

function collect(options: NodeJS.GCOptions): void {
  if (collector === undefined) {
    setFlagsFromString('--expose-gc')
    collector = contextsCollector()
  }
  collector(options)
}

/** Only a new context has what the flag exposes. */
function contextsCollector(): NodeJS.GCFunction {
  return runInNewContext('gc')
}

function heldBytes(): number {
  const {total_heap_size: heap, external_memory: external} = getHeapStatistics()
  return heap + external
}
