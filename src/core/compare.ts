import type {Report} from '../../worker/contract.ts'
import {AppError, EXIT} from './errors.ts'
import type {Context} from './ports/context.ts'
import {commandFor, suggest} from './suggestion.ts'
import {strongestEffects, type Strongest} from './results/strongest.ts'
import {findNamedFiles} from './files/read-files.ts'
import {readReportOfRun} from './report.ts'
import {readRun} from './history/run.ts'
import type {Run} from './history/runs.ts'

/** Changed coefficients that are listed. */
const MOST_COEFFICIENTS = 20

/** A run to compare. */
interface NamedRun {
  readonly object: string
  /** As `history` counts; `undefined`: the newest that is done. */
  readonly run: number | undefined
}

/** One figure of both runs. */
export interface ComparedFigure {
  readonly name: string
  readonly before: number | null
  readonly after: number | null
  /** Null unless both have it. */
  readonly change: number | null
}

/** An effect on the log odds of a class in both runs; null where the run has no such term. */
export interface ComparedEffect extends ComparedFigure {
  readonly class: string
}

export interface ComparedRun extends Run {
  readonly object: string
  readonly warnings: readonly string[]
}

export interface Comparison {
  readonly before: ComparedRun
  readonly after: ComparedRun
  /** Rows, then the metrics on labelled rows. */
  readonly metrics: readonly ComparedFigure[]
  /** The effects that changed most; empty if the runs predict different classes. */
  readonly coefficients: readonly ComparedEffect[]
  /** Columns by their population stability index, if either run was scored with a model that knows its training data. */
  readonly drift: readonly ComparedFigure[]
}

/** Reads `OBJECT@N`, or `OBJECT` for its newest run. An object that is itself named like this is meant first. */
async function parseRun(text: string, context: Context): Promise<NamedRun> {
  const [, object, number] = /^([^]+)@(\d+)$/.exec(text) ?? []
  if (object === undefined || (await findNamedFiles([text], context)).length > 0)
    return {object: text, run: undefined}
  return {object, run: Number(number)}
}

/**
 * Compares two runs by their reports.
 * @param one `OBJECT@N`, or `OBJECT` for its newest run that is done; so `other`
 * @throws AppError `object-unknown`, `run-unknown`; `usage` if both are the same run; `result-missing` if one has no report, or it is gone
 */
export async function compare(one: string, other: string, context: Context): Promise<Comparison> {
  const [before, after] = await Promise.all(
    [one, other].map(async (text) => readOne(await parseRun(text, context), context)),
  )
  if (before === undefined || after === undefined) throw new TypeError('both were read')
  const {object, number} = before.run
  if (object === after.run.object && number === after.run.number)
    throw new AppError(`Both are run ${number} of ${object}: name two different runs.`, {
      code: 'usage',
      exitCode: EXIT.usage,
      suggestions: [suggest`List its runs: ${commandFor('history', object)}`],
    })
  const figures = (name: string, of: (report: Report) => number | null): ComparedFigure =>
    figure(name, of(before.report), of(after.report))
  return {
    before: before.run,
    after: after.run,
    metrics: [
      figures('rows', ({rows}) => rows.total),
      figures('labelled', ({rows}) => rows.labelled),
      figures('AUC', ({metrics}) => metrics.auc),
      figures('log loss', ({metrics}) => metrics.logLoss),
      figures('Brier score', ({metrics}) => metrics.brier),
      figures('accuracy', ({metrics}) => metrics.accuracy),
      figures('base rate', ({metrics}) => metrics.baseRate),
    ],
    coefficients: compareEffects(before.report, after.report),
    drift: compareDrift(before.report, after.report),
  }
}

async function readOne(
  {object, run: number}: NamedRun,
  context: Context,
): Promise<{run: ComparedRun; report: Report}> {
  const run = await readRun(object, number, context)
  const report = await readReportOfRun(object, run, context)
  return {run: {object, ...run, warnings: report.warnings}, report}
}

function figure(name: string, before: number | null, after: number | null): ComparedFigure {
  return {name, before, after, change: before === null || after === null ? null : after - before}
}

function compareEffects(before: Report, after: Report): ComparedEffect[] {
  const keyOf = ({class: of, name, against}: Strongest) => JSON.stringify([of, name, against])
  const effectsOf = (report: Report) =>
    new Map(strongestEffects(report, Infinity).map((effect) => [keyOf(effect), effect]))
  const [ofBefore, ofAfter] = [effectsOf(before), effectsOf(after)]
  const isSameClass = before.coefficients.some((one) =>
    after.coefficients.some((another) => another.class === one.class),
  )
  if (!isSameClass) return []
  return [...new Map([...ofBefore, ...ofAfter])]
    .map(([key, {class: of, name, against}]) => ({
      class: of,
      ...figure(
        against === undefined ? name : `${name}, against ${against}`,
        ofBefore.get(key)?.change ?? null,
        ofAfter.get(key)?.change ?? null,
      ),
    }))
    .filter(({before: one, after: other}) => one !== other)
    .toSorted((a, b) => sizeOf(b) - sizeOf(a))
    .slice(0, MOST_COEFFICIENTS)
}

/** How much an effect changed; a term that only one run has counts as 0 in the other. */
function sizeOf({before, after}: ComparedFigure): number {
  return Math.abs((after ?? 0) - (before ?? 0))
}

function compareDrift({drift: before = []}: Report, {drift: after = []}: Report): ComparedFigure[] {
  const psiOf = (drift: NonNullable<Report['drift']>, column: string) =>
    drift.find((one) => one.column === column)?.psi ?? null
  const columns = new Set([...after, ...before].map(({column}) => column))
  return [...columns].map((column) => figure(column, psiOf(before, column), psiOf(after, column)))
}
