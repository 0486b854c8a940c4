/** Hoare's quickselect: the element of rank `rank`, with all before it not greater. @param count at least one */
export function select(numbers: usize, count: i32, rank: i32): f64 {
  let low = 0
  let high = count - 1
  while (low < high) {
    const pivot = entry(numbers, (low + high) >> 1)
    let i = low
    let j = high
    while (i <= j) {
      while (entry(numbers, i) < pivot) i++
      while (entry(numbers, j) > pivot) j--
      if (i <= j) {
        const swapped = entry(numbers, i)
        store<f64>(numbers + ((<usize>i) << 3), entry(numbers, j))
        store<f64>(numbers + ((<usize>j) << 3), swapped)
        i++
        j--
      }
    }
    if (rank <= j) high = j
    else if (rank >= i) low = i
    else break
  }
  return entry(numbers, rank)
}

/** The greatest of some numbers, -Infinity if there are none; of their absolute values if `isAbsolute`. */
export function greatest(numbers: usize, count: i32, isAbsolute: i32): f64 {
  let most = -Infinity
  for (let i = 0; i < count; i++) {
    const value = entry(numbers, i)
    most = max(most, isAbsolute ? abs(value) : value)
  }
  return most
}

function entry(numbers: usize, i: i32): f64 {
  return load<f64>(numbers + ((<usize>i) << 3))
}
