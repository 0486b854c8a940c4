const LF: i32 = 0x0a
const CR: i32 = 0x0d
const QUOTE: i32 = 0x22

/**
 * Splits whole records at delimiters and line ends, 16 bytes at a time. Places count from `bytes`.
 * @param from start of a record
 * @param columns fields of each record
 * @param most records
 * @param starts of fields, record by record
 * @param stops of the fields
 * @param ends of records, after their line ends
 * @returns the number of records before the first one that is anything else: has quotes around a field or another
 * number of fields, is blank, ends in a CR alone, or does not end before `to`
 */
export function splitRecords(
  bytes: usize,
  from: i32,
  to: i32,
  delimiter: i32,
  columns: i32,
  most: i32,
  starts: usize,
  stops: usize,
  ends: usize,
): i32 {
  const delimiters = i8x16.splat(<i8>delimiter)
  const lfs = i8x16.splat(<i8>LF)
  const crs = i8x16.splat(<i8>CR)
  let records = 0
  let record = from
  let start = from
  let left = columns
  let lfOfCr = -1
  for (let block = from; block < to; block += 16) {
    const sixteen = v128.load(bytes + block)
    let mask = i8x16.bitmask(
      v128.or(v128.or(i8x16.eq(sixteen, delimiters), i8x16.eq(sixteen, lfs)), i8x16.eq(sixteen, crs)),
    )
    if (block + 16 > to) mask &= (1 << (to - block)) - 1
    while (mask !== 0) {
      const stop = block + ctz(mask)
      mask &= mask - 1
      if (stop === lfOfCr) continue
      if (<i32>load<u8>(bytes + start) === QUOTE || left === 0) return records
      store<i32>(starts, start)
      store<i32>(stops, stop)
      starts += 4
      stops += 4
      left--
      start = stop + 1
      const byte = <i32>load<u8>(bytes + stop)
      if (byte === delimiter) continue
      if (left !== 0 || stop === record) return records
      if (byte === CR) {
        if (start === to || <i32>load<u8>(bytes + start) !== LF) return records
        lfOfCr = start++
      }
      store<i32>(ends, start)
      ends += 4
      if (++records === most) return records
      record = start
      left = columns
    }
  }
  return records
}
