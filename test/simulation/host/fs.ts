import * as real from 'node:fs'
import {Readable} from 'node:stream'
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

export function createReadStream(
  _path: string,
  {fd, start = 0, end = Infinity}: {fd: number; start?: number; end?: number},
): Readable {
  const bytes = theDisk()
    .bytes(fd)
    .subarray(start, end + 1)
  let isRead = false
  return new Readable({
    read() {
      theWorld().schedule(theDisk().weather.delayMs(), () => {
        if (this.destroyed) return
        if (!isRead && bytes.length > 0) this.push(Buffer.from(bytes))
        else this.push(null)
        isRead = true
      })
    },
    destroy(error, done) {
      theDisk().close(fd)
      done(error)
    },
  })
}
