import {type Design, SharedBlocks, type SharedDesign} from '../encoding/design.ts'
import {Pacer} from '../pacer.ts'
import {handOn, reserveMatrix} from '../kept-memory.ts'
import {Hessian} from './hessian.ts'
import {Pass, bytesOfRows} from './pass.ts'
import {defineTask, runAside} from '../../threads.ts'
import {
  type Evaluation,
  type Objective,
  type PenalizedEvaluation,
  type Range,
  type Summed,
  isPenalized,
  rowsOf,
  sumUp,
} from './objective.ts'

/** Parameters up to which the Hessian of each range is kept: 4 MB for five folds. */
const MOST_PARAMETERS_BY_PART = 300
/** Ranges that are folds; more are a sample. */
const MOST_PARTS = 10
/** Rows of a unit, of which a thread takes one after the other; fewer than two of them are not divided. */
const ROWS_OF_UNIT = 16 * 1024
/** Units of all rows, about: each has a Hessian of its own. */
const MOST_UNITS = 32

/**
 * One pass over the rows. They are summed up in units that depend on their number alone, and the units in their order:
 * equal input gives equal bits, whichever thread took which unit.
 */
export async function evaluate(
  objective: Objective,
  parameters: Float64Array,
  withHessian: boolean,
  pacer: Pacer,
): Promise<PenalizedEvaluation> {
  const {length} = parameters
  const {ranges} = objective
  const hasRoom = length <= MOST_PARAMETERS_BY_PART
  const areFolds = ranges.length <= MOST_PARTS
  const isByPart = withHessian && areFolds && hasRoom && ranges.length > 1
  const rows = rowsOf(objective)
  const isDivided = areFolds && (hasRoom || !withHessian) && rows >= 2 * ROWS_OF_UNIT
  let parts: Evaluation[] = []
  if (isDivided) {
    const units = ranges.map((range) => unitsOf(range, sizeOfUnit(rows)))
    const sums = await sumUpUnits(objective, units.flat(), parameters, withHessian, pacer)
    parts = units.map((own) => sumOf(sums.splice(0, own.length)))
  } else if (isByPart) {
    for (const range of ranges)
      parts.push(await sumUp({...objective, ranges: [range]}, parameters, true, pacer))
  }
  const sum = parts.length > 0 ? sumOf(parts) : await sumUp(objective, parameters, withHessian, pacer)
  return {...penalized(sum, parameters, objective, objective.penalty), parts: isByPart ? parts : []}
}

/** What {@link evaluate} gives for the same parameters and rows with another penalty. */
export function evaluatedWith(
  penalty: number,
  evaluation: PenalizedEvaluation,
  parameters: Float64Array,
  objective: Objective,
): PenalizedEvaluation {
  const {loss, gradient, hessian, parts} = evaluation
  const copy = {loss, gradient: gradient.slice(), hessian: hessian?.slice()}
  return {...penalized(copy, parameters, objective, penalty - objective.penalty), parts}
}

/** Frees the memory of an evaluation that nothing uses any more, for the next one. */
export function handOnEvaluation({hessian, parts}: PenalizedEvaluation): void {
  for (const matrix of [hessian, ...parts.map((part) => part.hessian)])
    if (matrix !== undefined) handOn(matrix)
}

/** Adds a penalty, to the arrays in place. */
function penalized(
  {loss, gradient, hessian}: Evaluation,
  parameters: Float64Array,
  objective: Pick<Objective, 'design'>,
  penalty: number,
): Evaluation {
  const {length} = parameters
  let sum = 0
  for (let at = 0; at < length; at++) {
    if (!isPenalized(objective, at)) continue
    const weight = parameters[at] ?? 0
    sum += (penalty * weight * weight) / 2
    gradient[at] = (gradient[at] ?? 0) + penalty * weight
    if (hessian) hessian[at * length + at] = (hessian[at * length + at] ?? 0) + penalty
  }
  return {loss: loss + sum, gradient, hessian}
}

/**
 * Lets threads help with the passes over a design that is kept.
 * @param rows of the objective
 * @returns what each needs to know
 */
export function shareDesign(design: Design, outputs: number, rows: number, helpers: number): SharedDesign[] {
  const parameters = new Float64Array(outputs * (design.columns + 1))
  const {start, end} = new Pass(design, outputs, parameters)
  const hasHessian = parameters.length <= MOST_PARAMETERS_BY_PART
  const last = hasHessian ? new Hessian(design, outputs).end : end
  design.releasePass()
  const assembled = hasHessian ? parameters.length ** 2 * 8 : 0
  const bytes = last - start + assembled + bytesOfRows(design, sizeOfUnit(rows))
  return Array.from({length: helpers}, () => design.share(bytes) ?? []).flat()
}

function sizeOfUnit(rows: number): number {
  return Math.max(ROWS_OF_UNIT, Math.ceil(rows / MOST_UNITS))
}

/** Parts of a range, of equal size. */
function unitsOf({start, end}: Range, most: number): Range[] {
  const count = Math.ceil((end - start) / most)
  const edge = (unit: number): number => start + Math.floor(((end - start) * unit) / count)
  return Array.from({length: count}, (_, unit) => ({start: edge(unit), end: edge(unit + 1)}))
}

/** Sums up each unit; the threads that help take units, too. */
async function sumUpUnits(
  objective: Objective,
  units: readonly Range[],
  parameters: Float64Array,
  withHessian: boolean,
  pacer: Pacer,
): Promise<Evaluation[]> {
  const {classes, outputs, rowWeights, shared = []} = objective
  const next = new Int32Array(new SharedArrayBuffer(4))
  const sums: Evaluation[] = []
  const aside = Promise.all(
    shared.map((design, helper) =>
      runAside(
        sumUpAside,
        {design, classes, outputs, rowWeights, units, parameters, withHessian, next},
        helper,
      ),
    ),
  )
  // Awaited below.
  aside.catch(() => undefined)
  try {
    await takeUnits(objective, units, next, sums, parameters, withHessian, pacer)
  } finally {
    Atomics.store(next, 0, units.length)
  }
  for (const others of await aside) for (const [unit, sum] of others) sums[unit] = sum
  return sums
}

async function takeUnits(
  objective: Summed,
  units: readonly Range[],
  next: Int32Array,
  into: Evaluation[],
  parameters: Float64Array,
  withHessian: boolean,
  pacer: Pacer,
): Promise<void> {
  for (;;) {
    const unit = Atomics.add(next, 0, 1)
    const range = units[unit]
    if (range === undefined) return
    into[unit] = await sumUp({...objective, ranges: [range]}, parameters, withHessian, pacer)
  }
}

interface UnitsAside extends Pick<Objective, 'classes' | 'outputs' | 'rowWeights'> {
  design: SharedDesign
  units: readonly Range[]
  parameters: Float64Array
  withHessian: boolean
  /** Number of the next unit to take. */
  next: Int32Array
}

const sumUpAside = defineTask({
  name: 'sumUp',
  async run({design, units, next, parameters, withHessian, ...rest}: UnitsAside) {
    const sums: Evaluation[] = []
    const objective = {...rest, design: new SharedBlocks(design), ranges: []}
    const pacer = new Pacer(new AbortController().signal)
    await takeUnits(objective, units, next, sums, parameters, withHessian, pacer)
    return [...sums.entries()].filter(([, sum]) => sum !== undefined)
  },
})

function sumOf(parts: readonly Evaluation[]): Evaluation {
  const [first, ...others] = parts
  if (first === undefined) throw new Error('Nothing to add up')
  const sum = {loss: first.loss, gradient: first.gradient.slice(), hessian: copied(first.hessian)}
  for (const {loss, gradient, hessian} of others) {
    sum.loss += loss
    addTo(sum.gradient, gradient)
    if (sum.hessian !== undefined && hessian !== undefined) addTo(sum.hessian, hessian)
  }
  return sum
}

function addTo(sum: Float64Array, values: Float64Array): void {
  for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] ?? 0) + (values[i] ?? 0)
}

function copied(matrix: Float64Array | undefined): Float64Array | undefined {
  if (matrix === undefined) return undefined
  const copy = reserveMatrix(matrix.length)
  copy.set(matrix)
  return copy
}
