import type {RedriveResult} from '../core/redrive.ts'
import type {ReprocessResult} from '../core/reprocess.ts'
import {counted} from './format.ts'

/** Above this many files that nobody named, a person is asked first. */
export const MOST_UNASKED = 10

/** What `redrive` sent back. */
export function showRedriven({redriven, gone}: RedriveResult): string[] {
  if (redriven.length + gone.length === 0) return ['There are no dead letters.']
  return [
    `${counted(redriven.length, 'file')} sent back to the worker.`,
    ...gone.map(({object}) => `${object} was deleted or overwritten since: its dead letter is removed.`),
  ]
}

/** What `reprocess` notified of. */
export function showReprocessed({notified, gone}: ReprocessResult): string[] {
  if (notified.length + gone.length === 0) return ['There is nothing to process again.']
  return [
    `${counted(notified.length, 'file')} to be processed again.`,
    ...gone.map((object) => `${object} was deleted in the meantime.`),
  ]
}
