import type {Pacer} from '../pacer.ts'
import type {Fit} from './minimum.ts'
import {type Objective} from './objective.ts'
import {evaluate} from './evaluate.ts'
import {Cholesky} from './cholesky.ts'
import {pinned} from './newton.ts'
import {dot} from './vectors.ts'

/**
 * A fit whose variances are right although its rows have weights: a row that counts twice is not two rows. Between two
 * inverses of the Hessian stands the one of squared weights (Huber's sandwich, with the curvature that the model
 * expects); with equal weights that leaves one inverse.
 */
export async function withVariance(found: Fit, objective: Objective, pacer: Pacer): Promise<Fit> {
  const {precision, parameters, curvature} = found
  const {rowWeights} = objective
  if (rowWeights === undefined || precision === undefined) return found
  const {evaluation = await evaluate(objective, parameters, true, pacer)} = curvature ?? {}
  const bread = await Cholesky.factor(pinned(evaluation, objective), parameters.length, pacer)
  const squared = {...objective, rowWeights: rowWeights.map((weight) => weight * weight)}
  const {hessian: meat = new Float64Array(0)} = await evaluate(squared, parameters, true, pacer)
  const size = parameters.length
  const variance = (v: Float64Array): number => {
    const solved = bread.solve(v)
    let sum = 0
    for (let i = 0; i < size; i++)
      sum += (solved[i] ?? 0) * dot(meat.subarray(i * size, (i + 1) * size), solved)
    return sum
  }
  return {...found, precision: {variance}}
}
