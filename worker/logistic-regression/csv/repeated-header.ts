import {type RecordBlock, fieldText} from './scanner.ts'

const NONE: readonly number[] = []

/** Finds lines that repeat the header, as joined exports have them. */
export class RepeatedHeader {
  readonly #names: string[]
  /** The name that few cells are as long as, its length and first byte: all that is compared in most rows. */
  readonly #probe: number
  readonly #length: number
  readonly #first: number

  /** @param header its only record is the header, of `columns` fields */
  constructor(header: RecordBlock, columns: number) {
    this.#names = Array.from({length: columns}, (_, field) => fieldText(header, field))
    const lengths = this.#names.map((_, field) => (header.stops[field] ?? 0) - (header.starts[field] ?? 0))
    this.#length = Math.max(...lengths)
    this.#probe = lengths.indexOf(this.#length)
    this.#first = header.bytes[header.starts[this.#probe] ?? 0] ?? 0
  }

  /** The records of a block that have the header's names in all fields. */
  in(block: RecordBlock): readonly number[] {
    const {bytes, starts, stops, columns, records} = block
    if (columns !== this.#names.length) return NONE
    const length = this.#length
    const first = this.#first
    let found: number[] | undefined
    for (let record = 0, cell = this.#probe; record < records; record++, cell += columns) {
      const start = starts[cell] ?? 0
      if ((stops[cell] ?? 0) - start !== length || bytes[start] !== first) continue
      if (this.#names.every((name, field) => fieldText(block, record * columns + field) === name))
        (found ??= []).push(record)
    }
    return found ?? NONE
  }
}

/** A block less some of its records, in the same memory. */
export function without(block: RecordBlock, left: readonly number[]): RecordBlock {
  if (left.length === 0) return block
  const {columns, records, starts, stops, ends} = block
  const isLeft = new Set(left)
  let kept = 0
  for (let record = 0; record < records; record++) {
    if (isLeft.has(record)) continue
    const cells = [record * columns, (record + 1) * columns] as const
    starts.copyWithin(kept * columns, ...cells)
    stops.copyWithin(kept * columns, ...cells)
    ends.copyWithin(kept, record, record + 1)
    kept++
  }
  return {...block, records: kept}
}
