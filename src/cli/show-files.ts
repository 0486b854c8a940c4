import {
  faultIn,
  problemIn,
  type FileState,
  type FileStatus,
  type Hop,
  type Retry,
} from '../core/files/files.ts'
import {filterText, isArchived} from '../core/files/filter-warnings.ts'
import type {Settings} from '../core/settings/settings.ts'
import type {LeftOut} from '../core/upload/plan.ts'
import type {UploadResult} from '../core/upload/upload.ts'
import {ago, bytes, clock, count, counted, duration, style, tame, widthOf} from './format.ts'
import {table} from './table.ts'
import {cellsOf, cutEnd, cutMiddle} from './text-cells.ts'
import {
  command,
  commandFor,
  suggest,
  synopsis,
  type Command,
  type Render,
  type Suggestion,
} from '../core/suggestion.ts'

/** Up to this many files are listed by name; with more, only the count and those that need attention. */
const MOST_LISTED = 20

const COLORS = {
  waiting: 'yellow',
  running: 'cyan',
  done: 'green',
  failed: 'red',
  dead: 'red',
  ignored: 'gray',
} as const satisfies Record<FileState, string>

/** A file's state, colored on a terminal. */
export function showState(state: FileState): string {
  return style(COLORS[state], state)
}

/** What to say about a file other than its state. */
function showNote(file: FileStatus, now: number): string {
  if (file.state === 'ignored') return 'its name does not match the filter, or is in the archive'
  if (file.state === 'done') {
    const outputs = file.result?.outputs === undefined ? [] : [counted(file.result.outputs, 'output')]
    return [...outputs, ...(file.input === undefined ? [] : [`input ${file.input}`])].join(', ')
  }
  if (file.state === 'running' && file.job !== undefined) {
    const {execution, startedAt, reason} = file.job
    const started = `job ${execution}, started ${ago(startedAt, now)}`
    return `${reason === undefined ? '' : `${reason}: `}${started}; if it hangs, cancel it`
  }
  return [...(file.retry === undefined ? [] : [showRetry(file.retry, now)]), problemIn(file)]
    .filter((part) => part !== '')
    .join(': ')
}

function oneLine(text: string): string {
  return tame(text).replaceAll(/\s+/g, ' ')
}

function showRetry({attempt, of, notBefore}: Retry, now: number): string {
  const waitMs = Date.parse(notBefore) - now
  return `attempt ${attempt} of ${of} ${waitMs > 0 ? `in ${duration(waitMs)}` : 'is due (push backoff: 1 min at most)'}`
}

/**
 * Each file on one line, or on two if what is to say about it does not fit beside it; nothing is longer than `width`.
 * @param now milliseconds since the epoch
 */
export function fileLines(files: readonly FileStatus[], now: number, width: number): string[][] {
  const most = Math.max(12, Math.floor(width / 2))
  const names = files.map(({object}) => cutMiddle(tame(object).replaceAll(/[\n\t]/g, '\ufffd'), most))
  const nameWidth = Math.max(...names.map((name) => cellsOf(name)))
  return files.map((file, index) => {
    const name = names[index] ?? ''
    const state = ' '.repeat(Math.max(0, 7 - file.state.length))
    const line = `${name}${' '.repeat(nameWidth - cellsOf(name))}  ${showState(file.state)}${state}  ${ago(file.uploadedAt, now)}`
    const whole = oneLine(showNote(file, now))
    if (cellsOf(line) + 2 + cellsOf(whole) <= width) return [`${line}  ${whole}`.trimEnd()]
    const retry = file.retry === undefined ? '' : showRetry(file.retry, now)
    const head = cellsOf(line) + 2 + cellsOf(retry) <= width ? `${line}  ${retry}`.trimEnd() : line
    return [head, `  ${cutEnd(head === line ? whole : oneLine(faultIn(file)), width - 2)}`]
  })
}

/** Files as a table. @param now milliseconds since the epoch */
export function fileTable(files: readonly FileStatus[], now: number): string[] {
  return table(
    [
      {heading: 'object'},
      {heading: 'state'},
      {heading: 'size', right: true},
      {heading: 'uploaded'},
      {heading: 'attempts', right: true},
      {heading: 'note'},
    ],
    files.map((file) => [
      file.object,
      showState(file.state),
      bytes(file.sizeBytes),
      ago(file.uploadedAt, now),
      String(file.attempts),
      showNote(file, now),
    ]),
    widthOf(process.stdout),
  )
}

/** A file's path through the pipeline, hop by hop. */
export function hopTable(hops: readonly Hop[]): string[] {
  return table(
    [{heading: 'hop'}, {heading: 'at'}, {heading: 'took', right: true}],
    hops.map(({name, at, durationMs, reprocessed}, index) => [
      reprocessed ? `${name} again` : name,
      clock(at),
      index === 0 || reprocessed ? '' : duration(durationMs),
    ]),
    widthOf(process.stdout),
  )
}

/** What `upload` sent, and what it could not send. */
export function showUploaded({uploaded, failed}: UploadResult, bucket: string, render: Render): string[] {
  const sent =
    uploaded.length <= MOST_LISTED
      ? uploaded.map(({object, sizeBytes}) => `gs://${bucket}/${object}  ${bytes(sizeBytes)}`)
      : [`${counted(uploaded.length, 'file')} to gs://${bucket}  ${bytes(totalBytes(uploaded))}`]
  return [
    ...sent,
    ...firstOf(failed.map(({file, error}) => `${style('red', 'not uploaded')}  ${file}: ${error.message}`)),
    ...new Set(failed.flatMap(({error}) => error.suggestions.map(render))),
  ]
}

/** How awaited files ended and what to do next; of many, only those that are not done. */
export function showEnded(files: readonly FileStatus[], now: number, render: Render): string[] {
  const [only] = files
  const hops = files.length === 1 && only ? ['', ...hopTable(only.hops)] : []
  if (files.length <= MOST_LISTED) return [...fileTable(files, now), ...hops, '', ...next(files, render)]
  const others = files.filter(({state}) => state !== 'done')
  const done = files.length - others.length
  return [
    ...(others.length === 0 ? [] : [...fileTable(others.slice(0, MOST_LISTED), now), '']),
    ...(others.length > MOST_LISTED ? [`${count(others.length - MOST_LISTED)} more are not done.`] : []),
    `${counted(done, 'file')} ${done === 1 ? 'is' : 'are'} done.`,
    '',
    ...(done === 0 ? [] : [render(suggest`Save results: ${saveAll(files)}`)]),
    ...(others.length === 0 ? [] : [render(suggest`Logs: ${synopsis('logs', 'OBJECT')}`)]),
    render(suggest`All: ${command('status', '--limit', String(files.length))}`),
  ]
}

/** The command that saves the results of all files, if one folder has them. */
function saveAll(files: readonly FileStatus[]): Command {
  const folders = new Set(files.map(({object}) => object.slice(0, object.indexOf('/') + 1)))
  const [folder = ''] = folders
  return folders.size === 1 && folder !== ''
    ? commandFor('results', folder, '--output', 'results/')
    : synopsis('results', 'OBJECT…', '--output', 'results/')
}

function next(files: readonly FileStatus[], render: Render): Iterable<string> {
  return new Set(
    files.flatMap((file) => {
      const warnings = file.warnings?.map((warning) => `Warning: ${file.object}: ${warning}`) ?? []
      if (file.state === 'done')
        return [...warnings, render(suggest`Result: ${commandFor('results', file.object)}`)]
      if (file.state === 'ignored') return ['Change the setting filter, or upload it under another name.']
      return [
        ...(file.error?.suggestions ?? []).map((one) => whose(one, files) + render(one)),
        ...redrive(file, render),
        render(suggest`Logs: ${commandFor('logs', file.object)}`),
      ]
    }),
  )
}

/** The files among several that a sentence without a command is about. */
function whose(suggestion: Suggestion, files: readonly FileStatus[]): string {
  if (files.length === 1 || typeof suggestion !== 'string') return ''
  return `${named(files.filter(({error}) => error?.suggestions.includes(suggestion)).map(({object}) => object))}: `
}

/** The command that sends a dead file again. */
function redrive({state, object}: FileStatus, render: Render): string[] {
  return state === 'dead' ? [render(suggest`Send it again: ${commandFor('redrive', object)}`)] : []
}

function totalBytes(files: readonly {readonly sizeBytes: number}[]): number {
  return files.reduce((sum, {sizeBytes}) => sum + sizeBytes, 0)
}

/** Objects that the pipeline leaves out, before they are sent: by its filter, or as part of the archive. */
export function showIgnored(
  objects: readonly string[],
  settings: Pick<Settings, 'filter' | 'afterwards'>,
): string[] {
  const archived = objects.filter((object) => isArchived(object, settings))
  const filtered = objects.filter((object) => !archived.includes(object))
  const filter = `the filter is ${filterText(settings.filter)}. Choose a matching name with --name, or change the setting filter.`
  return [
    ...leftOut(filtered, filter),
    ...leftOut(archived, `archive/ holds what was processed. Choose another name with --name.`),
  ]
}

/** Entries that are not uploaded, each with the reason. */
export function showLeftOut(entries: readonly LeftOut[]): string[] {
  return firstOf(entries.map(({file, reason}) => style('yellow', `${file} is left out: ${reason}.`)))
}

/** As many lines as a person reads, and how many more there are. */
function firstOf(lines: readonly string[]): string[] {
  if (lines.length <= MOST_LISTED) return [...lines]
  return [...lines.slice(0, MOST_LISTED / 2), `… and ${count(lines.length - MOST_LISTED / 2)} more`]
}

function leftOut(objects: readonly string[], why: string): string[] {
  if (objects.length === 0) return []
  return [style('yellow', `${named(objects)} will not be processed: ${why}`)]
}

/** The first of some objects, and how many others. */
function named([first = '', ...others]: readonly string[]): string {
  return tame(others.length === 0 ? first : `${first} and ${counted(others.length, 'other file')}`)
}
