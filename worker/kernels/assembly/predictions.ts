const LF: i32 = 0x0a
const CR: i32 = 0x0d
const ZERO: i32 = 0x30
/** Digits of a probability. */
const DIGITS: i32 = 6
/** What has a digit more. */
const ALL: u32 = 1_000_000
/** Eight of them as text. */
const ZEROS: u64 = ((<u64>0x30303030) << 32) | 0x30303030
/** Bytes of an entry of the table of labels: where it begins, and its length. */
const ENTRY: usize = 8

/**
 * Copies records and appends the label and the probabilities of each before its line end, without blank lines before
 * it. Vectors read and write up to 15 bytes more than there are.
 * @param bytes of the records, one after the other
 * @param start of the first, from `bytes` on
 * @param ends of the records, as doubles that count from `position`
 * @param labels per record, and where `texts` has a delimiter and that label
 * @param probabilities per record, one a class
 * @param marks the delimiter in the lowest byte, the decimal mark in the next
 * @param to where the first copy goes; gets where the last one ends
 * @param limit after which no copy begins
 * @returns how many records were copied: fewer if there is no room, or at a probability that {@link probability} leaves out
 */
export function appendPredictions(
  bytes: usize,
  start: i32,
  ends: usize,
  position: f64,
  records: i32,
  labels: usize,
  texts: usize,
  probabilities: usize,
  classes: i32,
  marks: i32,
  to: usize,
  limit: usize,
): i32 {
  const delimiter = marks & 0xff
  const mark = marks >> 8
  let into = <usize>load<u32>(to)
  for (let record = 0; record < records; record++) {
    const end = <i32>(load<f64>(ends + ((<usize>record) << 3)) - position)
    let stop = end
    let from = start
    while (from < stop && isLineEnd(load<u8>(bytes + from))) from++
    if (stop > from && load<u8>(bytes + stop - 1) === LF) stop--
    if (stop > from && load<u8>(bytes + stop - 1) === CR) stop--
    if (into + (end - from) > limit) return record
    let next = copy(bytes + from, stop - from, into)
    const text = texts + <usize>load<i16>(labels + ((<usize>record) << 1)) * ENTRY
    next = copy(texts + load<u32>(text), load<i32>(text + 4), next)
    for (let k = 0; k < classes; k++) {
      store<u8>(next, delimiter)
      const written = probability(load<f64>(probabilities), mark, next + 1)
      if (written === 0) return record
      next = written
      probabilities += 8
    }
    into = copy(bytes + stop, end - stop, next)
    store<u32>(to, <u32>into)
    start = end
  }
  return records
}

/**
 * Writes a probability, rounded to six significant digits without trailing zeros.
 * @returns where it ends; 0 if it is below 1e-6 or not below 1, which is rare
 */
export function probability(value: f64, mark: i32, to: usize): usize {
  if (!(value >= 1e-6 && value < 1)) return 0
  let decimals = DIGITS
  let scaled = value * 1e6
  for (; scaled < 1e5; decimals++) scaled *= 10
  let digits = <u32>floor<f64>(scaled + 0.5)
  if (digits === ALL) {
    digits = ALL / 10
    decimals--
  }
  if (decimals < DIGITS) {
    store<u8>(to, ZERO + 1)
    return to + 1
  }
  store<u8>(to, ZERO)
  store<u8>(to + 1, mark)
  store<u64>(to + 2, ZEROS)
  const text = textOf(digits)
  store<u64>(to + 2 + decimals - DIGITS, (text + ZEROS) >>> 16)
  return to + 2 + decimals - (<i32>clz(text) >> 3)
}

/** The digits of a number below 10^8, one a byte, the first one lowest: all split in two at once, and twice more. */
function textOf(number: u32): u64 {
  const upper = number / 10_000
  const fours = <u64>upper | ((<u64>(number - upper * 10_000)) << 32)
  const hundreds = ((fours * 10_486) >>> 20) & 0x7f_0000_007f
  const pairs = ((fours - hundreds * 100) << 16) | hundreds
  const tens = ((pairs * 103) >>> 10) & 0x0f_000f_000f_000f
  return ((pairs - tens * 10) << 8) | tens
}

function copy(from: usize, length: i32, to: usize): usize {
  for (let done: i32 = 0; done < length; done += 16) v128.store(to + done, v128.load(from + done))
  return to + length
}

function isLineEnd(byte: i32): bool {
  return byte === LF || byte === CR
}
