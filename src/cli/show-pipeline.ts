import {stableRevision} from '../core/service/traffic.ts'
import {afterCancel} from '../core/files/commits.ts'
import {inOneLine} from '../core/files/fault.ts'
import type {PipelineNames} from '../core/settings/pipeline.ts'
import {isUndelivered} from '../core/files/files.ts'
import {failureAdvice} from '../core/service/recent-deliveries.ts'
import type {SetupResult} from '../core/setup/setup.ts'
import type {PipelineStatus, Status} from '../core/status.ts'
import {count, counted, duration, style} from './format.ts'
import {shortImage, showTraffic} from './show-deploy.ts'
import {fileTable} from './show-files.ts'
import {pairs} from './table.ts'
import {
  command,
  commandFor,
  suggest,
  synopsis,
  type Command,
  type Render,
  type Suggestion,
} from '../core/suggestion.ts'

/** What `setup` created. */
export function showSetup(
  result: SetupResult,
  names: Pick<PipelineNames, 'inputBucket' | 'outputBucket'>,
  render: Render,
): string[] {
  const changed = result.resources.filter(({action}) => action !== 'none').length
  const isNew = changed > 0 || result.deployed
  const serving = stableRevision(result.service) ?? result.service.latestReadyRevision
  return [
    style('bold', isNew ? 'The pipeline is ready.' : 'The pipeline is ready; nothing needed changing.'),
    ...pairs([
      {
        label: '  resources',
        value: `${counted(result.resources.length, 'resource')}, ${count(changed)} changed`,
      },
      {label: '  input', value: `gs://${names.inputBucket}`},
      {label: '  output', value: `gs://${names.outputBucket}`},
      {
        label: '  service',
        value: `${result.service.name}, revision ${serving ?? 'none'}`,
      },
      {label: '  image', value: shortImage(result.image)},
      {
        label: '  canary',
        value: result.canary
          ? `passed in ${duration(result.canary.durationMs)}`
          : 'not sent: nothing changed',
      },
    ]),
    ...result.warnings.map((warning) => style('yellow', warning)),
    ...(serving === result.service.latestReadyRevision
      ? []
      : [
          render(
            suggest`Revision ${result.service.latestReadyRevision ?? ''} is newer, has these settings, and gets no traffic. Move traffic to it: ${command('deploy')}`,
          ),
        ]),
    ...(result.undelivered === 0
      ? [render(suggest`Next: ${synopsis('upload', 'FILE', '--wait')}`)]
      : [
          render(
            suggest`Next: ${counted(result.undelivered, 'file')} ${result.undelivered === 1 ? 'was' : 'were'} uploaded before notifications existed; process ${result.undelivered === 1 ? 'it' : 'them'}: ${command('reprocess', '--missing')}`,
          ),
        ]),
  ]
}

export function pipelineLines(pipeline: PipelineStatus, render: Render): string[] {
  const state = pipeline.ready
    ? style('green', 'ready')
    : style('red', `not ready${pipeline.problem ? `: ${inOneLine(render(pipeline.problem))}` : ''}`)
  return pairs([
    {label: 'pipeline', value: `${pipeline.name}, ${state}`},
    {label: 'target', value: `${pipeline.target}, project ${pipeline.project}, ${pipeline.region}`},
    {label: 'input', value: `gs://${pipeline.inputBucket}`},
    {label: 'output', value: `gs://${pipeline.outputBucket}`},
    {
      label: 'service',
      value: `${pipeline.service}, ${pipeline.traffic.length > 1 ? showTraffic(pipeline.traffic) : `revision ${pipeline.revision ?? 'none'}`}`,
    },
    {label: 'image', value: pipeline.image === undefined ? 'none' : shortImage(pipeline.image)},
    ...(pipeline.model === undefined ? [] : [{label: 'model', value: pipeline.model}]),
  ])
}

/**
 * The pipeline and its files.
 * @param now milliseconds since the epoch
 * @param nextPage the command that shows more files, if there are more
 * @param isFiltered whether only some files were asked for
 */
export function showStatus(
  status: Status,
  now: number,
  render: Render,
  {
    nextPage,
    isFiltered = false,
  }: {readonly nextPage?: Command | undefined; readonly isFiltered?: boolean} = {},
): string[] {
  if (Object.values(status.counts).every((files) => files === 0))
    return [
      ...pipelineLines(status.pipeline, render),
      '',
      isFiltered ? 'No file matches.' : render(suggest`No files yet: ${synopsis('upload', 'FILE')}`),
    ]
  const hints = hintsOf(status, now)
  return [
    ...pipelineLines(status.pipeline, render),
    '',
    showCounts(status.counts),
    ...fileTable(status.files, now),
    ...(status.more === 0
      ? []
      : [
          nextPage
            ? render(suggest`… ${count(status.more)} more: ${nextPage}`)
            : `… ${count(status.more)} more`,
        ]),
    ...(hints.length === 0 ? [] : ['', ...hints.map(render)]),
  ]
}

/** `files: 3 done, 1 failed`. */
export function showCounts(counts: Status['counts']): string {
  const some = Object.entries(counts).filter(([, files]) => files > 0)
  return `files: ${some.map(([state, files]) => `${count(files)} ${state}`).join(', ') || 'none'}`
}

/** What to do next, the most urgent first. @param now milliseconds since the epoch */
export function hintsOf(status: Status, now: number): Suggestion[] {
  return [
    refusalHint(status) ?? failureHint(status) ?? retryHint(status) ?? missedHint(status, now),
    jobHint(status),
    failedHint(status),
    deadHint(status),
  ].filter((hint) => hint !== undefined)
}

/** What keeps deliveries from the worker. */
function refusalHint({refusedPushes, pipeline}: Status): Suggestion | undefined {
  return refusedPushes === undefined
    ? undefined
    : suggest`Service ${pipeline.service} rejects deliveries (${refusedPushes}): the push account may not invoke it. Restore the grant: ${command('setup')}`
}

/** What to do about a revision whose latest deliveries all failed. */
function failureHint({pipeline}: Status): Suggestion | undefined {
  const [first] = pipeline.failing
  return first && suggest`See why: ${failureAdvice(first)}`
}

/** What to do about files whose latest delivery failed. */
function retryHint({files}: Status): Suggestion | undefined {
  const file = files.find(({retry}) => retry !== undefined)
  return (
    file &&
    suggest`Waiting files are tried again by themselves. See why one failed: ${commandFor('logs', file.object)}`
  )
}

/** What to do about files that took longer than a delivery may. */
function jobHint({files}: Status): Suggestion | undefined {
  const file = files.find(({state, job}) => state === 'running' && job !== undefined)
  return file && suggest`If it hangs in the job: ${commandFor('cancel', file.object)}`
}

/** What to do about files that failed permanently. */
function failedHint({files, counts}: Status): Suggestion | undefined {
  const failed = files.filter(({state}) => state === 'failed')
  const file = failed.find(({error}) => error?.code !== 'cancelled') ?? failed[0]
  if (file === undefined) return undefined
  if (file.error?.code === 'cancelled') return afterCancel(file.object)
  return counts.failed === 1
    ? suggest`Upload it again once it is correct, or after fixing the worker: ${commandFor('reprocess', file.object)}`
    : suggest`Upload failed files again once they are correct, or after fixing the worker: ${command('reprocess', '--failed')}`
}

/** What to do about files whose attempts are used up. */
function deadHint({files, counts}: Status): Suggestion | undefined {
  const [only, ...others] = files.filter(({state}) => state === 'dead')
  if (only === undefined) return undefined
  return counts.dead === 1 && others.length === 0
    ? suggest`Send it again: ${commandFor('redrive', only.object)}`
    : suggest`Fix the worker, then send the dead ones again: ${command('redrive')}`
}

/** Longer than a notification usually takes: Cloud Storage documents seconds. */
const NOTIFICATION_MS = 60_000

/** What to do about files that were never delivered, unless they may be waiting for others in progress. */
function missedHint({files, counts}: Status, now: number): Suggestion | undefined {
  if (counts.running > 0) return undefined
  const missed = files.filter(
    (file) => isUndelivered(file) && now - Date.parse(file.uploadedAt) > NOTIFICATION_MS,
  )
  return missed.length === 0
    ? undefined
    : suggest`${counted(missed.length, 'file')} waiting for more than a minute without any delivery. If the event was lost: ${command('reprocess', '--missing')}`
}

/** Warns about uploads to an incomplete pipeline. */
export function showGap(gap: string, render: Render): string[] {
  const warning = render(
    suggest`Uploaded files are not processed: ${gap}. Repair the pipeline: ${command('setup')}, then process the waiting files: ${command('reprocess', '--missing')}`,
  )
  return [style('yellow', warning)]
}
