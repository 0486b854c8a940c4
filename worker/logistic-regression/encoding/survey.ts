import type {Scratch} from '../../kernels/scratch.ts'

const SAMPLED_NUMBERS = 2000
/** Numbers that are looked at at once: they fit the processor's L2 cache. */
const NUMBERS_AT_ONCE = 8 * 1024
const STATS = 9
/** Beyond this, squares of distances in the wrong unit may not be doubles. */
const FAR = 2 ** 400

/** Numbers by place: `read` puts those from `start` to before `end` into `into`, less missing ones, and returns how many. */
export interface Numbers {
  readonly length: number
  read(start: number, end: number, into: Float64Array): number
  /** One of them; NaN if it is missing. */
  at(place: number): number
}

/** What one look at numbers shows. */
export interface Survey {
  /** Numbers that are not missing. */
  readonly present: number
  /** The mean of the middle two if their count is even; 0 without numbers. */
  readonly median: number
  /** Mean and standard deviation (of the population) of the numbers and `copies` times `value`; safe at any magnitude. */
  readonly spreadWith: (copies: number, value: number) => {mean: number; scale: number}
}

/** Looks at columns of numbers, one after the other in the same memory. */
export class Surveyor {
  readonly #scratch: Scratch
  readonly #numbersAt: number
  readonly #amongAt: number
  readonly #statsAt: number
  #among = new Float64Array(0)

  constructor(scratch: Scratch) {
    this.#scratch = scratch
    this.#numbersAt = scratch.claim(NUMBERS_AT_ONCE * 8)
    this.#amongAt = scratch.claim((NUMBERS_AT_ONCE + 1) * 8)
    this.#statsAt = scratch.claim(STATS * 8)
  }

  survey(numbers: Numbers): Survey {
    const guess = this.#guess(this.#sampleOf(numbers))
    let look = this.#look(numbers, guess)
    const unit = unitOf(Math.max(look.most, -look.least))
    // Neither is likely: the sample misled about the middle, or about the magnitude.
    const isMisled = !holdsMiddle(look)
    if (isMisled || unit < guess.unit / FAR || unit > guess.unit * FAR)
      look = this.#look(
        numbers,
        isMisled ? {low: -Infinity, middle: 0, high: Infinity, unit} : {...guess, unit},
      )
    return {
      present: look.present,
      median: this.#medianOf(look),
      spreadWith: (copies, value) => spread(look, copies, value),
    }
  }

  /** Puts all numbers, or as many as a sample has, evenly spaced, where blocks of them are read. @returns how many */
  #sampleOf(numbers: Numbers): number {
    const sample = this.#scratch.doubles(this.#numbersAt, SAMPLED_NUMBERS)
    const {length} = numbers
    if (length <= SAMPLED_NUMBERS) return numbers.read(0, length, sample)
    let present = 0
    for (let i = 0; i < SAMPLED_NUMBERS; i++) {
      const value = numbers.at(Math.floor((i * length) / SAMPLED_NUMBERS))
      if (value === value) sample[present++] = value
    }
    return present
  }

  /** The median of all is within five standard errors of its rank in the sample. */
  #guess(count: number): Guess {
    const {kernels} = this.#scratch
    const at = this.#numbersAt
    if (count === 0) return {low: -Infinity, middle: 0, high: Infinity, unit: 1}
    const middle = count >> 1
    const reach = Math.ceil((5 * Math.sqrt(count)) / 2)
    return {
      low: middle < reach ? -Infinity : kernels.select(at, count, middle - reach),
      middle: kernels.select(at, count, middle),
      high: middle + reach < count ? kernels.select(at, count, middle + reach) : Infinity,
      unit: unitOf(kernels.greatest(at, count, 1)),
    }
  }

  #medianOf({present, before, among}: Look): number {
    if (present === 0) return 0
    const scratch = this.#scratch
    const {kernels, end} = scratch
    const rank = (present >> 1) - before
    const at = scratch.claim(among.length * 8)
    scratch.doubles(at, among.length).set(among)
    const upper = kernels.select(at, among.length, rank)
    const median = present % 2 === 1 ? upper : kernels.greatest(at, rank, 0) / 2 + upper / 2
    scratch.release(end)
    return median
  }

  #look(numbers: Numbers, guess: Guess): Look {
    const {low, middle, high, unit} = guess
    const scratch = this.#scratch
    const buffer = scratch.doubles(this.#numbersAt, NUMBERS_AT_ONCE)
    const stats = scratch.doubles(this.#statsAt, STATS).fill(0)
    stats.fill(Infinity, 0, 2).fill(-Infinity, 2, 4)
    let [present, count] = [0, 0]
    for (let start = 0; start < numbers.length; start += NUMBERS_AT_ONCE) {
      const read = numbers.read(start, Math.min(numbers.length, start + NUMBERS_AT_ONCE), buffer)
      const found = scratch.kernels.survey(
        this.#numbersAt,
        read,
        low,
        high,
        middle * unit,
        unit,
        this.#statsAt,
        this.#amongAt,
      )
      if (count + found > this.#among.length) this.#among = enlarged(this.#among, 2 * (count + found))
      this.#among.set(scratch.doubles(this.#amongAt, found), count)
      present += read
      count += found
    }
    const [
      least0 = 0,
      least1 = 0,
      most0 = 0,
      most1 = 0,
      sum0 = 0,
      sum1 = 0,
      squares0 = 0,
      squares1 = 0,
      before = 0,
    ] = stats
    return {
      guess,
      present,
      least: Math.min(least0, least1),
      most: Math.max(most0, most1),
      sum: sum0 + sum1,
      squares: squares0 + squares1,
      before,
      among: this.#among.subarray(0, count),
    }
  }
}

/** Where the median probably is, what it probably is, and a power of two that makes the numbers about 1. */
interface Guess {
  readonly low: number
  readonly middle: number
  readonly high: number
  readonly unit: number
}

interface Look {
  readonly guess: Guess
  readonly present: number
  readonly least: number
  readonly most: number
  /** Of the distances from the guessed median, in its unit, and of their squares. */
  readonly sum: number
  readonly squares: number
  /** Numbers below those of `among`. */
  readonly before: number
  readonly among: Float64Array
}

/** A power of two, so that nothing is rounded; the inverse must be a double, too. */
function unitOf(magnitude: number): number {
  return magnitude > 0 ? 2 ** Math.max(-1000, Math.min(1000, -Math.floor(Math.log2(magnitude)))) : 1
}

function holdsMiddle({guess, present, before, among}: Look): boolean {
  const middle = present >> 1
  const isAll = guess.low === -Infinity && guess.high === Infinity
  return isAll || (before < middle && before + among.length > middle)
}

function spread(
  {guess: {middle, unit}, present, least, most, sum, squares}: Look,
  copies: number,
  value: number,
): {mean: number; scale: number} {
  const count = present + copies
  if (Math.max(most, -least) <= 0) return {mean: 0, scale: 1}
  // Relative to the guessed median, which is within one deviation of the mean, so that squares lose little precision.
  const distance = value * unit - middle * unit
  const shift = (sum + copies * distance) / count
  const mean = middle * unit + shift
  const deviation = Math.sqrt(Math.max(0, (squares + copies * distance * distance) / count - shift * shift))
  // A constant's rounding error is not spread. Of the furthest doubles it is the last one, but for rounding.
  const scale = deviation > 1e-14 * Math.abs(mean) ? Math.min(deviation / unit, Number.MAX_VALUE) : 0
  return {mean: mean / unit, scale: scale > 0 ? scale : 1}
}

function enlarged(numbers: Float64Array<ArrayBuffer>, length: number): Float64Array<ArrayBuffer> {
  const more = new Float64Array(length)
  more.set(numbers)
  return more
}
