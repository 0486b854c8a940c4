/** How many removed elements may pile up before the rest moves up. */
const SLACK = 1024

/** A queue with O(1) operations at both ends, whatever its length. */
export class Fifo<T> {
  #elements: T[] = []
  #head = 0

  push(element: T): void {
    this.#elements.push(element)
  }

  peek(): T | undefined {
    return this.#elements[this.#head]
  }

  shift(): T | undefined {
    const element = this.#elements[this.#head]
    if (this.#head < this.#elements.length) this.#head += 1
    if (this.#head > SLACK && this.#head * 2 > this.#elements.length) {
      this.#elements = this.#elements.slice(this.#head)
      this.#head = 0
    }
    return element
  }
}
