/** How many taken elements are put up with before the rest is moved up. */
const SLACK = 1024

/** A queue whose ends both cost O(1), however long it is. */
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
