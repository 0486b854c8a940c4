import type {Design} from '../encoding/design.ts'
import type {Pacer} from '../pacer.ts'
import type {Objective} from './objective.ts'

/** One per design: the fit and the refits without each fold use parts of the same. */
const grams = new WeakMap<Design, Promise<Float64Array>>()

/**
 * The products of all labelled rows of a design with each other, without the intercept's ones: symmetric, row-major.
 * They take as many multiplications as one Hessian of as many columns as there are rows.
 */
export function gramOf({design, classes}: Objective, pacer: Pacer): Promise<Float64Array> {
  const known = grams.get(design)
  if (known !== undefined) return known
  const found = multiply(design, classes.length, pacer)
  grams.set(design, found)
  return found
}

async function multiply(design: Design, count: number, pacer: Pacer): Promise<Float64Array> {
  const gram = new Float64Array(count * count)
  const {blockRows} = design
  for (let first = 0; first < count; first += blockRows) {
    const own = design.encode(first, count)
    const [ownValues, ownOnes] = [design.values.slice(), design.ones.slice()]
    for (let second = first; second < count; second += blockRows) {
      const others = design.encode(second, count)
      for (let i = 0; i < own; i++) {
        const from = (first + i) * count + second
        productsOfRow(design, ownValues, ownOnes, i, others, gram.subarray(from, from + others))
      }
      if (pacer.due) await pacer.pause()
    }
  }
  for (let i = 0; i < count; i++) for (let j = 0; j < i; j++) gram[i * count + j] = gram[j * count + i] ?? 0
  return gram
}

/** Of one row with those of the design's block, four at a time: each number of the row that is loaded serves all of them. */
function productsOfRow(
  {values, ones, dense, width, categories}: Design,
  ownValues: Float64Array,
  ownOnes: Int32Array,
  own: number,
  others: number,
  into: Float64Array,
): void {
  for (let other = 0; other < others; other += 4) {
    let [s0, s1, s2, s3] = [0, 0, 0, 0]
    const from = own * width
    const row0 = other * width
    const row1 = row0 + width
    const row2 = row1 + width
    const row3 = row2 + width
    for (let j = 0; j < dense; j++) {
      const value = ownValues[from + j] ?? 0
      s0 += value * (values[row0 + j] ?? 0)
      s1 += value * (values[row1 + j] ?? 0)
      s2 += value * (values[row2 + j] ?? 0)
      s3 += value * (values[row3 + j] ?? 0)
    }
    // Those beyond the last row are dropped.
    into[other] = s0
    into[other + 1] = s1
    into[other + 2] = s2
    into[other + 3] = s3
  }
  for (let other = 0; other < others; other++) {
    let same = 0
    for (let c = 0; c < categories; c++) {
      const one = ownOnes[own * categories + c] ?? -1
      if (one >= 0 && one === ones[other * categories + c]) same++
    }
    into[other] = (into[other] ?? 0) + same
  }
}
