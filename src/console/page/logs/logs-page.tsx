import {useSignal} from '@preact/signals'
import {useEffect} from 'preact/hooks'
import type {LogLine} from '../../api.ts'
import {CommandLine} from '../command-line.tsx'
import {counted} from '../format.ts'
import {epoch, followLogs} from '../live.ts'
import {useRemote} from '../remote.ts'
import {Problem} from '../suggestions.tsx'
import {refine, where} from '../where.ts'
import {LogFilterForm, rankOf} from './log-filter-form.tsx'
import {LogLines} from './log-lines.tsx'

/** Lines that the page keeps, the newest. */
const MOST_LINES = 1000

/** Logs as they are written; scrolling up pauses them. */
export function LogsPage() {
  const {query} = where.value
  const object = query.get('object') ?? ''
  const severity = query.get('severity') ?? ''
  const text = (query.get('text') ?? '').toLowerCase()
  const asked = new URLSearchParams(Object.entries({object, severity}).filter(([, value]) => value !== ''))
  const {value: page, problem} = useRemote('GET /api/logs', {query: asked}, String(epoch.value))

  const newer = useSignal<readonly LogLine[]>([])
  /** What is shown while it is paused. */
  const paused = useSignal<readonly LogLine[] | undefined>(undefined)
  useEffect(() => {
    newer.value = []
    paused.value = undefined
    const isWanted = (line: LogLine) =>
      (object === '' || line.object === object) && rankOf(line.severity) >= rankOf(severity)
    followLogs((lines) => {
      newer.value = [...newer.value, ...lines.filter(isWanted)].slice(-MOST_LINES)
    })
    return () => followLogs(undefined)
  }, [object, severity])

  const all = distinct([...(page?.lines ?? []), ...newer.value]).slice(-MOST_LINES)
  const shown = paused.value ?? all
  const lines = text === '' ? shown : shown.filter((line) => contains(line, text))
  const missed = paused.value === undefined ? 0 : newerThan(paused.value.at(-1), all)
  return (
    <>
      <h1>Logs</h1>
      <LogFilterForm object={object} severity={severity} text={query.get('text') ?? ''} change={refine} />
      {problem && <Problem problem={problem} />}
      <LogLines
        lines={lines}
        hasObjects={object === ''}
        label="Log lines"
        isFollowing={paused.value === undefined}
        onLeave={() => (paused.value ??= all)}
      />
      <div class="follow">
        {paused.value === undefined ? (
          <p class="quiet">Following. Scroll up to pause.</p>
        ) : (
          <button type="button" class="primary" onClick={() => (paused.value = undefined)}>
            Paused: {counted(missed, 'new line')}, follow again
          </button>
        )}
        {page && <CommandLine line={page.command} />}
      </div>
    </>
  )
}

function contains({message, object = ''}: LogLine, text: string): boolean {
  return message.toLowerCase().includes(text) || object.toLowerCase().includes(text)
}

/** Lines are read and followed, so some come twice. */
function distinct(lines: readonly LogLine[]): readonly LogLine[] {
  return [...new Map(lines.map((line) => [`${line.time} ${line.insertId}`, line])).values()]
}

function newerThan(last: LogLine | undefined, lines: readonly LogLine[]): number {
  return lines.length - 1 - lines.findLastIndex((line) => line.insertId === last?.insertId)
}
