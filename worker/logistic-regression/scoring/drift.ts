import type {Report} from '../../contract.ts'
import {PermanentError} from '../../processor.ts'
import type {FeatureChoice} from '../table/features.ts'
import {type Distribution, numbersAgainst, textsAgainst} from '../table/distribution.ts'
import {listed} from '../table/names.ts'

type Drift = NonNullable<Report['drift']>[number]

/** Population stability index from which a column counts as drifted: the field's usual bound. */
const DRIFTED = 0.25
/** In fewer rows the index is high by chance. */
const FEWEST_ROWS = 100
/** Share of rows beyond the training's range that is reported. */
const FAR_SHARE = 0.01
/** Added to each bin's count, so that an empty one does not make the index infinite. */
const SMOOTHING = 0.5

/**
 * How far the columns of a file have drifted from the rows a model learned from.
 * @param distributions of the model; none in older models
 * @param all indexes of all rows
 */
export function measureDrift(
  distributions: readonly Distribution[],
  {numbers, categories}: FeatureChoice,
  all: Uint32Array,
): Drift[] {
  const found = distributions.flatMap((trained): Drift[] => {
    const {column} = trained
    if (trained.kind === 'number') {
      const own = numbers.find(({name}) => name === column)
      if (own === undefined) return []
      let beyond = 0
      for (const value of own.values) if (value < trained.least || value > trained.most) beyond++
      const index = stability(trained, numbersAgainst(trained, own, all))
      return [{column, psi: index, newLevels: [], beyondRange: beyond / Math.max(1, all.length)}]
    }
    const own = categories.find(({name}) => name === column)
    if (own === undefined) return []
    // With more values than are listed, an unlisted one may be known.
    const known = new Set(trained.levels)
    const isListed = (trained.shares.at(-1) ?? 0) === 0
    const newLevels = isListed ? own.levels.filter((level) => !known.has(level)) : []
    return [
      {
        column,
        psi: stability(trained, textsAgainst(trained, own, all)),
        newLevels: newLevels.slice(0, 20),
        beyondRange: 0,
      },
    ]
  })
  return found.toSorted((a, b) => b.psi - a.psi)
}

interface Shares {
  rows: number
  missing: number
  shares: readonly number[]
}

/** Population stability index over bins, the missing values being one: sum of (a - e) log(a / e). */
function stability(expected: Shares, actual: Shares): number {
  const smoothed = ({rows, missing, shares}: Shares): number[] => {
    const bins = [...shares, missing]
    return bins.map((share) => (share * rows + SMOOTHING) / (rows + SMOOTHING * bins.length))
  }
  const [e, a] = [smoothed(expected), smoothed(actual)]
  const index = e.reduce((sum, share, i) => sum + ((a[i] ?? 0) - share) * Math.log((a[i] ?? 0) / share), 0)
  return Number(index.toPrecision(6))
}

/**
 * What has drifted, in sentences for the report.
 * @param rows of the file
 */
export function describeDrift(drift: readonly Drift[], rows: number): string[] {
  const drifted = rows < FEWEST_ROWS ? [] : drift.filter(({psi}) => psi >= DRIFTED)
  const far = drift.filter(({beyondRange}) => beyondRange >= FAR_SHARE)
  return [
    ...(drifted.length > 0
      ? [
          `These columns have drifted from the model's training data (population stability index): ${listed(drifted.map(({column, psi}) => `${column} (${psi.toFixed(2)})`))}.`,
        ]
      : []),
    ...(far.length > 0
      ? [
          `These columns have numbers beyond the range of the training data: ${listed(far.map(({column, beyondRange}) => `${column} (${(100 * beyondRange).toFixed(1)} % of rows)`))}.`,
        ]
      : []),
  ]
}

/**
 * Refuses a file whose columns have drifted too far.
 * @param bound index from which they have
 * @param drift undefined if the model does not tell
 * @param rows of the file
 * @returns why this could not be judged, in sentences for the report
 * @throws PermanentError `drifted`
 */
export function refuseDrifted(bound: number, drift: readonly Drift[] | undefined, rows: number): string[] {
  if (drift === undefined) {
    return [
      `--fail-on-drift ${bound} had no effect: the model does not have the distributions of its training data.`,
    ]
  }
  if (rows < FEWEST_ROWS) {
    return [
      `--fail-on-drift ${bound} had no effect: the file has fewer than ${FEWEST_ROWS} rows, in which the index is high by chance.`,
    ]
  }
  const [worst, ...others] = drift.filter(({psi}) => psi >= bound)
  if (worst === undefined) return []
  const more =
    others.length === 0
      ? ''
      : `, and so are ${listed(others.map(({column, psi}) => `${column} (${psi.toFixed(2)})`))}`
  throw new PermanentError(
    `The column ${worst.column} has drifted from the model's training data: its population stability index, ${worst.psi.toFixed(2)}, is not below ${bound}${more}.`,
    {
      code: 'drifted',
      column: worst.column,
      suggestions: [
        'Train a model on newer rows: cloud-runner upload FILE --label-column NAME',
        'Or score the file all the same, without --fail-on-drift.',
      ],
    },
  )
}
