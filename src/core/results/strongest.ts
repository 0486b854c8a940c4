import type {Report} from '../../../worker/contract.ts'

type Term = Report['coefficients'][number]['terms'][number]

/** An effect on the log odds of a class: per standard deviation of a number, or against a category's commonest level. */
export interface Strongest {
  readonly class: string
  readonly name: string
  readonly change: number
  /** The level that a category is compared with. */
  readonly against: string | undefined
}

/** The strongest effects of all classes. */
export function strongestEffects({coefficients}: Report, most: number): Strongest[] {
  return coefficients
    .flatMap(({class: name, terms}) =>
      terms
        .filter((term) => term.contrast?.against === undefined || term.contrast.against !== term.level)
        .map((term) => ({
          class: name,
          name: nameOf(term),
          change: term.contrast?.value ?? term.standardized,
          against: term.contrast?.against,
        })),
    )
    .filter(({change}) => change !== 0)
    .toSorted((a, b) => Math.abs(b.change) - Math.abs(a.change))
    .slice(0, most)
}

function nameOf({column, level, kind}: Term): string {
  if (kind === 'missing') return `${column} is missing`
  return level === undefined ? column : `${column} = ${level}`
}
