import {type CancelResult} from '../core/cancel/cancel.ts'
import {type RedriveResult} from '../core/redrive.ts'
import {type ReprocessResult} from '../core/reprocess.ts'
import {commandFor} from '../core/shell.ts'
import {counted} from './format.ts'

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

/** What `cancel` stopped. */
export function showCancelled({cancelled, ended}: CancelResult): string[] {
  const [first, ...others] = cancelled
  const again =
    others.length === 0 && first ? commandFor('reprocess', first.object) : 'cloud-runner reprocess OBJECT…'
  const isWithWorker = cancelled.some(({state, execution}) => state === 'running' && execution === undefined)
  return [
    ...cancelled.map(({object, state, execution}) =>
      execution === undefined
        ? `${object} is cancelled; it was ${state}.`
        : `${object} is cancelled, and so is execution ${execution} of the job.`,
    ),
    ...ended.map(({object, state, execution}) =>
      execution === undefined
        ? `${object} is ${state}: nothing else runs for it.`
        : `${object} is ${state}; execution ${execution}, which was processing it again, is cancelled.`,
    ),
    ...(isWithWorker
      ? ["The worker stops within seconds; one without cloud-runner's runtime may finish what it has begun."]
      : []),
    ...(first === undefined ? [] : [`Process again: ${again}`]),
  ]
}
