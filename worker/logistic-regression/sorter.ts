import type {Pacer} from './pacer.ts'
import {type Scratch, ScratchPool} from '../kernels/scratch.ts'

/** Digits that numbers are sorted by, and values that one can have. */
const DIGITS = 6
const VALUES = 2048
/** Fewer numbers are sorted faster by comparing them. */
const FEW_NUMBERS = 512

const memory = new ScratchPool()

/** Sorts numbers by their digits, some milliseconds at a time. */
export class Sorter {
  readonly #scratch = memory.take()
  readonly #placesAt = this.#scratch.claim(DIGITS * VALUES * 4)
  readonly #end = this.#scratch.end

  /** Sorts numbers in rising order, in place. @param numbers none of them NaN */
  async sort(numbers: Float64Array, pacer: Pacer): Promise<void> {
    const {length} = numbers
    if (length < FEW_NUMBERS) {
      numbers.sort()
      return
    }
    const scratch = this.#scratch
    const {kernels} = scratch
    scratch.release(this.#end)
    let keysAt = scratch.claim(length * 8)
    let otherAt = scratch.claim(length * 8)
    scratch.doubles(keysAt, length).set(numbers)
    kernels.sortingKeys(keysAt, length, this.#placesAt)
    for (let digit = 0; digit < DIGITS; digit++) {
      if (pacer.due) await pacer.pause()
      if (kernels.sortByDigit(keysAt, length, digit, this.#placesAt, otherAt) === 1)
        [keysAt, otherAt] = [otherAt, keysAt]
    }
    kernels.numbersOfKeys(keysAt, length)
    numbers.set(scratch.doubles(keysAt, length))
  }

  /** Its memory, to compute in until it sorts again. */
  get scratch(): Scratch {
    this.#scratch.release(this.#end)
    return this.#scratch
  }

  /** Hands its memory on: it sorts no more. */
  free(): void {
    memory.give(this.#scratch)
  }
}
