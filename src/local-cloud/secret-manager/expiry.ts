import type {AccessControl} from '../iam/access.ts'
import type {State} from '../state/state.ts'
import type {Clock, Timer} from '../wire/clock.ts'
import {newEtag} from './etag.ts'
import type {Lookup} from './lookup.ts'
import {parseSecretName} from './names.ts'
import type {SecretStore} from './store.ts'
import {destroyed} from './versions.ts'

export interface Expiry extends Disposable {
  /** Looks again at what is due next. */
  schedule(): void
}

/** After a failure, such as a full disk. */
const RETRY_MS = 60_000

/** Deletes secrets when they expire, and destroys versions whose time after `DestroySecretVersion` is over. */
export function createExpiry({
  state,
  clock,
  access,
  store,
  lookup,
}: {
  state: State
  clock: Clock
  access: AccessControl
  store: SecretStore
  lookup: Lookup
}): Expiry {
  let timer: Timer | undefined
  let ended = false

  const schedule = (): void => {
    timer?.clear()
    const at = ended ? undefined : store.nextDue()
    timer = at === undefined ? undefined : clock.after(Math.max(0, at - clock.now()), sweep)
  }
  const sweep = (): void => {
    state
      .write(() => {
        for (const {key, resource} of store.expired(clock.now())) {
          access.dropPolicy(lookup.policyName(parseSecretName(resource.name)))
          store.remove(key)
        }
        for (const {secret, number, resource} of store.due(clock.now())) {
          const version = destroyed(resource, new Date(clock.now()).toISOString())
          store.updateVersion(secret, number, {...version, etag: newEtag()})
        }
      })
      .then(schedule, () => {
        if (!ended) timer = clock.after(RETRY_MS, sweep)
      })
  }

  return {
    schedule,
    [Symbol.dispose]() {
      ended = true
      timer?.clear()
    },
  }
}
