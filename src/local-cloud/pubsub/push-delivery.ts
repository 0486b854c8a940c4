import type {IdTokens} from '../iam/access.ts'
import type {Clock, Timer} from '../wire/clock.ts'
import type {DeliveryQueue} from './delivery-queue.ts'
import type {Lease, LeaseEnd} from './ordering.ts'
import type {MessageStore} from './message-store.ts'
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
  readonly messages: Pick<MessageStore, 'stored'>
  /** Whether an endpoint may be paused by a debugger: no acknowledgement deadline ends then. */
  readonly isDebugging: () => boolean
}

/** A delivery that is under way. */
interface Sending {
  /** Whether its lease ended without an acknowledgement. */
  isLost: boolean
  push: Push | undefined
}

/** Pushes a queue's messages to its endpoint, if its settings have one. */
export class PushDelivery {
  readonly #subscription: string
  readonly #queue: DeliveryQueue
  readonly #dependencies: PushDependencies
  readonly #pacing = new PushPacing()
  readonly #unwatch: () => void
  #underWay = 0
  /** In this turn of the event loop. */
  #acknowledged: Lease[] = []
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
      const sending: Sending = {isLost: false, push: undefined}
      const lease = this.#queue.take(ackDeadlineMs, (end) => this.#ended(sending, end), {
        isHeld: this.#dependencies.isDebugging,
      })
      if (lease === undefined) return
      this.#underWay += 1
      this.#pacing.pushed(clock.monotonic())
      this.#send(lease, push, sending)
    }
  }

  stop(): void {
    this.#unwatch()
    this.#timer?.clear()
    this.#acknowledge()
  }

  #send(lease: Lease, push: PushSettings, sending: Sending): void {
    const {connections, messages} = this.#dependencies
    const message = messages.stored(lease.message)
    if (message === undefined) {
      this.#refused(lease, sending)
      return
    }
    const attempt = this.#queue.settings.deadLetter === undefined ? undefined : lease.attempt
    const token = this.#bearer(push.token)
    const request = formatPush(this.#subscription, message, {settings: push, attempt, token})
    sending.push = connections.post(push.endpoint, request, (isAcknowledged) => {
      if (!isAcknowledged) this.#refused(lease, sending)
      else if (this.#acknowledged.push(lease) === 1)
        setImmediate(() => {
          this.#acknowledge()
          this.pump()
        })
    })
  }

  #ended(sending: Sending, end: LeaseEnd): void {
    if (end === 'expired') this.#pacing.refused(this.#dependencies.clock.monotonic())
    if (end === 'acknowledged') return
    sending.isLost = true
    sending.push?.abort()
  }

  /** Those of one turn at once: each call is a change of its own to the state. */
  #acknowledge(): void {
    const leases = this.#acknowledged
    this.#acknowledged = []
    this.#underWay -= leases.length
    for (let left = leases.length; left > 0; left--) this.#pacing.acknowledged()
    // Not durable means not acknowledged: the queue takes the messages back. The endpoint does not learn of it.
    this.#queue.acknowledge(leases, {canWait: true}).catch(() => undefined)
  }

  /** Not at once: the queue itself may be ending the delivery. */
  #refused(lease: Lease, sending: Sending): void {
    queueMicrotask(() => {
      this.#underWay -= 1
      if (!sending.isLost) {
        this.#pacing.refused(this.#dependencies.clock.monotonic())
        this.#queue.extend(lease, 0)
      }
      this.pump()
    })
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
