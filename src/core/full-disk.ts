import type {ErrorCode} from './errors.ts'
import {shellPath} from './shell.ts'

/** The local cloud's message, on every wire (local-cloud/state/disk-full.ts). */
const NO_ROOM = /Not enough room on the disk of (?<folder>.+) \(/

/** What to do if a message of the local cloud says that its disk is full; `undefined` for any other message. */
export function fullDisk(message: string): {code: ErrorCode; suggestions: string[]} | undefined {
  const folder = NO_ROOM.exec(message)?.groups?.['folder']
  if (folder === undefined) return undefined
  return {code: 'disk-full', suggestions: makeRoom(folder)}
}

/** What to do about the full disk that a folder is on. */
export function makeRoom(folder: string): string[] {
  return [
    `See how full the disk is: df -h ${shellPath(folder)}`,
    'Free some space, then run the same command again.',
  ]
}
