/** From this many numbers, their median is searched among those near a sample's median. */
const MANY_NUMBERS = 20_000
const SAMPLED_NUMBERS = 2000

/**
 * Mean and standard deviation (of the population) of `numbers` and `copies` times `median`; safe at any magnitude.
 * Computed relative to the median, which is within one deviation of the mean, so that squares lose little precision.
 */
export function spread(numbers: Float64Array, median: number, copies: number): {mean: number; scale: number} {
  const count = numbers.length + copies
  let [least, most] = [0, 0]
  for (let i = 0; i < numbers.length; i++) {
    const value = numbers[i] ?? 0
    if (value < least) least = value
    if (value > most) most = value
  }
  const magnitude = Math.max(most, -least)
  if (magnitude === 0) return {mean: 0, scale: 1}
  // A power of two, so that nothing is rounded; the inverse must be a double, too.
  const unit = 2 ** Math.max(-1000, Math.min(1000, -Math.floor(Math.log2(magnitude))))
  const middle = median * unit
  let sum = 0
  let squares = 0
  for (let i = 0; i < numbers.length; i++) {
    const difference = (numbers[i] ?? 0) * unit - middle
    sum += difference
    squares += difference * difference
  }
  const shift = sum / count
  const mean = middle + shift
  const deviation = Math.sqrt(Math.max(0, squares / count - shift * shift))
  // A constant's rounding error is not spread. Of the furthest doubles it is the last one, but for rounding.
  const scale = deviation > 1e-14 * Math.abs(mean) ? Math.min(deviation / unit, Number.MAX_VALUE) : 0
  return {mean: mean / unit, scale: scale > 0 ? scale : 1}
}

/** Reorders `numbers`. The mean of the middle two if their count is even. */
export function medianOf(numbers: Float64Array): number {
  const middle = numbers.length >> 1
  const {among, before} = numbers.length > MANY_NUMBERS ? aroundMiddle(numbers) : {among: numbers, before: 0}
  const upper = select(among, middle - before)
  if (numbers.length % 2 === 1) return upper
  let lower = -Infinity
  for (let i = 0; i < middle - before; i++) lower = Math.max(lower, among[i] ?? -Infinity)
  return lower / 2 + upper / 2
}

/**
 * The numbers between two that have the middle ranks between them, found by a sample: one pass over all instead of the
 * three or four that selecting takes.
 * @returns `before`: how many numbers are below them; all numbers if the sample misled
 */
function aroundMiddle(numbers: Float64Array): {among: Float64Array; before: number} {
  const sample = Float64Array.from({length: SAMPLED_NUMBERS}, (_, i) => {
    return numbers[Math.floor((i * numbers.length) / SAMPLED_NUMBERS)] ?? 0
  }).toSorted()
  // Five standard errors of a median's rank either side.
  const reach = Math.ceil((5 * Math.sqrt(SAMPLED_NUMBERS)) / 2)
  const low = sample[SAMPLED_NUMBERS / 2 - reach] ?? 0
  const high = sample[SAMPLED_NUMBERS / 2 + reach] ?? 0
  const among = new Float64Array(numbers.length)
  let before = 0
  let count = 0
  for (let i = 0; i < numbers.length; i++) {
    const value = numbers[i] ?? 0
    among[count] = value
    before += Number(value < low)
    count += Number(value >= low && value <= high)
  }
  const middle = numbers.length >> 1
  const holdsMiddle = before < middle && before + count > middle
  return holdsMiddle ? {among: among.subarray(0, count), before} : {among: numbers, before: 0}
}

/** Hoare's quickselect: the element of rank `rank`, with all before it not greater. */
function select(numbers: Float64Array, rank: number): number {
  let low = 0
  let high = numbers.length - 1
  while (low < high) {
    const pivot = numbers[(low + high) >> 1] ?? 0
    let i = low
    let j = high
    while (i <= j) {
      while ((numbers[i] ?? pivot) < pivot) i++
      while ((numbers[j] ?? pivot) > pivot) j--
      if (i <= j) {
        const swapped = numbers[i] ?? 0
        numbers[i++] = numbers[j] ?? 0
        numbers[j--] = swapped
      }
    }
    if (rank <= j) high = j
    else if (rank >= i) low = i
    else break
  }
  return numbers[rank] ?? 0
}
