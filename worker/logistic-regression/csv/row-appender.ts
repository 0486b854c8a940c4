import {type Scratch, ScratchPool} from '../../kernels/scratch.ts'

/** Of the result, before it is passed on. */
const RESULT_BYTES = 256 * 1024
/** The kernel copies that many at a time, and so may write up to one less beyond the end. */
const VECTOR_BYTES = 16
/** Probabilities that are passed to the kernel at a time. */
const PROBABILITIES_AT_ONCE = 2048

/** Fields that are appended to rows: a label, and a probability per class. */
export interface PredictedFields {
  /** Per class the delimiter and the class as a field. */
  readonly labels: readonly Buffer[]
  /** Per row its class. */
  readonly predicted: Int16Array
  /** Row-major, rows x classes. */
  readonly probabilities: Float64Array
  /** The byte of each. */
  readonly delimiter: number
  readonly mark: number
}

const memory = new ScratchPool()

/** Memory in which a kernel copies the rows of a file and appends fields to them. */
export class RowAppender {
  /** Bytes of {@link result} that are filled. */
  size = 0
  readonly #scratch = memory.take()
  readonly #fields: PredictedFields
  /** Of the result less the fields of a row. */
  readonly #mostBytes: number
  readonly #rowsAtOnce: number
  readonly #textsAt: number
  readonly #endAt: number
  readonly #endsAt: number
  readonly #labelsAt: number
  readonly #probabilitiesAt: number
  readonly #resultAt: number
  readonly #heldAt: number
  #held = 0

  /** @param fieldBytes most bytes of a row's fields */
  constructor(fields: PredictedFields, fieldBytes: number) {
    const scratch = this.#scratch
    this.#fields = fields
    this.#mostBytes = RESULT_BYTES - fieldBytes
    this.#rowsAtOnce = Math.max(1, Math.floor(PROBABILITIES_AT_ONCE / fields.labels.length))
    this.#textsAt = claimTexts(fields.labels, scratch)
    this.#endAt = scratch.claim(4)
    this.#endsAt = scratch.claim(this.#rowsAtOnce * 8)
    this.#labelsAt = scratch.claim(this.#rowsAtOnce * 2)
    this.#probabilitiesAt = scratch.claim(this.#rowsAtOnce * fields.labels.length * 8)
    this.#resultAt = scratch.claim(RESULT_BYTES + VECTOR_BYTES)
    this.#heldAt = scratch.end
  }

  /** Hands its memory on. */
  free(): void {
    memory.give(this.#scratch)
  }

  get result(): Buffer {
    return this.#scratch.bytes(this.#resultAt, RESULT_BYTES)
  }

  /** The bytes of the file that are held: another view after each {@link hold}. */
  get held(): Buffer {
    return this.#scratch.bytes(this.#heldAt, this.#held)
  }

  /** Drops the first bytes that are held, and adds more. */
  hold(dropped: number, chunk: Buffer): void {
    this.held.copyWithin(0, dropped)
    const kept = this.#held - dropped
    this.#held = kept + chunk.length
    this.#scratch.release(this.#heldAt)
    this.#scratch.claim(this.#held + VECTOR_BYTES)
    chunk.copy(this.held, kept)
  }

  /**
   * Appends the fields of rows whose bytes are held, without blank lines before them.
   * @param start of the first of them, in what is held
   * @param ends of the rows, in the file
   * @param position in the file of what is held
   * @param row number of the first
   * @returns how many: fewer if there is no room left, or if a row has a probability that a kernel leaves out
   */
  append(start: number, ends: Float64Array, position: number, row: number): number {
    const scratch = this.#scratch
    const {labels, predicted, probabilities, delimiter, mark} = this.#fields
    const classes = labels.length
    const count = Math.min(ends.length, this.#rowsAtOnce)
    scratch.doubles(this.#endsAt, count).set(ends.subarray(0, count))
    scratch.shorts(this.#labelsAt, count).set(predicted.subarray(row, row + count))
    scratch
      .doubles(this.#probabilitiesAt, count * classes)
      .set(probabilities.subarray(row * classes, (row + count) * classes))
    const end = scratch.integers(this.#endAt, 1)
    end[0] = this.#resultAt + this.size
    const done = scratch.kernels.appendPredictions(
      this.#heldAt,
      start,
      this.#endsAt,
      position,
      count,
      this.#labelsAt,
      this.#textsAt,
      this.#probabilitiesAt,
      classes,
      delimiter | (mark << 8),
      this.#endAt,
      this.#resultAt + this.#mostBytes,
    )
    this.size = (end[0] ?? 0) - this.#resultAt
    return done
  }
}

/** @returns where the kernel finds, per text, its place and its length */
function claimTexts(texts: readonly Buffer[], scratch: Scratch): number {
  const tableAt = scratch.claim(texts.length * 8)
  for (const [i, text] of texts.entries()) {
    const at = scratch.claim(text.length + VECTOR_BYTES)
    scratch.bytes(at, text.length).set(text)
    scratch.integers(tableAt + i * 8, 2).set([at - tableAt, text.length])
  }
  return tableAt
}
