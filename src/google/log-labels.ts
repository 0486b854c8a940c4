import {LOG_LABELS} from '../../worker/contract.ts'
import {fieldsOf} from '../core/json.ts'
import {sourceOf, type LogEntry} from './log-entry.ts'

/**
 * Cloud Run's own entries, of its request log and its system log, cannot name the object that a request was about. The
 * worker's entries do, and share the trace with the request's and the instance with the container's.
 */

/** Most traces and instances that one filter names: it may have 20,000 characters (cloud.google.com/logging/quotas). */
const MOST_KEYS = 100

type Labels = Readonly<Record<string, string>>

/** Finds entries by a filter, newest first. */
export type Find = (filter: string) => Promise<readonly LogEntry[]>

/** Filter for Cloud Run's entries about failed requests and containers that have no object label. */
export const UNLABELLED_FAILURES = `severity>=WARNING AND NOT labels.${LOG_LABELS.object}:* AND (httpRequest.status>=500 OR logName:"run.googleapis.com%2Fvarlog%2Fsystem")`

/**
 * Finds labels for entries that have none, from the worker's entries among them or, if those are missing, from others.
 * @param entries newest first
 * @returns the labels to show, for each entry that gets some
 */
export async function joinLabels(
  entries: readonly LogEntry[],
  find: Find,
): Promise<ReadonlyMap<LogEntry, Labels>> {
  const orphans = entries.filter(isOrphan)
  if (orphans.length === 0) return new Map()
  const found = new Map<LogEntry, Labels>()
  const adopt = (others: readonly LogEntry[]): LogEntry[] =>
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

function isOrphan(entry: LogEntry): boolean {
  const {labels, request, trace, severity} = entry
  if (labels[LOG_LABELS.object] !== undefined) return false
  const source = sourceOf(entry)
  if (source === 'requests') return Number(request?.status) >= 500 && Boolean(trace)
  return source === 'system' && severity !== 'INFO' && labels['instanceId'] !== undefined
}

/** What a worker's entry shares with an unlabelled one, as a filter. */
function keyOf({trace, labels, request}: LogEntry): string {
  return request ? `trace="${trace}"` : `labels.instanceId="${labels['instanceId']}"`
}

/** The worker's entry about the same request, or the container's last one about unfinished work. */
function parentOf(orphan: LogEntry, others: readonly LogEntry[]): LogEntry | undefined {
  const named = ({labels}: LogEntry) => labels[LOG_LABELS.object] !== undefined
  if (orphan.request) return others.find((other) => named(other) && other.trace === orphan.trace)
  const instance = orphan.labels['instanceId']
  const last = others.find(
    (other) => named(other) && other.labels['instanceId'] === instance && other.time <= orphan.time,
  )
  return fieldsOf(last?.payload)['outcome'] === undefined ? last : undefined
}

function ownLabels({labels}: LogEntry): Labels {
  const names: ReadonlySet<string> = new Set(Object.values(LOG_LABELS))
  return Object.fromEntries(Object.entries(labels).filter(([name]) => names.has(name)))
}
