import {totalmem} from 'node:os'
import {WORKER_ENVIRONMENT} from '../../contract.ts'

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
}
/** Node itself, and the read and write buffers. */
const OTHER_BYTES = 160 * 2 ** 20
/** A thread that helps: its code, and what it computes with. */
const HELPER_BYTES = 64 * 2 ** 20

/** Bytes available for a file's table and what is derived from it: the container's memory less everything else. */
export function memoryForTable(environment: Readonly<Record<string, string | undefined>>): number {
  const [, amount, unit] =
    /^(\d+(?:\.\d+)?)([a-z]*)$/i.exec(environment[WORKER_ENVIRONMENT.memoryLimit] ?? '') ?? []
  const named = Number(amount) * (UNITS[unit ?? ''] ?? NaN)
  return (named > 0 ? named : memoryOfContainer()) - OTHER_BYTES
}

function memoryOfContainer(): number {
  // Without a limit it returns 0, or more than exists.
  return Math.min(process.constrainedMemory() || Infinity, totalmem())
}

/** Threads that have room in so many bytes: a table leaves them some, since the rows that it keeps depend on no thread. */
export function helpersIn(bytes: number): number {
  return Math.max(0, Math.floor(bytes / HELPER_BYTES))
}
