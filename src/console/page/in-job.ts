import type {FileView} from '../api.ts'
import {ago} from './format.ts'

/** Why the job has a file, since when, and what to do. @param now milliseconds since 1970 */
export function inJob({execution, startedAt, reason}: NonNullable<FileView['job']>, now: number): string {
  const started = `in job execution ${execution}, started ${ago(startedAt, now)}`
  return `${reason === undefined ? '' : `${reason}: `}${started}. If it hangs, cancel it.`
}
