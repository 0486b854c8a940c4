/**
 * How fast messages of a subscription are pushed. Google documents the behaviour and not the formulas
 * (https://cloud.google.com/pubsub/docs/push, "Delivery rate" and "Push backoff"); the figures below are its own,
 * joined by the simplest curve through them.
 *
 * - Slow start: the window of concurrent pushes begins with a small single-digit number, grows exponentially with
 *   acknowledgements, linearly above 3,000, and shrinks with each failure, here never below where it started: one push
 *   that hangs until its deadline must not hold up all the others.
 * - Push backoff: refusals delay every message of the subscription, for 100 ms to 60 s. One refusal in five
 *   deliveries means a delivery about every 500 ms; nothing but refusals, one every 30 to 60 s.
 */
const FIRST_WINDOW = 3
const LINEAR_ABOVE = 3000

const SHORTEST_BACKOFF_MS = 100
const LONGEST_BACKOFF_MS = 60_000
/** The documented midpoint. */
const MIDDLE_SHARE = 0.2
const MIDDLE_BACKOFF_MS = 500
/** Weight of the latest outcome in the share of refusals: the first refusal alone leads to the midpoint. */
const LATEST_WEIGHT = 0.2
/** Below this share, the backoff is over. */
const NEGLIGIBLE_SHARE = 0.02

export class PushPacing {
  #window = FIRST_WINDOW
  #refusedShare = 0
  #lastPush = Number.NEGATIVE_INFINITY

  /** How many pushes may be in flight. */
  get window(): number {
    return Math.floor(this.#window)
  }

  /** Milliseconds between two deliveries, 0 if nothing is delayed. */
  get backoffMs(): number {
    if (this.#refusedShare < NEGLIGIBLE_SHARE) return 0
    const exponent = (this.#refusedShare - MIDDLE_SHARE) / (1 - MIDDLE_SHARE)
    const ms = MIDDLE_BACKOFF_MS * (LONGEST_BACKOFF_MS / MIDDLE_BACKOFF_MS) ** exponent
    return Math.round(Math.min(LONGEST_BACKOFF_MS, Math.max(SHORTEST_BACKOFF_MS, ms)))
  }

  /** When the next push may start, on the clock of `pushed` and `refused`, in milliseconds. */
  get notBefore(): number {
    return this.#lastPush + this.backoffMs
  }

  /** @param now monotonic milliseconds (`Clock.monotonic`) */
  pushed(now: number): void {
    this.#lastPush = now
  }

  acknowledged(): void {
    this.#window += this.#window < LINEAR_ABOVE ? 1 : 1 / this.#window
    this.#refusedShare *= 1 - LATEST_WEIGHT
  }

  /** A refusal delays deliveries from `now` on. */
  refused(now: number): void {
    this.#window = Math.max(FIRST_WINDOW, this.#window / 2)
    this.#refusedShare += LATEST_WEIGHT * (1 - this.#refusedShare)
    this.#lastPush = now
  }
}
