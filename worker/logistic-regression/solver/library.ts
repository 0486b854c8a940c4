import type {Design} from '../encoding/design.ts'
import {PermanentError} from '../../processor.ts'
import type {Pacer} from '../pacer.ts'
import type {GradientDescent} from './gradient-descent.ts'
import type {Fit} from './minimum.ts'
import {type Objective, rowsOf} from './objective.ts'
import {evaluate} from './evaluate.ts'

/** Multiplications, each of a cell of the design matrix, that may take five minutes on one CPU. */
const MOST_MULTIPLICATIONS = 1.5e10
/** Of the design matrix, which the solver holds twice, as numbers of 8 bytes. */
const MOST_CELLS = 2e7
const MULTIPLICATIONS_PER_MINUTE = 3e9
/** Of one turn: some milliseconds. */
const MULTIPLICATIONS_AT_ONCE = 4e5
/** Largest entry of the gradient of the mean loss at a minimum, as scikit-learn's default. */
const GRADIENT_TOLERANCE = 1e-4

/**
 * Trains with `ml-logistic-regression`: per class a regression against the others, by gradient descent from 0, without a
 * penalty. Its `train` never yields and always starts from 0. So it is called for a few steps at a time, and the features
 * add the scores of the weights so far to every product: each step is the one it would take.
 * @throws PermanentError `solver-too-large`, `solver-too-slow`
 */
export async function fitByLibrary(
  objective: Objective,
  {numSteps, learningRate}: GradientDescent,
  pacer: Pacer,
): Promise<Fit> {
  const {design, ranges, outputs} = objective
  const rows = rowsOf(objective)
  const columns = design.columns + 1
  const classes = Math.max(2, outputs)
  refuseLarge(rows, design.columns)
  refuseSlow(objective, rows * columns * classes, numSteps)
  const [{default: LogisticRegression}, {Matrix}] = await Promise.all([
    import('ml-logistic-regression'),
    import('ml-matrix'),
  ])
  const features = new Matrix(ranges.flatMap(({start, end}) => denseRows(design, start, end)))
  const labels = Matrix.columnVector(
    ranges.flatMap(({start, end}) => Array.from(objective.classes.subarray(start, end))),
  )
  const weights = Array.from({length: classes}, () => new Matrix(1, columns))
  const product = features.mmul.bind(features)
  const atOnce = Math.max(1, Math.floor(MULTIPLICATIONS_AT_ONCE / (rows * columns)))
  let change = 0
  for (let done = 0; done < numSteps;) {
    // The last by itself: what it changes is the gradient there.
    const steps = Math.min(atOnce, Math.max(1, numSteps - 1 - done))
    const before = weights.map((own) => product(own.transpose()))
    let products = 0
    // It trains one class after the other, with one product a step.
    features.mmul = (own) => product(own).add(before[Math.floor(products++ / steps)] ?? 0)
    const library = new LogisticRegression({numSteps: steps, learningRate})
    library.train(features, labels)
    change = 0
    for (const [k, {weights: more}] of library.classifiers.entries()) {
      weights[k]?.add(more)
      change = Math.max(change, ...more.to1DArray().map(Math.abs))
    }
    done += steps
    await pacer.pause()
  }
  const ofClass = weights.map((own) => own.to1DArray())
  // Each scores "not this class".
  const parameters = Float64Array.from(
    outputs === 1 ? (ofClass[0] ?? []) : ofClass.flatMap((own) => own.map((value) => -value)),
  )
  return {
    parameters,
    loss: (await evaluate(objective, parameters, false, pacer)).loss,
    iterations: numSteps,
    converged: change / learningRate / rows <= GRADIENT_TOLERANCE,
    precision: undefined,
    curvature: undefined,
  }
}

/** Rows of a design with all their columns, the intercept's 1 last. */
export function denseRows(design: Design, start: number, end: number): number[][] {
  const {dense, columns, width, categories} = design
  const found: number[][] = []
  for (let first = start; first < end;) {
    const count = design.encode(first, end)
    const {values, ones} = design
    for (let i = 0; i < count; i++) {
      const row = Array.from({length: columns + 1}, (_, j) => (j < dense ? (values[i * width + j] ?? 0) : 0))
      for (const one of ones.subarray(i * categories, (i + 1) * categories))
        if (one >= 0) row[dense + one] = 1
      row[columns] = 1
      found.push(row)
    }
    first += count
  }
  return found
}

function refuseLarge(rows: number, columns: number): void {
  const cells = rows * (columns + 1)
  if (cells <= MOST_CELLS) return
  throw new PermanentError(
    `The solver ml-logistic-regression holds all cells in memory, at most ${MOST_CELLS / 1e6} million: ${rows} rows and ${columns} columns are ${Math.ceil(cells / 1e6)} million.`,
    {
      code: 'solver-too-large',
      suggestions: ['Take the other solver, which holds less and is faster: --set solver=exact'],
    },
  )
}

/** With the refits without each fold. */
function refuseSlow({ranges, design, classes}: Objective, perStep: number, numSteps: number): void {
  const fits = ranges.length + 1
  const needed = perStep * numSteps * fits
  if (needed <= MOST_MULTIPLICATIONS) return
  const minutes = needed / MULTIPLICATIONS_PER_MINUTE
  const duration = minutes < 90 ? `${Math.round(minutes)} minutes` : `${Math.round(minutes / 60)} hours`
  const fitting = Math.floor(MOST_MULTIPLICATIONS / perStep / fits)
  throw new PermanentError(
    `The solver ml-logistic-regression would take about ${duration} for ${numSteps} steps over ${classes.length} rows and ${design.columns} columns, once for the model and once for each fold.`,
    {
      code: 'solver-too-slow',
      suggestions: [
        ...(fitting > 0 ? [`Take fewer steps: --set numSteps=${fitting}`] : []),
        'Take the other solver, which finds the optimum in seconds: --set solver=exact',
      ],
    },
  )
}
