import type {IdTokens} from '../iam/access.ts'
import type {Clock, Timer} from '../wire/clock.ts'
import type {DeliveryQueue} from './delivery-queue.ts'
import type {Lease} from './ordering.ts'
import type {StoredMessage} from './message-store.ts'
import {PushPacing} from './push-pacing.ts'
import type {Push, PushConnections} from './push-connections.ts'
import {formatPush} from './push-request.ts'
import type {PushSettings} from './subscription-settings.ts'

/** How long a token is reused, well within its hour. */
const TOKEN_REUSE_MS = 30 * 60_000

/** What every push subscription needs. */
export interface PushDependencies {
  readonly clock: Clock
  readonly tokens: IdTokens
  readonly connections: PushConnections
  readonly load: (message: number) => StoredMessage | undefined
  /** Whether an endpoint may be paused by a debugger: no acknowledgement deadline ends then. */
  readonly isDebugging: () => boolean
}

/** Pushes a queue's messages to its endpoint, if its settings have one. */
export class PushDelivery {
  readonly #subscription: string
  readonly #queue: DeliveryQueue
  readonly #dependencies: PushDependencies
  readonly #pacing = new PushPacing()
  readonly #unwatch: () => void
  #underWay = 0
  #timer: Timer | undefined
  #token: {readonly text: string; readonly of: string; readonly mintedAt: number} | undefined

  constructor(subscription: string, queue: DeliveryQueue, dependencies: PushDependencies) {
    this.#subscription = subscription
    this.#queue = queue
    this.#dependencies = dependencies
    this.#unwatch = queue.watch(() => this.pump())
  }

  /** Pushes what may be pushed now; call it after changing settings too. */
  pump(): void {
    const {clock} = this.#dependencies
    for (;;) {
      const {push, ackDeadlineMs, detached} = this.#queue.settings
      if (push === undefined || detached || !this.#queue.hasReady || this.#underWay >= this.#pacing.window)
        return
      const waitMs = this.#pacing.notBefore - clock.monotonic()
      if (waitMs > 0) {
        this.#timer ??= clock.after(waitMs, () => {
          this.#timer = undefined
          this.pump()
        })
        return
      }
      let isLost = false
      let sent: Push | undefined
      const lease = this.#queue.take(ackDeadlineMs, (end) => {
        if (end === 'expired') this.#pacing.refused(clock.monotonic())
        if (end === 'acknowledged') return
        isLost = true
        sent?.abort()
      })
      if (lease === undefined) return
      this.#underWay += 1
      this.#pacing.pushed(clock.monotonic())
      sent = this.#send(lease, push)
      void this.#settle(lease, sent, () => isLost)
    }
  }

  stop(): void {
    this.#unwatch()
    this.#timer?.clear()
  }

  /** @returns `undefined` if the message is gone */
  #send(lease: Lease, push: PushSettings): Push | undefined {
    const {connections, load} = this.#dependencies
    const message = load(lease.message)
    if (message === undefined) return undefined
    const attempt = this.#queue.settings.deadLetter === undefined ? undefined : lease.attempt
    const token = this.#bearer(push.token)
    return connections.post(
      push.endpoint,
      formatPush(this.#subscription, message, {settings: push, attempt, token}),
    )
  }

  async #settle(lease: Lease, sent: Push | undefined, isLost: () => boolean): Promise<void> {
    const {clock} = this.#dependencies
    const held = this.#hold(lease)
    const acknowledged = await sent?.acknowledged
    held.clear()
    this.#underWay -= 1
    if (acknowledged === true) {
      this.#pacing.acknowledged()
      // Not durable means not acknowledged: the queue takes the message back. The endpoint does not learn of it.
      this.#queue.acknowledge([lease], {canWait: true}).catch(() => undefined)
    } else if (!isLost()) {
      this.#pacing.refused(clock.monotonic())
      this.#queue.extend(lease, 0)
    }
    this.pump()
  }

  /** Extends a delivery halfway to its deadline, again and again while a debugger may pause the endpoint. */
  #hold(lease: Lease): Pick<Timer, 'clear'> {
    const {clock, isDebugging} = this.#dependencies
    const {ackDeadlineMs} = this.#queue.settings
    let timer: Timer
    const wait = (): void => {
      timer = clock.after(ackDeadlineMs / 2, () => {
        if (isDebugging()) this.#queue.extend(lease, ackDeadlineMs)
        wait()
      })
    }
    wait()
    return {clear: () => timer.clear()}
  }

  #bearer(token: PushSettings['token']): string | undefined {
    if (token === undefined) return undefined
    const {clock, tokens} = this.#dependencies
    const of = `${token.email} ${token.audience}`
    const age = clock.now() - (this.#token?.mintedAt ?? 0)
    // After the clock was set back, a token would seem to come from the future.
    if (this.#token?.of !== of || age < 0 || age > TOKEN_REUSE_MS)
      this.#token = {text: tokens.mint(token), of, mintedAt: clock.now()}
    return this.#token.text
  }
}
