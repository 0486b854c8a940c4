import {randomBytes} from 'node:crypto'
import type {State} from '../state/state.ts'
import type {Clock, Timer} from '../wire/clock.ts'
import {evaluate, type Facts, type Watch, watchesOf} from './conditions.ts'
import type {MetricSink} from './metrics.ts'
import type {Incident, MonitoringStore} from './store.ts'

/** What is sent about an incident when it opens and when it closes. */
export interface IncidentReport {
  readonly watch: Watch
  readonly incident: Incident
  /** Milliseconds since 1970; `undefined` while the incident is open. */
  readonly ended: number | undefined
  readonly value: number
}

export interface Incidents extends Disposable {
  readonly metrics: MetricSink
  /** Looks again at the policies, which have changed. */
  refresh(): void
}

interface Watched {
  watch: Watch
  /** Since when the condition holds. */
  metSince: number | undefined
  timer: Timer | undefined
}

/**
 * Opens an incident when a condition has been met for its duration, and closes it when it no longer is. What happens in
 * the services and one timer for each condition drive it; nothing is polled.
 */
export function createIncidents({
  state,
  clock,
  store,
  notify,
}: {
  state: State
  clock: Clock
  store: MonitoringStore
  notify: (report: IncidentReport) => void
}): Incidents {
  const open = store.incidents()
  const facts = new Map<string, Facts>()
  let watched: Watched[] = []
  let ended = false

  /** The change is in memory at once; its row may wait for the disk. */
  const record = (change: () => void): void => {
    state.record(change).catch(() => undefined)
  }
  const look = (one: Watched): void => {
    const {watch} = one
    one.timer?.clear()
    one.timer = undefined
    const now = clock.now()
    const known = facts.get(watch.subject)
    // Without a single value, nothing is known.
    if (known === undefined || ended) return
    if (watch.metric.metric === 'acknowledged' && known.acknowledged === undefined) return
    const {met, value, changesInMs} = evaluate(watch, known, now)
    one.metSince = met ? (one.metSince ?? now) : undefined
    const pendingMs = one.metSince === undefined ? 0 : one.metSince + watch.durationMs - now
    const incident = open.get(watch.name)
    if (met && incident === undefined && pendingMs <= 0) {
      const opened = {id: `0.${randomBytes(6).toString('hex')}`, started: now}
      open.set(watch.name, opened)
      record(() => store.openIncident(watch.name, opened))
      notify({watch, incident: opened, ended: undefined, value})
    } else if (!met && incident !== undefined) {
      open.delete(watch.name)
      record(() => store.closeIncident(watch.name))
      notify({watch, incident, ended: now, value})
    }
    const nextMs = Math.min(changesInMs ?? Infinity, pendingMs > 0 ? pendingMs : Infinity)
    if (nextMs < Infinity) one.timer = clock.after(nextMs, () => look(one))
  }
  const learn = (subject: string, learned: Facts): void => {
    facts.set(subject, {...facts.get(subject), ...learned})
    for (const one of watched) if (one.watch.subject === subject) look(one)
  }
  const refresh = (): void => {
    const before = new Map(watched.map((one) => [one.watch.name, one]))
    for (const {timer} of watched) timer?.clear()
    watched = store
      .policies()
      .flatMap(watchesOf)
      .map((watch) => ({watch, metSince: before.get(watch.name)?.metSince, timer: undefined}))
    // An incident ends with its condition, of which nobody is notified.
    const names = new Set(watched.map(({watch}) => watch.name))
    for (const condition of open.keys()) {
      if (names.has(condition)) continue
      open.delete(condition)
      record(() => store.closeIncident(condition))
    }
    for (const one of watched) look(one)
  }
  refresh()

  return {
    metrics: {
      backlog: (subscription, messages, oldest) => learn(subscription, {messages, oldest}),
      acknowledged: (subscription) => learn(subscription, {acknowledged: clock.now()}),
      executionFailed: (job) => learn(job.replace(/\/locations\/[^/]+/, ''), {failed: clock.now()}),
    },
    refresh,
    [Symbol.dispose]() {
      ended = true
      for (const {timer} of watched) timer?.clear()
    },
  }
}
