/** Digits of 11 bits, from the lowest: six make a double. */
const DIGIT_BITS: i32 = 11
const DIGITS: i32 = 6
const VALUES: i32 = 2048
const SIGN: u64 = 0x8000000000000000

/**
 * Turns numbers, none of them NaN, into whole ones that have their order, in place.
 * @param places gets per digit and value where the first key of that value comes, in order of that digit
 */
export function sortingKeys(numbers: usize, count: i32, places: usize): void {
  memory.fill(places, 0, (<usize>(DIGITS * VALUES)) << 2)
  for (let i = 0; i < count; i++) {
    const at = numbers + ((<usize>i) << 3)
    const bits = load<u64>(at)
    // Of a negative number all bits count the other way round.
    const key = bits ^ (<u64>(<i64>bits >> 63) | SIGN)
    store<u64>(at, key)
    for (let digit = 0; digit < DIGITS; digit++) {
      const place = placeOf(key, digit, places)
      store<i32>(place, load<i32>(place) + 1)
    }
  }
  for (let digit = 0; digit < DIGITS; digit++) {
    let before = 0
    for (let value = 0; value < VALUES; value++) {
      const place = places + ((<usize>(digit * VALUES + value)) << 2)
      const own = load<i32>(place)
      store<i32>(place, before)
      before += own
    }
  }
}

/**
 * Sorts keys by one digit; those that share it keep their order.
 * @param places of {@link sortingKeys}; those of this digit are used up
 * @returns 0 if all keys share the digit: nothing is written then
 */
export function sortByDigit(keys: usize, count: i32, digit: i32, places: usize, to: usize): i32 {
  const last = keys + ((<usize>(count - 1)) << 3)
  // The value of one key is that of all if none come before it, and none after it.
  const first = placeOf(load<u64>(last), digit, places)
  const next = first + 4
  const isLastValue = next === places + ((<usize>((digit + 1) * VALUES)) << 2)
  if (load<i32>(first) === 0 && (isLastValue || load<i32>(next) === count)) return 0
  for (let at = keys; at <= last; at += 8) {
    const key = load<u64>(at)
    const place = placeOf(key, digit, places)
    const into = load<i32>(place)
    store<i32>(place, into + 1)
    store<u64>(to + ((<usize>into) << 3), key)
  }
  return 1
}

function placeOf(key: u64, digit: i32, places: usize): usize {
  const value = <i32>(key >> <u64>(digit * DIGIT_BITS)) & (VALUES - 1)
  return places + ((<usize>(digit * VALUES + value)) << 2)
}

/** Turns keys into the numbers they were made of, in place. */
export function numbersOfKeys(keys: usize, count: i32): void {
  for (let i = 0; i < count; i++) {
    const at = keys + ((<usize>i) << 3)
    const key = load<u64>(at)
    store<u64>(at, key ^ (~(<u64>(<i64>key >> 63)) | SIGN))
  }
}
