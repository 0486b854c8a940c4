/**
 * A column or matrix of at most so many bytes gets memory of earlier ones: touching new pages takes longer than reading
 * numbers, and new memory has the collector run.
 */
const MOST_REUSED_BYTES = 1024 * 1024
/** Of all that is kept for later. */
const MOST_KEPT_BYTES = 24 * 1024 * 1024

/** By their size, a power of two. */
const kept = new Map<number, ArrayBuffer[]>()
let keptBytes = 0
/** Buffers in use that may be kept. */
const reusable = new WeakSet<ArrayBufferLike>()

/** Elements of any value for a column of so many rows, in memory that {@link shorten} or {@link handOn} frees. */
export function reserveNumbers(rows: number): Float64Array<ArrayBuffer> {
  const buffer = reserved(rows * 8)
  return buffer.resizable ? new Float64Array(buffer) : new Float64Array(buffer, 0, rows)
}

/** The same for codes. */
export function reserveCodes(rows: number): Int32Array<ArrayBuffer> {
  const buffer = reserved(rows * 4)
  return buffer.resizable ? new Int32Array(buffer) : new Int32Array(buffer, 0, rows)
}

/** The same for numbers that keep their length, such as a matrix. */
export function reserveMatrix(elements: number): Float64Array<ArrayBuffer> {
  return elements * 8 > MOST_REUSED_BYTES ? new Float64Array(elements) : reserveNumbers(elements)
}

function reserved(bytes: number): ArrayBuffer {
  if (bytes > MOST_REUSED_BYTES) {
    drop()
    return new ArrayBuffer(bytes, {maxByteLength: bytes})
  }
  const size = 2 ** Math.ceil(Math.log2(Math.max(1, bytes)))
  const earlier = kept.get(size)?.pop()
  if (earlier !== undefined) keptBytes -= size
  const buffer = earlier ?? new ArrayBuffer(size)
  reusable.add(buffer)
  return buffer
}

/** Hands the memory of elements that nothing uses any more on to others, if there is room to keep it. */
export function handOn({buffer}: Float64Array | Int32Array): void {
  const size = buffer.byteLength
  if (!(buffer instanceof ArrayBuffer) || keptBytes + size > MOST_KEPT_BYTES || !reusable.delete(buffer))
    return
  const others = kept.get(size)
  if (others === undefined) kept.set(size, [buffer])
  else others.push(buffer)
  keptBytes += size
}

/** Frees what is kept: a large file needs the room. */
function drop(): void {
  for (const buffers of kept.values()) for (const buffer of buffers) buffer.transfer(0)
  kept.clear()
  keptBytes = 0
}

/** The column's first rows. The memory of the others is freed if the column is large. */
export function shorten(values: Float64Array, rows: number): Float64Array
export function shorten(values: Int32Array, rows: number): Int32Array
export function shorten(values: Float64Array | Int32Array, rows: number): Float64Array | Int32Array {
  const {buffer, BYTES_PER_ELEMENT, length} = values
  if (!(buffer instanceof ArrayBuffer) || !buffer.resizable) return values.subarray(0, rows)
  if (rows < length) buffer.resize(rows * BYTES_PER_ELEMENT)
  return values
}
