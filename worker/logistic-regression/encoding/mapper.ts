import type {Scratch} from '../../kernels/scratch.ts'
import type {Transform} from './transforms.ts'

/** Where a map's knots lie in memory. */
export interface Knots {
  readonly fromAt: number
  readonly toAt: number
  readonly count: number
}

/** @returns null for the identity */
export function claimKnots(transform: Transform, scratch: Scratch): Knots | null {
  if (transform.kind === 'identity') return null
  const count = transform.from.length
  const [fromAt, toAt] = [scratch.claim(count * 8), scratch.claim(count * 8)]
  scratch.doubles(fromAt, count).set(transform.from)
  scratch.doubles(toAt, count).set(transform.to)
  return {fromAt, toAt, count}
}

/** Applies transforms to some numbers of a column. */
export class Mapper {
  readonly #scratch: Scratch
  readonly #end: number

  /** @param scratch that nothing else claims of */
  constructor(scratch: Scratch) {
    this.#scratch = scratch
    this.#end = scratch.end
  }

  /** @returns the transformed numbers; missing ones (NaN) stay NaN */
  map(transform: Transform, numbers: Float64Array): Float64Array {
    const scratch = this.#scratch
    scratch.release(this.#end)
    const knots = claimKnots(transform, scratch)
    if (knots === null) return numbers
    const {length} = numbers
    const at = scratch.claim(length * 8)
    scratch.doubles(at, length).set(numbers)
    scratch.kernels.normalScores(at, length, knots.fromAt, knots.toAt, knots.count, at)
    return scratch.doubles(at, length).slice()
  }
}
