import {type CancelResult} from '../core/cancel.ts'
import {type RedriveResult} from '../core/redrive.ts'
import {type ReprocessResult} from '../core/reprocess.ts'
import {counted} from './format.ts'
import {commandFor, suggest, synopsis, type Render} from '../core/suggestion.ts'

/** What `redrive` sent back. */
export function showRedriven({redriven, gone}: RedriveResult): string[] {
  if (redriven.length + gone.length === 0) return ['No dead letters.']
  return [
    `${counted(redriven.length, 'file')} sent back to the worker.`,
    ...gone.map(({object, input}) =>
      input === undefined
        ? `${object} was deleted or overwritten; its dead letter was removed.`
        : `${object} has its result, and its input was ${input}; its dead letter was removed.`,
    ),
  ]
}

/** What `reprocess` sent to the worker. */
export function showReprocessed({notified, gone, replaced}: ReprocessResult): string[] {
  if (notified.length + gone.length + replaced.length === 0) return ['Nothing to reprocess.']
  return [
    `${counted(notified.length, 'file')} sent to be processed again.`,
    ...gone.map((object) => `${object} was deleted in the meantime.`),
    ...replaced.map(
      (object) => `${object} was uploaded again in the meantime; the new upload is processed anyway.`,
    ),
  ]
}

/** What `cancel` stopped. */
export function showCancelled({cancelled, ended, gone}: CancelResult, render: Render): string[] {
  const [first, ...others] = cancelled
  const again =
    others.length === 0 && first ? commandFor('reprocess', first.object) : synopsis('reprocess', 'OBJECT…')
  const isWithWorker = cancelled.some(({state, execution}) => state === 'running' && execution === undefined)
  return [
    ...cancelled.map(({object, state, execution}) =>
      execution === undefined
        ? `${object} is cancelled; it was ${state}.`
        : `${object} is cancelled, and so is execution ${execution} of the job.`,
    ),
    ...ended.map(({object, state, execution}) =>
      execution === undefined
        ? `${object} is already ${state}: nothing is running for it.`
        : `${object} is ${state}; execution ${execution}, which was processing it again, is cancelled.`,
    ),
    ...gone.map((object) => `${object} was deleted in the meantime.`),
    ...(isWithWorker
      ? ["The worker stops within seconds; one without cloud-runner's runtime may finish its file."]
      : []),
    ...(first === undefined ? [] : [render(suggest`Process again: ${again}`)]),
  ]
}
