import * as real from 'node:fs'
import {DISK, theDisk} from '../disk.ts'
import {theWorld} from '../world.ts'

/** In place of `node:fs`: the simulated disk for what lies on it, the real one for everything else. */
export * from 'node:fs'

const isSimulated = (path: string): boolean => path.startsWith(DISK)

export function existsSync(path: string): boolean {
  return isSimulated(path) ? theDisk().has(path) : real.existsSync(path)
}

export function statfsSync(path: string): {bavail: number; bsize: number} {
  if (!isSimulated(path)) return real.statfsSync(path)
  return {bavail: theDisk().weather.isFull ? 0 : 1_000_000, bsize: 4096}
}

export function openSync(path: string, flags: string): number {
  return isSimulated(path) ? theDisk().open(path, flags) : real.openSync(path, flags)
}

export function readSync(
  descriptor: number,
  into: Buffer,
  offset: number,
  length: number,
  position: number,
): number {
  return theDisk()
    .bytes(descriptor)
    .copy(into, offset, position, position + length)
}

export function closeSync(descriptor: number): void {
  theDisk().close(descriptor)
}

export function read(
  descriptor: number,
  into: Buffer,
  offset: number,
  length: number,
  position: number,
  done: (error: Error | null, length: number) => void,
): void {
  theWorld().schedule(theDisk().weather.delayMs(), () =>
    done(null, readSync(descriptor, into, offset, length, position)),
  )
}
