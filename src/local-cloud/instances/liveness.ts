import type {Clock} from '../wire/clock.ts'
import type {Instance} from './instance.ts'
import {checkOf, passing, type Probe} from './probe.ts'

/**
 * Probes an instance until it ends or has failed `failureThreshold` times in a row; then calls `failed` with the
 * check and its outcome (https://cloud.google.com/run/docs/configuring/healthchecks#liveness-probes).
 */
export async function watchLiveness(
  instance: Instance,
  probe: Probe,
  clock: Clock,
  failed: (what: string) => void,
): Promise<void> {
  const check = checkOf(instance, probe)
  if (!check) return
  const ended = new AbortController()
  void instance.exited.then(() => ended.abort())
  await passing(clock, probe.initialDelaySeconds * 1000, ended.signal)
  for (let failures = 0; !ended.signal.aborted;) {
    const outcome = await check.run()
    failures = outcome === undefined ? 0 : failures + 1
    if (ended.signal.aborted) return
    if (failures === probe.failureThreshold) {
      failed(`${check.name} failed ${failures} times in a row: ${outcome}`)
      return
    }
    await passing(clock, probe.periodSeconds * 1000, ended.signal)
  }
}
