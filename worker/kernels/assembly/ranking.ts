/**
 * Lowers the threshold from score to score, and keeps a point wherever a curve has advanced by its share.
 * @param own scores of the rows of a class, rising
 * @param others those of the other rows, rising
 * @param points most points of a curve
 * @param roc gets the false and the true positives of each point, as integers; has room for twice as many points and two
 * @param recalls the same of the precision-recall curve, after an integer for how many they are
 * @returns how many points of the ROC curve there are
 */
export function traceThresholds(
  own: usize,
  ownCount: i32,
  others: usize,
  othersCount: i32,
  points: f64,
  roc: usize,
  recalls: usize,
): i32 {
  let i = ownCount
  let j = othersCount
  let lastOfRoc: f64 = 0
  let lastRecall: f64 = -1
  let count = 0
  let to = recalls
  while (i > 0 || j > 0) {
    const threshold = max(i > 0 ? entry(own, i - 1) : -1, j > 0 ? entry(others, j - 1) : -1)
    while (i > 0 && entry(own, i - 1) >= threshold) i--
    while (j > 0 && entry(others, j - 1) >= threshold) j--
    const recall: f64 = ownCount === 0 ? 0 : <f64>(ownCount - i) / <f64>ownCount
    const fallOut: f64 = othersCount === 0 ? 0 : <f64>(othersCount - j) / <f64>othersCount
    const isLast = i === 0 && j === 0
    if (recall + fallOut - lastOfRoc >= 2 / points || isLast) {
      store<i32>(roc, othersCount - j)
      store<i32>(roc, ownCount - i, 4)
      roc += 8
      count++
      lastOfRoc = recall + fallOut
    }
    if (recall - lastRecall >= 1 / points || isLast) {
      to += 8
      store<i32>(to, othersCount - j)
      store<i32>(to, ownCount - i, 4)
      lastRecall = recall
    }
  }
  store<i32>(recalls, <i32>((to - recalls) >> 3))
  return count
}

/**
 * Takes scores in rising order until they are as many as wanted; those that are equal stay together.
 * @param places how many of both sides were taken before, as two integers; gets how many are now
 * @returns their sum
 */
export function takeUpTo(
  own: usize,
  ownCount: i32,
  others: usize,
  othersCount: i32,
  wanted: i32,
  places: usize,
): f64 {
  let i = load<i32>(places)
  let j = load<i32>(places, 4)
  let sum: f64 = 0
  while (i + j < wanted) {
    const score = min(i < ownCount ? entry(own, i) : 2, j < othersCount ? entry(others, j) : 2)
    for (; i < ownCount && entry(own, i) === score; i++) sum += score
    for (; j < othersCount && entry(others, j) === score; j++) sum += score
  }
  store<i32>(places, i)
  store<i32>(places, j, 4)
  return sum
}

/** Counts scores, of 0 to 1, by steps of the same size: as doubles. */
export function countSteps(scores: usize, count: i32, steps: i32, to: usize): void {
  memory.fill(to, 0, (<usize>steps) << 3)
  for (let i = 0; i < count; i++) {
    const step = min(steps - 1, <i32>floor(entry(scores, i) * <f64>steps))
    const at = to + ((<usize>step) << 3)
    store<f64>(at, load<f64>(at) + 1)
  }
}

/**
 * Of each score, in rising order, the share of other scores that lie below it, ties counted half.
 * @param sums gets the sum of these shares, and that of their squares
 */
export function placements(scores: usize, count: i32, among: usize, amongCount: i32, sums: usize): void {
  let below = 0
  let notAbove = 0
  let sum: f64 = 0
  let squares: f64 = 0
  for (let i = 0; i < count; i++) {
    const score = entry(scores, i)
    while (below < amongCount && entry(among, below) < score) below++
    while (notAbove < amongCount && entry(among, notAbove) <= score) notAbove++
    const place = <f64>(below + notAbove) / 2 / <f64>amongCount
    sum += place
    squares += place * place
  }
  store<f64>(sums, sum)
  store<f64>(sums, squares, 8)
}

function entry(scores: usize, i: i32): f64 {
  return load<f64>(scores + ((<usize>i) << 3))
}
