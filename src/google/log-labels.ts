import type {Entry} from '@google-cloud/logging'
import {LOG_LABELS} from '../../worker/contract.ts'
import {isJsonObject} from '../core/json.ts'

/**
 * Cloud Run's own entries, of its request log and its system log, cannot name the object that a request was about. The
 * worker's entries do, and share the trace with the request's and the instance with the container's.
 */

/** Most traces and instances that one filter names: it may have 20,000 characters (cloud.google.com/logging/quotas). */
const MOST_KEYS = 100

type Labels = Readonly<Record<string, string>>

/** Finds entries by a filter, newest first. */
export type Find = (filter: string) => Promise<readonly Entry[]>

/** Filter for Cloud Run's entries about failed requests and containers that have no object label. */
export const UNLABELLED_FAILURES = `severity>=WARNING AND NOT labels.${LOG_LABELS.object}:* AND (httpRequest.status>=500 OR logName:"run.googleapis.com%2Fvarlog%2Fsystem")`

/** Which log an entry is in: the worker's, or one of Cloud Run's. */
export function sourceOf({logName}: Entry['metadata']): 'worker' | 'requests' | 'system' {
  const log = decodeURIComponent(logName ?? '')
  if (log.endsWith('run.googleapis.com/requests')) return 'requests'
  return log.endsWith('run.googleapis.com/varlog/system') ? 'system' : 'worker'
}

/**
 * Finds labels for entries that have none, from the worker's entries among them or, if those are missing, from others.
 * @param entries newest first
 * @returns the labels to show, for each entry that gets some
 */
export async function joinLabels(entries: readonly Entry[], find: Find): Promise<ReadonlyMap<Entry, Labels>> {
  const orphans = entries.filter(isOrphan)
  if (orphans.length === 0) return new Map()
  const found = new Map<Entry, Labels>()
  const adopt = (others: readonly Entry[]): Entry[] =>
    orphans.filter((orphan) => {
      const parent = found.has(orphan) ? undefined : parentOf(orphan, others)
      if (parent !== undefined) found.set(orphan, ownLabels(parent))
      return !found.has(orphan)
    })
  const left = adopt(entries)
  for (let at = 0; at < left.length; at += MOST_KEYS) {
    const keys = left.slice(at, at + MOST_KEYS).map(keyOf)
    adopt(await find(`labels.${LOG_LABELS.object}:* AND (${[...new Set(keys)].join(' OR ')})`))
  }
  return found
}

function isOrphan(entry: Entry): boolean {
  const {labels, httpRequest, trace, severity} = entry.metadata
  if (labels?.[LOG_LABELS.object] !== undefined) return false
  const source = sourceOf(entry.metadata)
  if (source === 'requests') return Number(httpRequest?.status) >= 500 && Boolean(trace)
  return source === 'system' && severity !== 'INFO' && labels?.['instanceId'] !== undefined
}

/** What a worker's entry shares with an unlabelled one, as a filter. */
function keyOf({metadata: {trace, labels, httpRequest}}: Entry): string {
  return httpRequest ? `trace="${trace}"` : `labels.instanceId="${labels?.['instanceId']}"`
}

/** The worker's entry about the same request, or the container's last one about unfinished work. */
function parentOf({metadata}: Entry, others: readonly Entry[]): Entry | undefined {
  const named = (other: Entry) => other.metadata.labels?.[LOG_LABELS.object] !== undefined
  if (metadata.httpRequest)
    return others.find((other) => named(other) && other.metadata.trace === metadata.trace)
  const instance = metadata.labels?.['instanceId']
  const last = others.find(
    (other) =>
      named(other) &&
      other.metadata.labels?.['instanceId'] === instance &&
      timeOf(other.metadata) <= timeOf(metadata),
  )
  return isJsonObject(last?.data) && last.data['outcome'] !== undefined ? undefined : last
}

function ownLabels({metadata: {labels = {}}}: Entry): Labels {
  const names: ReadonlySet<string> = new Set(Object.values(LOG_LABELS))
  return Object.fromEntries(Object.entries(labels ?? {}).filter(([name]) => names.has(name)))
}

/** When an entry was written, RFC 3339. */
export function timeOf({timestamp}: Entry['metadata']): string {
  if (timestamp instanceof Date) return timestamp.toISOString()
  return typeof timestamp === 'string' ? timestamp : ''
}
