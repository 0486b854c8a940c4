import {existsSync, statfsSync} from 'node:fs'
import {dirname, resolve} from 'node:path'
import {codeOf} from './system-error.ts'

/** The disk has no room for a change to the state in `folder`. Nothing was changed. */
export class DiskFullError extends Error {
  override readonly name = 'DiskFullError'
  readonly folder: string

  constructor(folder: string, cause: unknown) {
    super(describeDiskFull(folder), {cause})
    this.folder = folder
  }
}

/** The message for a caller, with the space left now. */
export function describeDiskFull(folder: string): string {
  return `Not enough room on the disk of ${folder} (${roomLeft(folder)} left): nothing was changed.`
}

/** SQLITE_FULL (sqlite.org/rescode.html), or the system's codes for a full disk and an exhausted quota. */
export function isDiskFull(error: unknown): boolean {
  if (error instanceof DiskFullError) return true
  if (!(error instanceof Error)) return false
  // The low byte is the primary code.
  if ('errcode' in error && (Number(error.errcode) & 0xff) === 13) return true
  const code = codeOf(error)
  return code === 'ENOSPC' || code === 'EDQUOT'
}

/** Runs `work` on files below `folder`. @throws DiskFullError if the disk is full, otherwise what `work` throws */
export async function namingDisk<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw asDiskFull(error, folder)
  }
}

/** A full disk under `folder` as a DiskFullError; any other error unchanged. */
export function asDiskFull(error: unknown, folder: string): unknown {
  return isDiskFull(error) && !(error instanceof DiskFullError) ? new DiskFullError(folder, error) : error
}

const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB']

/** How much this user can still write: `0 bytes`, `12.0 KiB`, `3.4 MiB`. */
export function roomLeft(folder: string): string {
  const {bavail, bsize} = statfsSync(existing(folder))
  let room = bavail * bsize
  let unit = 0
  for (; room >= 1024 && unit < UNITS.length - 1; unit++) room /= 1024
  return `${unit === 0 ? room : room.toFixed(1)} ${UNITS[unit] ?? ''}`
}

/** The folder, or the nearest one above that exists. */
function existing(folder: string): string {
  let at = resolve(folder)
  while (!existsSync(at) && dirname(at) !== at) at = dirname(at)
  return at
}
