import type {SQLInputValue} from 'node:sqlite'
import {storedJson} from '../state/rows.ts'
import type {State} from '../state/state.ts'
import type {Bounds} from './filter/bounds.ts'
import {parseSeverity, parseTimestamp} from './filter/values.ts'
import type {LogEntry} from './log-sink.ts'

/** A label's value is indexed by its beginning in lower case: equality disregards case, and values may have 64 KiB. */
const INDEXED_LABEL_LENGTH = 256

/** A log entry that has all it needs to be kept. */
export interface CompleteEntry extends LogEntry {
  timestamp: string
  receiveTimestamp: string
  insertId: string
}

/** An entry's position in the order of `entries.list`. */
export interface Place {
  readonly timestamp: string
  readonly insertId: string
  readonly sequence: number
}

interface Scan {
  readonly parents: readonly string[]
  readonly bounds: Bounds
  readonly descending: boolean
  /** Only what comes after this in the requested order. */
  readonly after: Place | undefined
  readonly limit: number
}

export interface Entries {
  /** Keeps the entries that do not exist yet, inside a `State.write`. @returns those */
  insert(entries: readonly CompleteEntry[]): CompleteEntry[]
  /** The next entries by timestamp and insert id within the bounds, at most `limit`. */
  scan(scan: Scan): {place: Place; entry: CompleteEntry}[]
  /** Names of the logs that have entries, sorted. */
  logNames(parents: readonly string[]): string[]
  /** Inside a `State.write`. @returns how many there were */
  deleteLog(logName: string): number
  /** Drops entries older than `timestamp`, inside a `State.write`. */
  deleteBefore(timestamp: string): void
}

/** A timestamp of an entry in the form that is compared and sorted. */
export function sortableTimestamp(entry: {timestamp: string}): string {
  return parseTimestamp(entry.timestamp) ?? entry.timestamp
}

export function createEntries({database}: State): Entries {
  const insertEntry = database.prepare(
    `INSERT INTO log_entries (parent, log_name, timestamp, insert_id, severity, entry) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT DO NOTHING RETURNING sequence`,
  )
  const insertLabel = database.prepare(
    'INSERT INTO log_labels (key, value, timestamp, insert_id, sequence) VALUES (?, ?, ?, ?, ?)',
  )
  const selectLogNames = database.prepare(
    'SELECT DISTINCT log_name FROM log_entries WHERE parent IN (SELECT value FROM json_each(?)) ORDER BY log_name',
  )
  const deleteLabels = database.prepare(
    'DELETE FROM log_labels WHERE sequence IN (SELECT sequence FROM log_entries WHERE log_name = ?)',
  )
  const deleteEntries = database.prepare('DELETE FROM log_entries WHERE log_name = ?')
  const deleteOldLabels = database.prepare('DELETE FROM log_labels WHERE timestamp < ?')
  const deleteOldEntries = database.prepare('DELETE FROM log_entries WHERE timestamp < ?')
  const scans = new Map<string, ReturnType<typeof database.prepare>>()

  return {
    insert(entries) {
      return entries.filter((entry) => {
        const timestamp = sortableTimestamp(entry)
        const severity = parseSeverity(entry.severity ?? 'DEFAULT') ?? 0
        const row = insertEntry.get(
          entry.logName.split('/logs/')[0] ?? '',
          entry.logName,
          timestamp,
          entry.insertId,
          severity,
          JSON.stringify(entry),
        )
        if (!row) return false
        const sequence = Number(row['sequence'])
        for (const [key, value] of Object.entries(entry.labels ?? {})) {
          insertLabel.run(key, indexedLabel(value), timestamp, entry.insertId, sequence)
        }
        return true
      })
    },
    scan(scan) {
      const {sql, parameters} = scanQuery(scan)
      const statement = scans.get(sql) ?? database.prepare(sql)
      scans.set(sql, statement)
      return statement.all(...parameters).map((row) => {
        const place = {
          timestamp: String(row['timestamp']),
          insertId: String(row['insert_id']),
          sequence: Number(row['sequence']),
        }
        return {place, entry: storedJson<CompleteEntry>(row, 'entry', 'logName', 'timestamp', 'insertId')}
      })
    },
    logNames: (parents) => selectLogNames.all(JSON.stringify(parents)).map((row) => String(row['log_name'])),
    deleteLog(logName) {
      deleteLabels.run(logName)
      return Number(deleteEntries.run(logName).changes)
    },
    deleteBefore(timestamp) {
      deleteOldLabels.run(timestamp)
      deleteOldEntries.run(timestamp)
    },
  }
}

/** Walks the index of the label where the bounds have one, else that of all entries; either is in the requested order. */
function scanQuery({parents, bounds, descending, after, limit}: Scan): {
  sql: string
  parameters: SQLInputValue[]
} {
  const {label, timestampFrom, timestampTo, severityFrom} = bounds
  const walked = label ? 'l' : 'e'
  const direction = descending ? 'DESC' : 'ASC'
  const conditions: string[] = ['e.parent IN (SELECT value FROM json_each(?))']
  const parameters: SQLInputValue[] = [JSON.stringify(parents)]
  const add = (condition: string, ...values: SQLInputValue[]): void => {
    conditions.push(condition)
    parameters.push(...values)
  }
  const [value, ...others] = label?.values.map(indexedLabel) ?? []
  if (label && value !== undefined && others.length === 0) add('l.key = ? AND l.value = ?', label.key, value)
  else if (label)
    add(
      'l.key = ? AND l.value IN (SELECT value FROM json_each(?))',
      label.key,
      JSON.stringify([value, ...others]),
    )
  if (timestampFrom !== undefined) add(`${walked}.timestamp >= ?`, timestampFrom)
  if (timestampTo !== undefined) add(`${walked}.timestamp <= ?`, timestampTo)
  if (severityFrom !== undefined) add('e.severity >= ?', severityFrom)
  if (after) {
    add(
      `(${walked}.timestamp, ${walked}.insert_id, ${walked}.sequence) ${descending ? '<' : '>'} (?, ?, ?)`,
      after.timestamp,
      after.insertId,
      after.sequence,
    )
  }
  const from = label ? 'log_labels l CROSS JOIN log_entries e ON e.sequence = l.sequence' : 'log_entries e'
  const sql = `SELECT e.timestamp, e.insert_id, e.sequence, e.entry FROM ${from}
    WHERE ${conditions.join(' AND ')}
    ORDER BY ${walked}.timestamp ${direction}, ${walked}.insert_id ${direction}, ${walked}.sequence ${direction} LIMIT ?`
  return {sql, parameters: [...parameters, limit]}
}

function indexedLabel(value: string): string {
  return value.toLowerCase().slice(0, INDEXED_LABEL_LENGTH)
}
