import type {AsyncBuffer} from 'hyparquet'
import type {ByteRange, InputFile} from '../../../processor.ts'

/** Files up to this size are read whole, once. */
const LONGEST_WHOLE_BYTES = 16 * 1024 * 1024
/** Bytes between two ranges that are read along with them: a request takes as long. */
const NEGLIGIBLE_GAP = 1024 * 1024

/** Parts of a file, in memory. */
export interface Held {
  /** @throws RangeError unless the bytes are held */
  slice(start: number, end: number): ArrayBuffer
  /** The same without a copy. */
  view(start: number, end: number): Uint8Array
}

/** A file whose parts are read by range. */
export interface RangedFile extends AsyncBuffer {
  /** Reads ranges, in any order, with as few requests as make sense. */
  hold(ranges: readonly ByteRange[]): Promise<Held>
}

export async function openRanges(input: InputFile): Promise<RangedFile> {
  const {sizeBytes} = input
  const whole = sizeBytes <= LONGEST_WHOLE_BYTES ? await read(input) : undefined
  const slice = async (start: number, end = sizeBytes): Promise<ArrayBuffer> =>
    whole === undefined ? read(input, {start, end}) : whole.slice(start, end)
  return {
    byteLength: sizeBytes,
    slice,
    hold: async (ranges) => {
      const parts: {start: number; bytes: ArrayBuffer}[] = []
      for (const {start, end} of whole === undefined ? joined(ranges) : [{start: 0, end: sizeBytes}])
        parts.push({start, bytes: whole ?? (await slice(start, end))})
      const view = (start: number, end: number): Uint8Array<ArrayBuffer> => {
        const part = parts.find((one) => one.start <= start && end <= one.start + one.bytes.byteLength)
        if (part === undefined) throw new RangeError(`bytes ${start} to ${end} are outside of the row group`)
        return new Uint8Array(part.bytes, start - part.start, end - start)
      }
      return {view, slice: (start, end) => view(start, end).slice().buffer}
    },
  }
}

/** @throws what the storage throws, unchanged; an Error if it sends too few bytes */
async function read(input: InputFile, range?: ByteRange): Promise<ArrayBuffer> {
  const bytes = new Uint8Array(range === undefined ? input.sizeBytes : range.end - range.start)
  let length = 0
  for await (const chunk of await input.open(range)) {
    if (!Buffer.isBuffer(chunk)) throw new TypeError('An input stream must give bytes')
    bytes.set(chunk.subarray(0, bytes.length - length), length)
    length += chunk.length
  }
  // Zeros in their place would look like a broken file.
  if (length < bytes.length)
    throw new Error(`The storage sent only ${length} of ${bytes.length} bytes of ${input.object}.`)
  return bytes.buffer
}

function joined(ranges: readonly ByteRange[]): ByteRange[] {
  const found: ByteRange[] = []
  for (const {start, end} of ranges.toSorted((a, b) => a.start - b.start)) {
    const last = found.at(-1)
    if (last !== undefined && start <= last.end + NEGLIGIBLE_GAP)
      found[found.length - 1] = {start: last.start, end: Math.max(last.end, end)}
    else found.push({start, end})
  }
  return found
}
