export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0)
  return sum
}

/** from + length * step. @param to receives it; it may be either of them */
export function moved(
  from: Float64Array,
  step: Float64Array,
  length: number,
  to: Float64Array = new Float64Array(from.length),
): Float64Array {
  for (let i = 0; i < from.length; i++) to[i] = (from[i] ?? 0) + length * (step[i] ?? 0)
  return to
}
