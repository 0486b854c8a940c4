import {stableRevision} from '../core/service/traffic.ts'
import {inOneLine} from '../core/files/fault.ts'
import type {PipelineNames} from '../core/pipeline/pipeline.ts'
import {isUnheardOf} from '../core/files/files.ts'
import {failureAdvice} from '../core/service/recent-deliveries.ts'
import type {SetupResult} from '../core/setup/setup.ts'
import {MOST_FILES, type PipelineStatus, type Status} from '../core/status/status.ts'
import {commandFor} from '../core/shell.ts'
import {count, counted, duration, style} from './format.ts'
import {shortImage, showTraffic} from './show-deploy.ts'
import {fileTable} from './show-files.ts'
import {pairs} from './table.ts'

/** What `setup` made. */
export function showSetup(
  result: SetupResult,
  names: Pick<PipelineNames, 'inputBucket' | 'outputBucket'>,
): string[] {
  const changed = result.resources.filter(({action}) => action !== 'none').length
  const isNew = changed > 0 || result.deployed
  const serving = stableRevision(result.service) ?? result.service.latestReadyRevision
  return [
    style('bold', isNew ? 'The pipeline is ready.' : 'The pipeline is ready; nothing had to be changed.'),
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
          ? `went the whole way in ${duration(result.canary.durationMs)}`
          : 'not sent: nothing had changed',
      },
    ]),
    ...(serving === result.service.latestReadyRevision
      ? []
      : [
          `Revision ${result.service.latestReadyRevision ?? ''} is newer, with these settings, and has no traffic: cloud-runner deploy`,
        ]),
    ...(result.unheardOf === 0
      ? ['Next: cloud-runner upload FILE --wait']
      : [
          `Next: ${counted(result.unheardOf, 'file')} came before anybody was told of uploads: cloud-runner reprocess --missing`,
        ]),
  ]
}

function pipelineLines(pipeline: PipelineStatus): string[] {
  const state = pipeline.ready
    ? style('green', 'ready')
    : style('red', `not ready${pipeline.problem ? `: ${inOneLine(pipeline.problem)}` : ''}`)
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

/** The pipeline and its files. @param now milliseconds since the epoch */
export function showStatus(status: Status, now: number): string[] {
  const counts = Object.entries(status.counts)
    .filter(([, files]) => files > 0)
    .map(([state, files]) => `${count(files)} ${state}`)
  const files = fileTable(status.files, now)
  if (files.length === 0)
    return [...pipelineLines(status.pipeline), '', 'No files yet: cloud-runner upload FILE']
  const hint = refusalHint(status) ?? failureHint(status) ?? forgottenHint(status, now) ?? deadHint(status)
  return [
    ...pipelineLines(status.pipeline),
    '',
    `files: ${status.more ? `more than ${count(MOST_FILES)}; of the first ${count(MOST_FILES)} by name ` : ''}${counts.join(', ')}${status.truncated ? `; the newest ${count(status.files.length)}:` : ''}`,
    ...files,
    ...(hint === undefined ? [] : ['', hint]),
  ]
}

/** What keeps deliveries from the worker. */
function refusalHint({refusedPushes, pipeline}: Status): string | undefined {
  return refusedPushes === undefined
    ? undefined
    : `Service ${pipeline.service} turns deliveries away (${refusedPushes}): the push account may not invoke it. Mend the grant: cloud-runner setup`
}

/** What to do about a revision whose latest deliveries all failed. */
function failureHint({pipeline}: Status): string | undefined {
  const [first] = pipeline.failing
  return first && `See why: ${failureAdvice(first)}`
}

/** How files whose attempts are used up go on. */
function deadHint({files, counts}: Status): string | undefined {
  const [only, ...others] = files.filter(({state}) => state === 'dead')
  if (only === undefined) return undefined
  return counts.dead === 1 && others.length === 0
    ? `Send it again: ${commandFor('redrive', only.object)}`
    : 'Send the dead ones again, when the worker is mended: cloud-runner redrive'
}

/** So long a notification takes at most, usually: Cloud Storage speaks of seconds. */
const NOTIFICATION_MS = 60_000

/** What to do about files that nothing was heard of, where no others are in work for whose end they may wait. */
function forgottenHint({files, counts}: Status, now: number): string | undefined {
  if (counts.running > 0) return undefined
  const forgotten = files.filter(
    (file) => isUnheardOf(file) && now - Date.parse(file.uploadedAt) > NOTIFICATION_MS,
  )
  return forgotten.length === 0
    ? undefined
    : `${counted(forgotten.length, 'file')} waiting for more than a minute without any delivery. If the event was lost: cloud-runner reprocess --missing`
}

/** What is uploaded to a pipeline that is not whole. */
export function showGap(gap: string): string[] {
  const warning = `The pipeline is not ready, and nothing comes of what is uploaded: ${gap}. Make it whole: cloud-runner setup; then have what is there processed: cloud-runner reprocess --missing`
  return [style('yellow', warning)]
}
