import {Scratch} from '../../kernels/scratch.ts'

/** Digits of a probability in the result: more than any use needs, and short enough to read. */
const SIGNIFICANT_DIGITS = 6
/** As long as `1.23457e-308`. */
export const MOST_PROBABILITY_BYTES = 13

export type DecimalMark = '.' | ','

interface Memory {
  readonly scratch: Scratch
  readonly textAt: number
  readonly text: Buffer
}

let shared: Memory | undefined

/**
 * Writes a probability as text, rounded to six significant digits without trailing zeros.
 * @param mark of decimals
 * @returns where it ends
 */
export function writeProbability(
  probability: number,
  into: Buffer,
  at: number,
  mark: DecimalMark = '.',
): number {
  const {scratch, textAt, text} = (shared ??= prepare())
  const end = scratch.kernels.probability(probability, mark.charCodeAt(0), textAt)
  if (end > 0) return at + text.copy(into, at, 0, end - textAt)
  const rare = String(Number(probability.toPrecision(SIGNIFICANT_DIGITS)))
  return at + into.write(rare.replace('.', mark), at, 'latin1')
}

function prepare(): Memory {
  const scratch = new Scratch()
  const textAt = scratch.claim(MOST_PROBABILITY_BYTES)
  return {scratch, textAt, text: scratch.bytes(textAt, MOST_PROBABILITY_BYTES)}
}
