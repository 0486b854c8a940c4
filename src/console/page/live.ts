import {computed, signal} from '@preact/signals'
import type {Events, FixProgress, LogLine, Overview, Problem, Session} from '../api.ts'
import {ask, ProblemError, problemOf} from './client.ts'

/** Pause before the console is looked for again. */
const RETRY_MS = 1000

export const session = signal<Session | undefined>(undefined)
/** State of the pipeline, as the console last sent it. */
export const overview = signal<Overview | undefined>(undefined)
/** Why nothing can be shown: the console or the cloud is away, or the token is wrong. */
export const outage = signal<Problem | undefined>(undefined)
/** Fixes in progress, and the latest. */
export const fixes = signal<readonly FixProgress[]>([])
/** Increases whenever what was read before may be old. */
export const epoch = signal(0)

/** Changes whenever the list or a file may have changed. */
export const revision = computed(() => `${epoch.value}-${overview.value?.version ?? ''}`)

let source: EventSource | undefined
let logListener: ((lines: readonly LogLine[]) => void) | undefined

function away(): Problem {
  const line = session.value?.commands.console
  return {
    code: 'unreachable',
    message: 'The console does not answer.',
    suggestions: line === undefined ? [] : [`Start it again: ${line}`],
  }
}

/** Opens the stream of events, and opens it again whenever it breaks. */
export async function connect(): Promise<void> {
  try {
    session.value = await ask('GET /api/session')
    listen()
  } catch (error) {
    outage.value = error instanceof ProblemError ? problemOf(error) : away()
    setTimeout(() => void connect(), RETRY_MS)
  }
}

/** Also gets new log lines, until it is called with `undefined`. */
export function followLogs(listener: ((lines: readonly LogLine[]) => void) | undefined): void {
  logListener = listener
  if (source !== undefined) listen()
}

function listen(): void {
  source?.close()
  const eventsPath = session.value?.eventsPath
  if (eventsPath === undefined) return
  source = new EventSource(logListener === undefined ? eventsPath : `${eventsPath}&logs`)
  on('overview', (next) => {
    overview.value = next
    if (outage.value !== undefined) epoch.value++
    outage.value = undefined
  })
  on('problem', (problem) => {
    outage.value = problem
  })
  on('logs', (lines) => logListener?.(lines))
  on('fixes', (kept) => {
    fixes.value = kept
  })
  on('reset', () => {
    epoch.value++
  })
  source.addEventListener('error', () => {
    outage.value = away()
    // The browser reopens a stream that broke, but not one that was refused: another run has another key.
    if (source?.readyState === EventSource.CLOSED) setTimeout(() => void connect(), RETRY_MS)
  })
}

function on<K extends keyof Events>(kind: K, take: (data: Events[K]) => void): void {
  source?.addEventListener(kind, ({data}: MessageEvent<string>) => {
    const event: Events[K] = JSON.parse(data)
    take(event)
  })
}
