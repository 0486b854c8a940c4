/** Something that happens in a simulation at a certain time. */
export interface SimulatedEvent {
  /** Virtual milliseconds since the beginning. */
  at: number
  readonly action: () => void
  isCleared: boolean
}

/** The events to come, by time; of those at the same time, in the order in which they were added. */
export class Events {
  readonly #heap: {event: SimulatedEvent; order: number}[] = []
  #added = 0

  add(event: SimulatedEvent): void {
    this.#added += 1
    this.#heap.push({event, order: this.#added})
    this.#rise(this.#heap.length - 1)
  }

  get next(): SimulatedEvent | undefined {
    return this.#heap[0]?.event
  }

  take(): SimulatedEvent | undefined {
    const first = this.#heap[0]
    const last = this.#heap.pop()
    if (last !== undefined && this.#heap.length > 0) {
      this.#heap[0] = last
      this.#sink()
    }
    return first?.event
  }

  #isBefore(one: number, other: number): boolean {
    const a = this.#heap[one]
    const b = this.#heap[other]
    if (a === undefined || b === undefined) return a !== undefined
    return a.event.at < b.event.at || (a.event.at === b.event.at && a.order < b.order)
  }

  #swap(one: number, other: number): void {
    const a = this.#heap[one]
    const b = this.#heap[other]
    if (a === undefined || b === undefined) return
    this.#heap[one] = b
    this.#heap[other] = a
  }

  #rise(from: number): void {
    for (let at = from; at > 0;) {
      const parent = (at - 1) >> 1
      if (!this.#isBefore(at, parent)) return
      this.#swap(at, parent)
      at = parent
    }
  }

  #sink(): void {
    for (let at = 0; ;) {
      const left = 2 * at + 1
      const child = this.#isBefore(left + 1, left) ? left + 1 : left
      if (!this.#isBefore(child, at)) return
      this.#swap(at, child)
      at = child
    }
  }
}
