/**
 * Values by key, those that were kept last: beyond `most`, the oldest go. To renew one at each read would cost more than
 * the read.
 */
export class Recent<K, V> {
  readonly #kept = new Map<K, V>()
  readonly #most: number
  readonly #sizeOf: (value: V) => number
  #size = 0

  /** @param most how much is kept in all, in what `sizeOf` counts */
  constructor(most: number, sizeOf: (value: V) => number) {
    this.#most = most
    this.#sizeOf = sizeOf
  }

  get(key: K): V | undefined {
    return this.#kept.get(key)
  }

  keep(key: K, value: V): void {
    this.forget(key)
    this.#kept.set(key, value)
    this.#size += this.#sizeOf(value)
    for (const oldest of this.#kept.keys()) {
      if (this.#size <= this.#most) break
      this.forget(oldest)
    }
  }

  forget(key: K): void {
    const value = this.#kept.get(key)
    if (value === undefined) return
    this.#kept.delete(key)
    this.#size -= this.#sizeOf(value)
  }

  clear(): void {
    this.#kept.clear()
    this.#size = 0
  }
}
