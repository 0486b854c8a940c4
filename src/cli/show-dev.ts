import type {DevEvent} from '../core/dev/dev.ts'
import {isForeignFrame} from '../core/files/fault.ts'
import {faultIn} from '../core/files/files.ts'
import {clock, duration, style} from './format.ts'
import {showState} from './show-files.ts'
import {showLogLine} from './show-logs.ts'

/** Names shown of files saved at the same time. */
const NAMES_SHOWN = 3

/**
 * An event of `dev` as lines with time and subject; none if it says nothing new.
 * @param now milliseconds since the epoch
 */
export function showDevEvent(event: DevEvent, now: number): string[] {
  // The front end logs every successful request.
  if (event.event === 'log') {
    const {status, message, severity} = event.line
    if (severity === 'DEFAULT' && isForeignFrame(message)) return []
    return status !== undefined && status < 400 ? [] : [showLogLine(event.line, {withObject: true}, now)]
  }
  const [about, text] =
    event.event === 'file' ? ['file', fileText(event.file)] : ['worker', workerText(event)]
  return [`${clock(new Date(now).toISOString(), now)} ${style('bold', about.padEnd(7))} ${text}`]
}

function workerText(event: Exclude<DevEvent, {event: 'log' | 'file'}>): string {
  if (event.event === 'building') {
    return event.changed.length === 0 ? 'creating the pipeline' : `${named(event.changed)} changed`
  }
  if (event.event === 'reprocessed') return `reprocessing ${event.objects.join(', ')}`
  const {revision} = event
  if (event.event === 'ready') {
    return event.unchanged
      ? `unchanged: ${revision} keeps running`
      : `${style('green', 'ready')}: ${revision}, in ${duration(event.durationMs)}`
  }
  const isNamed = revision === undefined || event.message.includes(revision)
  return [
    `${style('red', 'not deployed')}: ${event.message}`,
    ...(isNamed ? [] : [`${revision} keeps serving.`]),
    'Fix it and save to retry.',
  ].join('\n  ')
}

function named(changed: readonly string[]): string {
  const more = changed.length - NAMES_SHOWN
  return `${changed.slice(0, NAMES_SHOWN).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

function fileText(file: Extract<DevEvent, {event: 'file'}>['file']): string {
  const {object, state, attempts, hops} = file
  const took = hops.reduce((sum, {durationMs}) => sum + durationMs, 0)
  const fault = faultIn(file)
  return [
    `${object} ${showState(state)}`,
    ...(state === 'done' ? [duration(took)] : []),
    ...(attempts > 1 ? [`attempt ${attempts}`] : []),
    ...(fault === '' ? [] : [fault]),
  ].join(', ')
}
