import {describe, expect, it} from 'vitest'
import {Scratch} from '../../../worker/kernels/scratch.ts'
import {randomFrom} from '../../support/random.ts'

const {uniform, normal} = randomFrom(42)

/** Blocks of many shapes: odd numbers of rows, no levels, one row, more rows than are weighted at a time. */
const SHAPES = [
  {rows: 1, width: 4, categories: 0, levels: 0},
  {rows: 2, width: 8, categories: 1, levels: 3},
  {rows: 63, width: 12, categories: 2, levels: 7},
  {rows: 131, width: 20, categories: 3, levels: 11},
]

interface Block {
  scratch: Scratch
  values: number[][]
  valuesAt: number
  /** Per row and category, -1 for none. */
  ones: number[][]
  onesAt: number
}

function blockOf({rows, width, categories, levels}: (typeof SHAPES)[number]): Block {
  const scratch = new Scratch()
  const values = Array.from({length: rows}, () => Array.from({length: width}, normal))
  const ownLevels = levels / Math.max(1, categories)
  const ones = Array.from({length: rows}, () =>
    Array.from({length: categories}, (_, c) => {
      const level = Math.ceil(c * ownLevels) + Math.floor(uniform() * Math.floor(ownLevels))
      return uniform() < 0.2 ? -1 : level
    }),
  )
  // Room for whole groups of four rows, whose last ones may hold anything.
  const valuesAt = scratch.claim((rows + 3) * width * 8)
  const onesAt = scratch.claim(rows * categories * 4)
  scratch.doubles(valuesAt, (rows + 3) * width).fill(NaN)
  scratch.doubles(valuesAt, rows * width).set(values.flat())
  scratch.integers(onesAt, rows * categories).set(ones.flat())
  return {scratch, values, valuesAt, ones, onesAt}
}

/** A row's numbers, then a 0 or 1 per level. */
function wholeRow(block: Block, row: number, levels: number): number[] {
  const ones = Array.from({length: levels}, (_, level) => Number(block.ones[row]?.includes(level)))
  return [...(block.values[row] ?? []), ...ones]
}

/** The largest difference, relative to numbers above 1. */
function distance(found: ArrayLike<number>, expected: readonly number[]): number {
  if (found.length !== expected.length) return Infinity
  return Math.max(
    0,
    ...expected.map((value, i) => Math.abs((found[i] ?? NaN) - value) / Math.max(1, Math.abs(value))),
  )
}

const ROUNDING = 1e-13

const claimDoubles = (scratch: Scratch, values: ArrayLike<number>, spare = 3): number => {
  const at = scratch.claim((values.length + spare) * 8)
  scratch.doubles(at, values.length).set(values)
  return at
}

describe.each(SHAPES)('over $rows rows of $width numbers and $levels levels', (shape) => {
  const {rows, width, categories, levels} = shape

  it('scores are products with the weights', () => {
    const block = blockOf(shape)
    const {scratch, valuesAt, onesAt} = block
    const weights = Array.from({length: width + levels}, normal)
    const weightsAt = claimDoubles(scratch, weights)
    const outputs = 2
    const to = claimDoubles(scratch, new Float64Array((rows + 3) * outputs))
    scratch.kernels.scores(valuesAt, width, onesAt, categories, rows, weightsAt, to + 8, outputs)
    const expected = block.values.map((_, row) =>
      wholeRow(block, row, levels).reduce((sum, value, j) => sum + value * (weights[j] ?? NaN), 0),
    )
    expect(
      distance(
        scratch.doubles(to, rows * outputs).filter((_, i) => i % outputs === 1),
        expected,
      ),
    ).toBeLessThan(ROUNDING)
  })

  it('the gradient is the sum of the rows times their residuals', () => {
    const block = blockOf(shape)
    const {scratch, valuesAt, onesAt} = block
    const outputs = 3
    const residuals = Array.from({length: rows * outputs}, normal)
    const residualsAt = claimDoubles(scratch, residuals)
    const to = claimDoubles(scratch, new Float64Array(width + levels).fill(1))
    scratch.kernels.addGradient(valuesAt, width, onesAt, categories, rows, residualsAt + 16, outputs, to)
    const expected = Array.from({length: width + levels}, () => 1)
    block.values.forEach((_, row) =>
      wholeRow(block, row, levels).forEach(
        (value, j) => (expected[j] = (expected[j] ?? 0) + value * (residuals[row * outputs + 2] ?? NaN)),
      ),
    )
    expect(distance(scratch.doubles(to, width + levels), expected)).toBeLessThan(ROUNDING)
  })

  it('the Hessian is the sum of the products of the rows with themselves', () => {
    const block = blockOf(shape)
    const {scratch, valuesAt, onesAt} = block
    const weights = Array.from({length: rows}, uniform)
    const weightsAt = claimDoubles(scratch, weights)
    const weightedAt = scratch.claim(64 * width * 8)
    const numbersAt = claimDoubles(scratch, new Float64Array(width * width))
    const mixedAt = claimDoubles(scratch, new Float64Array(levels * width))
    const pairsAt = claimDoubles(scratch, new Float64Array(levels * levels))
    scratch.kernels.addHessian(
      valuesAt,
      width,
      onesAt,
      categories,
      levels,
      rows,
      weightsAt,
      weightedAt,
      numbersAt,
      mixedAt,
      pairsAt,
    )
    const product = (a: number, b: number): number =>
      weights.reduce((sum, weight, row) => {
        const whole = wholeRow(block, row, levels)
        return sum + weight * (whole[a] ?? NaN) * (whole[b] ?? NaN)
      }, 0)
    const numbers = scratch.doubles(numbersAt, width * width)
    for (let a = 0; a < width; a++)
      expect(
        distance(
          numbers.subarray(a * width + a, (a + 1) * width),
          Array.from({length: width - a}, (_, i) => product(a, a + i)),
        ),
      ).toBeLessThan(ROUNDING)
    for (let level = 0; level < levels; level++) {
      expect(
        distance(
          scratch.doubles(mixedAt + level * width * 8, width),
          Array.from({length: width}, (_, j) => product(width + level, j)),
        ),
      ).toBeLessThan(ROUNDING)
      expect(
        distance(
          scratch.doubles(pairsAt + level * levels * 8, level + 1),
          Array.from({length: level + 1}, (_, other) => product(width + level, width + other)),
        ),
      ).toBeLessThan(ROUNDING)
    }
  })

  it('the loss, probabilities and residuals of two classes follow from the log odds', () => {
    const scratch = new Scratch()
    const odds = Array.from({length: rows}, () => 5 * normal())
    const classes = Int32Array.from(odds, (odd) => Number(uniform() < 1 / (1 + Math.exp(-odd))))
    const oddsAt = claimDoubles(scratch, odds)
    const classesAt = scratch.claim((rows + 1) * 4)
    scratch.integers(classesAt, rows).set(classes)
    const residualsAt = claimDoubles(scratch, new Float64Array(rows))
    const sumsAt = scratch.claim(16)
    scratch.kernels.lossOfTwo(oddsAt, classesAt, rows, residualsAt, sumsAt)
    const probabilities = odds.map((odd) => 1 / (1 + Math.exp(-odd)))
    expect(distance(scratch.doubles(oddsAt, rows), probabilities)).toBeLessThan(ROUNDING)
    expect(
      distance(
        scratch.doubles(residualsAt, rows),
        probabilities.map((p, i) => p - (classes[i] ?? NaN)),
      ),
    ).toBeLessThan(ROUNDING)
    const [product = NaN, margin = NaN] = scratch.doubles(sumsAt, 2)
    const loss = odds.reduce((sum, odd, i) => sum + Math.log1p(Math.exp(classes[i] === 1 ? -odd : odd)), 0)
    expect(distance([Math.log(product) + margin], [loss])).toBeLessThan(ROUNDING)
  })
})

it('probabilities have the digits of their exponentials, the smallest doubles included', () => {
  const scratch = new Scratch()
  const extremes = [0, -0, 1e-300, 36, 37, 700, -708, -709.5, -740, 745, -746, 800, -1e6, Infinity, -Infinity]
  const odds = extremes.concat(Array.from({length: 2000}, () => 20 * normal()))
  const oddsAt = claimDoubles(scratch, odds)
  const firstAt = claimDoubles(scratch, odds)
  const secondAt = claimDoubles(scratch, odds)
  scratch.kernels.probabilities(oddsAt, odds.length, firstAt, secondAt)
  const found = [scratch.doubles(firstAt, odds.length), scratch.doubles(secondAt, odds.length)]
  odds.forEach((odd, i) => {
    const small = Math.exp(-Math.abs(odd))
    const [less, more] = [small / (1 + small), 1 / (1 + small)]
    const expected = odd >= 0 ? [less, more] : [more, less]
    expected.forEach((value, k) => {
      const error = Math.abs((found[k]?.[i] ?? NaN) - value)
      expect(error).toBeLessThanOrEqual(Math.max(4 * Number.EPSILON * value, 2 * Number.MIN_VALUE))
    })
  })
})

it('curvature is p (1 - p) of one output, and -p q of two', () => {
  const scratch = new Scratch()
  const probabilities = [0.1, 0.2, 0.7, 0.5, 0.25, 0.25]
  const at = claimDoubles(scratch, probabilities)
  const to = claimDoubles(scratch, new Float64Array(2))
  scratch.kernels.curvature(at, 3, 1, 1, 2, to)
  expect(distance(scratch.doubles(to, 2), [0.16, 0.1875])).toBeLessThan(ROUNDING)
  scratch.kernels.curvature(at, 3, 0, 2, 2, to)
  expect(distance(scratch.doubles(to, 2), [-0.07, -0.125])).toBeLessThan(ROUNDING)
})

it.each([
  {rows: 1, columns: 1, width: 4},
  {rows: 5, columns: 3, width: 4},
  {rows: 8, columns: 6, width: 8},
])('$columns columns become $rows rows', ({rows, columns, width}) => {
  const scratch = new Scratch()
  const room = 8
  const from = Float64Array.from({length: room * columns}, normal)
  const at = claimDoubles(scratch, from)
  const to = claimDoubles(scratch, new Float64Array(room * width).fill(7))
  scratch.kernels.rowsOf(at, room, columns, rows, to, width)
  for (let row = 0; row < rows; row++)
    expect(scratch.doubles(to + row * width * 8, width)).toEqual(
      Float64Array.from({length: width}, (_, j) => (j < columns ? (from[j * room + row] ?? NaN) : 7)),
    )
})

it('floats become the doubles they are', () => {
  const scratch = new Scratch()
  const floats = Float32Array.from({length: 12}, normal)
  const at = scratch.claim(48)
  scratch.floats(at, 12).set(floats)
  const to = scratch.claim(96)
  scratch.kernels.widen(at, 12, to)
  expect(scratch.doubles(to, 12)).toEqual(Float64Array.from(floats))
})

describe.each([
  ['doubles', false],
  ['floats', true],
] as const)('a whole pass over %s', (_, isFloat) => {
  it.each(SHAPES)('is that of its kernels, over $rows rows', (shape) => {
    const {rows, width, categories, levels} = shape
    const block = blockOf(shape)
    const {scratch, onesAt} = block
    const {kernels} = scratch
    const floatsAt = scratch.claim((rows + 3) * width * 4)
    const valuesAt = isFloat ? scratch.claim((rows + 3) * width * 8) : block.valuesAt
    if (isFloat) {
      scratch.floats(floatsAt, rows * width).set(block.values.flat())
      scratch.doubles(valuesAt, rows * width).set(scratch.floats(floatsAt, rows * width))
    }
    const weightsAt = claimDoubles(scratch, Array.from({length: width + levels}, normal))
    const classesAt = scratch.claim((rows + 1) * 4)
    scratch.integers(classesAt, rows).set(Array.from({length: rows}, () => Number(uniform() < 0.5)))
    const room = (): number[] =>
      [width + levels, width * width, levels * width, levels * levels, 2].map((count) =>
        claimDoubles(scratch, new Float64Array(count)),
      )
    const weightedAt = scratch.claim(64 * width * 8)
    const [gradientAt = 0, numbersAt = 0, mixedAt = 0, pairsAt = 0, sumsAt = 0] = room()
    kernels.passOfTwo(
      isFloat ? floatsAt : valuesAt,
      Number(isFloat),
      scratch.claim(64 * width * 8),
      width,
      onesAt,
      categories,
      levels,
      classesAt,
      rows,
      rows,
      weightsAt,
      scratch.claim(3 * 64 * 8),
      gradientAt,
      sumsAt,
      numbersAt,
      mixedAt,
      pairsAt,
      weightedAt,
    )
    const [gradient2 = 0, numbers2 = 0, mixed2 = 0, pairs2 = 0, sums2 = 0] = room()
    const [oddsAt, residualsAt, curvatureAt] = [0, 0, 0].map(() =>
      claimDoubles(scratch, new Float64Array(rows)),
    )
    if (oddsAt === undefined || residualsAt === undefined || curvatureAt === undefined) return
    kernels.scores(valuesAt, width, onesAt, categories, rows, weightsAt, oddsAt, 1)
    kernels.lossOfTwo(oddsAt, classesAt, rows, residualsAt, sums2)
    kernels.addGradient(valuesAt, width, onesAt, categories, rows, residualsAt, 1, gradient2)
    kernels.curvature(oddsAt, 1, 0, 0, rows, curvatureAt)
    const into = [numbers2, mixed2, pairs2] as const
    kernels.addHessian(valuesAt, width, onesAt, categories, levels, rows, curvatureAt, weightedAt, ...into)
    for (const [whole, parts, count] of [
      [gradientAt, gradient2, width + levels],
      [numbersAt, numbers2, width * width],
      [mixedAt, mixed2, levels * width],
      [pairsAt, pairs2, levels * levels],
      [sumsAt, sums2, 2],
    ] as const)
      expect([...scratch.doubles(whole, count)]).toEqual([...scratch.doubles(parts, count)])
  })
})
