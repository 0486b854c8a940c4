import type {Design} from '../encoding/design.ts'
import type {Pacer} from '../pacer.ts'
import {Cholesky} from './cholesky.ts'
import {gramOf} from './gram.ts'
import type {Fit} from './minimum.ts'
import {EXACT} from './newton.ts'
import {type Objective, rowsOf} from './objective.ts'
import {Pass} from './pass.ts'
import {dot, moved} from './vectors.ts'

const MOST_ITERATIONS = 100
const MOST_HALVINGS = 40
const SUFFICIENT_DECREASE = 1e-4
/** Up to this many columns, the report has standard errors, which need the Hessian of the weights. */
const FEWEST_COLUMNS = 500
/** Above this, factoring a matrix of rows by rows takes longer than the L-BFGS passes it saves. */
const MOST_ROWS = 1000

/** Whether two classes have so few rows and so many columns that {@link fitByRows} is the cheaper way. */
export function isForRows(objective: Objective): boolean {
  const {columns} = objective.design
  const rows = rowsOf(objective)
  // Shares are worth the rows themselves only at that penalty.
  return (
    objective.penalty === 1 &&
    objective.rowWeights === undefined &&
    objective.outputs === 1 &&
    columns >= FEWEST_COLUMNS &&
    rows <= MOST_ROWS &&
    rows < columns
  )
}

/** Where the search is: the weights are the sum of `shares[i]` times row i. */
interface Point {
  shares: Float64Array
  intercept: number
  /** Log odds of each row, without the intercept. */
  scores: Float64Array
}

/**
 * Newton's method over one share per row instead of one weight per column: at the minimum the weights are a
 * combination of the rows, so a step factors a matrix of rows by rows, and never forms the Hessian (Rasmussen and
 * Williams, Gaussian Processes for Machine Learning, algorithm 3.1, with an intercept that is not penalized).
 * @param start is not changed
 */
export async function fitByRows(
  objective: Objective,
  start: Float64Array | undefined,
  pacer: Pacer,
): Promise<Fit> {
  const rows = Uint32Array.from(
    objective.ranges.flatMap(({start: first, end}) => Array.from({length: end - first}, (_, i) => first + i)),
  )
  const gram = submatrix(await gramOf(objective, pacer), objective.classes.length, rows)
  const hits = Float64Array.from(rows, (row) => objective.classes[row] ?? 0)
  let point = startingPoint(objective, start, rows, hits, gram)
  let current = evaluate(point, hits)
  for (let iteration = 1; ; iteration++) {
    const next = await newtonPoint(point, current, gram, pacer)
    const slope =
      dot(current.residuals, moved(scoresOf(next), scoresOf(point), -1)) +
      dot(moved(next.shares, point.shares, -1), point.scores)
    const converged = -slope / 2 <= EXACT * (1 + current.loss)
    const found = converged ? {point: next, evaluation: current} : descend(point, next, current, slope, hits)
    if (found === undefined || converged || iteration === MOST_ITERATIONS) {
      const end = found?.point ?? point
      return {
        parameters: weightsOf(end, objective.design, rows),
        loss: current.loss,
        iterations: iteration,
        converged: converged || (found === undefined && -slope <= 1e-8 * (1 + current.loss)),
        precision: undefined,
        curvature: undefined,
      }
    }
    point = found.point
    current = found.evaluation
    if (pacer.due) await pacer.pause()
  }
}

interface Evaluation {
  loss: number
  /** Per row the probability of the second class, less 1 if the row has it. */
  residuals: Float64Array
  /** Per row the curvature of its loss. */
  weights: Float64Array
}

/** The penalized loss: the squared norm of the weights is that of the shares under the Gram matrix. */
function evaluate(point: Point, hits: Float64Array): Evaluation {
  const scores = scoresOf(point)
  let loss = dot(point.shares, point.scores) / 2
  const residuals = new Float64Array(hits.length)
  const weights = new Float64Array(hits.length)
  for (let i = 0; i < hits.length; i++) {
    const score = scores[i] ?? 0
    const small = Math.exp(-Math.abs(score))
    const p = score >= 0 ? 1 / (1 + small) : small / (1 + small)
    const isHit = hits[i] === 1
    loss += Math.log1p(small) + (score >= 0 === isHit ? 0 : Math.abs(score))
    // The smaller of the two probabilities keeps its digits.
    residuals[i] = isHit ? -(score >= 0 ? small / (1 + small) : 1 / (1 + small)) : p
    weights[i] = small / (1 + small) ** 2
  }
  return {loss, residuals, weights}
}

/** The minimum of the quadratic model of the loss. */
async function newtonPoint(
  point: Point,
  {residuals, weights}: Evaluation,
  gram: Float64Array,
  pacer: Pacer,
): Promise<Point> {
  const size = weights.length
  const roots = weights.map(Math.sqrt)
  const matrix = new Float64Array(size * size)
  for (let i = 0, at = 0; i < size; i++) {
    const root = roots[i] ?? 0
    for (let j = 0; j < size; j++, at++) matrix[at] = root * (gram[at] ?? 0) * (roots[j] ?? 0)
    matrix[i * size + i] = (matrix[i * size + i] ?? 0) + 1
  }
  const factor = await Cholesky.factor(matrix, size, pacer)
  // (1 + W K)^-1 x
  const solve = (x: Float64Array): Float64Array => {
    const inner = factor.solve(product(gram, x).map((value, i) => value * (roots[i] ?? 0)))
    return x.map((value, i) => value - (roots[i] ?? 0) * (inner[i] ?? 0))
  }
  const scores = scoresOf(point)
  const free = solve(residuals.map((residual, i) => (weights[i] ?? 0) * (scores[i] ?? 0) - residual))
  const ofIntercept = solve(weights)
  // The shares of all rows sum to 0: the derivative along the intercept.
  const intercept = sumOf(free) / sumOf(ofIntercept)
  const shares = moved(free, ofIntercept, -intercept)
  return {shares, intercept, scores: product(gram, shares)}
}

function descend(
  from: Point,
  to: Point,
  current: Evaluation,
  slope: number,
  hits: Float64Array,
): {point: Point; evaluation: Evaluation} | undefined {
  for (let halving = 0, length = 1; halving < MOST_HALVINGS; halving++, length /= 2) {
    const point = {
      shares: moved(from.shares, moved(to.shares, from.shares, -1), length),
      intercept: from.intercept + length * (to.intercept - from.intercept),
      scores: moved(from.scores, moved(to.scores, from.scores, -1), length),
    }
    const evaluation = evaluate(point, hits)
    if (evaluation.loss <= current.loss + SUFFICIENT_DECREASE * length * slope) return {point, evaluation}
  }
  return undefined
}

/** At a minimum each row's share is what its class lacks in probability: so a model of other rows gives some, too. */
function startingPoint(
  objective: Objective,
  start: Float64Array | undefined,
  rows: Uint32Array,
  hits: Float64Array,
  gram: Float64Array,
): Point {
  const none = new Float64Array(rows.length)
  if (start === undefined) {
    const members = sumOf(hits)
    return {shares: none, intercept: Math.log(members / (rows.length - members)), scores: none}
  }
  const intercept = start.at(-1) ?? 0
  const scores = scoresUnder(start, objective.design, objective.classes.length)
  const picked = Float64Array.from(rows, (row) => (scores[row] ?? 0) - intercept)
  const {residuals} = evaluate({shares: none, intercept, scores: picked}, hits)
  const shares = residuals.map((residual) => -residual)
  return {shares, intercept, scores: product(gram, shares)}
}

function scoresUnder(parameters: Float64Array, design: Design, count: number): Float64Array {
  const scores = new Float64Array(count)
  const pass = new Pass(design, 1, parameters)
  for (let first = 0; first < count; first += design.blockRows) {
    const loaded = design.encode(first, count)
    scores.set(pass.score(loaded), first)
  }
  return scores
}

/** The combination of the rows, and the intercept. */
function weightsOf({shares, intercept}: Point, design: Design, rows: Uint32Array): Float64Array {
  const {dense, width, categories, columns} = design
  const parameters = new Float64Array(columns + 1)
  parameters[columns] = intercept
  for (let i = 0; i < rows.length;) {
    const first = rows[i] ?? 0
    const loaded = design.encode(first, design.rows.length)
    const {values, ones} = design
    // Those of the block that take part.
    for (; i < rows.length && (rows[i] ?? 0) < first + loaded; i++) {
      const share = shares[i] ?? 0
      const place = (rows[i] ?? 0) - first
      for (let j = 0, at = place * width; j < dense; j++, at++)
        parameters[j] = (parameters[j] ?? 0) + share * (values[at] ?? 0)
      for (let c = place * categories; c < (place + 1) * categories; c++) {
        const one = ones[c] ?? -1
        if (one >= 0) parameters[dense + one] = (parameters[dense + one] ?? 0) + share
      }
    }
  }
  return parameters
}

function scoresOf({scores, intercept}: Point): Float64Array {
  return scores.map((score) => score + intercept)
}

function submatrix(matrix: Float64Array, size: number, rows: Uint32Array): Float64Array {
  if (rows.length === size) return matrix
  const part = new Float64Array(rows.length ** 2)
  let at = 0
  for (const row of rows) for (const column of rows) part[at++] = matrix[row * size + column] ?? 0
  return part
}

function product(matrix: Float64Array, x: Float64Array): Float64Array {
  const size = x.length
  return x.map((_, i) => dot(matrix.subarray(i * size, (i + 1) * size), x))
}

function sumOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0)
}
