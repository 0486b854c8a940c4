import {RESULT_METADATA} from './contract.ts'

/**
 * What the objects that were written about a file say together, by the contract's rule (see `RESULT_METADATA`): decided
 * once, for the worker and for the CLI.
 */

/** An object of the output bucket. */
export interface Written {
  /** RFC 3339. */
  readonly timeCreated: string
  readonly metadata: Readonly<Record<string, string>>
}

/** The generation of the input that it was produced from; `undefined` if no worker wrote it. */
export function sourceOf({metadata}: Pick<Written, 'metadata'>): bigint | undefined {
  const source = metadata[RESULT_METADATA.sourceGeneration]
  return source !== undefined && /^\d+$/.test(source) ? BigInt(source) : undefined
}

/** The largest generation of the input that one of them was produced from. */
export function newestSource(...written: readonly (Written | undefined)[]): bigint | undefined {
  return written
    .map((one) => one && sourceOf(one))
    .reduce((most, source) => (source !== undefined && (most === undefined || source > most) ? source : most))
}

/** Whether `one` was created later than `other`. */
export function isLater(one: Written, other: Written): boolean {
  return Date.parse(one.timeCreated) > Date.parse(other.timeCreated)
}

/**
 * What counts as a file's result: the object under its own name, unless that is one of several outputs, or their
 * `outputs.json`; of both, which only a changed worker leaves, that of the larger source generation, then the later.
 */
export function newerResult<T extends Written>(single: T | undefined, outputs: T | undefined): T | undefined {
  const one = single?.metadata[RESULT_METADATA.sourceObject] === undefined ? single : undefined
  if (one === undefined || outputs === undefined) return one ?? outputs
  const [ofOne = -1n, ofSeveral = -1n] = [sourceOf(one), sourceOf(outputs)]
  if (ofOne !== ofSeveral) return ofOne > ofSeveral ? one : outputs
  return isLater(one, outputs) ? one : outputs
}
