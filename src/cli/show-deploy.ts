import type {DeployResult} from '../core/deploy/deploy.ts'
import type {StillRunning} from '../core/deploy/still-running.ts'
import {sharesOf} from '../core/service/traffic.ts'
import {inOneLine} from '../core/files/fault.ts'
import type {ListedRevision} from '../core/revisions.ts'
import type {RollbackResult} from '../core/rollback.ts'
import {ago, counted, style, widthOf} from './format.ts'
import {pairs, table} from './table.ts'
import {command, commandFor, suggest, type Render} from '../core/suggestion.ts'

/** Files in progress listed by name. */
const MOST_STILL_RUNNING = 20

/** `sha256:0123456789ab` of a reference with a digest. */
export function shortImage(image: string): string {
  return image.replace(/^.*@(sha256:[0-9a-f]{12})[0-9a-f]*$/, '$1')
}

/** Share of each revision: `cloud-runner-00002-abc 90 %, cloud-runner-00003-def 10 %`. */
export function showTraffic(
  shares: readonly {readonly revision: string; readonly percent: number}[],
): string {
  return shares.map(({revision, percent}) => `${revision} ${percent} %`).join(', ') || 'none'
}

/** What `deploy` changed. */
export function showDeploy(result: DeployResult, render: Render): string[] {
  const {gap} = result
  return [
    ...changesOf(result, render),
    ...showStillRunning(result.stillRunning, render),
    ...(gap === undefined
      ? []
      : [style('yellow', render(suggest`No upload reaches it yet: ${gap}. Fix it: ${command('setup')}`))]),
  ]
}

function changesOf(
  {service, image, previousRevision, unchanged, dryRun}: DeployResult,
  render: Render,
): string[] {
  const revision = service.latestReadyRevision ?? 'none'
  const what = `${revision} (${shortImage(image)})`
  if (dryRun) {
    return unchanged
      ? [`Nothing would change: ${what} already runs this worker.`]
      : [`A new revision of ${shortImage(image)} would be created; Cloud Run accepts the request.`]
  }
  if (unchanged) return [`The worker has not changed: ${what} keeps running.`]
  const tags = service.traffic.flatMap(({tag, uri, revision: tagged}) =>
    tag !== undefined && tagged === revision ? [`It answers at ${uri ?? tag} (tag ${tag}).`] : [],
  )
  const shares = sharesOf(service)
  if (shares.length === 1 && shares[0]?.revision === revision) {
    const before =
      previousRevision === undefined || previousRevision === revision
        ? ''
        : `, instead of ${previousRevision}`
    return [`Revision ${what} has the traffic${before}.`, ...tags]
  }
  const isCanary = shares.some((share) => share.revision === revision)
  return [
    isCanary
      ? `Revision ${what} is a canary. Traffic: ${showTraffic(shares)}.`
      : `Revision ${what} is ready and gets no traffic: ${showTraffic(shares)}.`,
    ...tags,
    render(suggest`Give it all traffic: ${command('deploy', '--promote')}`),
    ...(isCanary ? [render(suggest`Or end the canary: ${command('rollback')}`)] : []),
  ]
}

/** Files that a replaced image is still processing, with the commands that stop them. */
function showStillRunning(files: readonly StillRunning[], render: Render): string[] {
  if (files.length === 0) return []
  const more = files.length - MOST_STILL_RUNNING
  return [
    `The replaced image is still processing ${counted(files.length, 'file')}:`,
    ...pairs(
      files.slice(0, MOST_STILL_RUNNING).map(({object, execution, revision}) => ({
        label: render(suggest`  ${commandFor('cancel', object)}`),
        value: execution === undefined ? `stops its delivery (${revision ?? ''})` : `stops job ${execution}`,
      })),
    ),
    ...(more > 0 ? [render(suggest`  and ${counted(more, 'more file')}: ${command('status')}`)] : []),
  ]
}

/** What `rollback` changed. */
export function showRollback(result: RollbackResult, render: Render): string[] {
  const {revision, image, previousRevision, unchanged, stillRunning} = result
  const what = `${revision} (${shortImage(image)})`
  if (unchanged) return [`Revision ${what} already has all the traffic.`]
  const before =
    previousRevision === undefined || previousRevision === revision ? '' : `, instead of ${previousRevision}`
  return [`Revision ${what} has the traffic again${before}.`, ...showStillRunning(stillRunning, render)]
}

/** Revisions as a table. @param now milliseconds since the epoch */
export function showRevisions(
  {revisions, truncated}: {readonly revisions: readonly ListedRevision[]; readonly truncated: boolean},
  now: number,
): string[] {
  const rows = revisions.map(({name, createdAt, image, percent, tags, ready, problem, isTried}) => [
    name,
    ago(createdAt, now),
    shortImage(image),
    percent === 0 ? '' : style('green', `${percent} %`),
    tags.map((tag) => tag.name).join(', '),
    ready ? (isTried ? 'tried only' : '') : style('red', inOneLine(problem ?? 'not ready yet')),
  ])
  return [
    ...table(
      [
        {heading: 'revision'},
        {heading: 'created'},
        {heading: 'image'},
        {heading: 'traffic', right: true},
        {heading: 'tags'},
        {heading: 'note'},
      ],
      rows,
      widthOf(process.stdout),
    ),
    ...(truncated ? ['', 'Older revisions are not listed: --limit shows more.'] : []),
  ]
}
