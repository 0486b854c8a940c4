import type {ComparedFigure, ComparedRun, Comparison} from '../core/compare.ts'
import type {Run} from '../core/history/runs.ts'
import {commandFor, suggest, type Render, type Suggestion} from '../core/suggestion.ts'
import {ago, style, tame, widthOf} from './format.ts'
import {showState} from './show-files.ts'
import {table} from './table.ts'

/** Characters of a digest that tell images apart. */
const DIGEST = 'sha256:'.length + 12
/** Changed effects that fit on a screen. */
const MOST_EFFECTS = 10

/** The runs of a file, the newest first. @param now milliseconds since 1970; `advice` says what keeps future runs */
export function showHistory(
  {
    object,
    runs,
    advice,
  }: {readonly object: string; readonly runs: readonly Run[]; readonly advice: Suggestion | undefined},
  now: number,
  render: Render,
): string[] {
  if (runs.length === 0)
    return [
      `No run of ${object} has ended yet.`,
      render(suggest`See its state: ${commandFor('status', object)}`),
    ]
  const lines = table(
    [
      {heading: 'run', right: true},
      {heading: 'ended'},
      {heading: 'outcome'},
      {heading: 'input'},
      {heading: 'revision'},
      {heading: 'image'},
      {heading: 'model'},
      {heading: 'label'},
      {heading: 'AUC', right: true},
    ],
    runs
      .toReversed()
      .map((run) => [
        String(run.number),
        ago(run.endedAt, now),
        outcomeOf(run),
        run.inputGeneration,
        run.revision ?? run.execution ?? '',
        run.image?.slice(0, DIGEST) ?? '',
        run.model ?? (run.labelColumn === undefined ? '' : 'trained'),
        tame(run.labelColumn ?? ''),
        run.auc?.toFixed(3) ?? '',
      ]),
    widthOf(process.stdout),
  )
  const readable = runs.findLast(({result, isSoftDeleted}) => result !== undefined && !isSoftDeleted)
  return [
    ...lines,
    '',
    ...(readable === undefined
      ? []
      : [render(suggest`Read a run: ${commandFor('results', object, '--run', String(readable.number))}`)]),
    ...(advice === undefined ? [] : [`Only the newest result can be read. ${render(advice)}`]),
  ]
}

function outcomeOf({outcome, error, isSoftDeleted}: Run): string {
  const state = outcome === 'cancelled' ? style('red', 'cancelled') : showState(outcome)
  const code = outcome === 'failed' && error !== undefined ? ` (${error.code})` : ''
  return `${state}${code}${isSoftDeleted ? ', soft-deleted' : ''}`
}

/** Two runs side by side. */
export function showComparison({before, after, metrics, coefficients, drift}: Comparison): string[] {
  const headings = [nameOf(before), nameOf(after)]
  const block = (title: string, figures: readonly (ComparedFigure & {readonly class?: string})[]) =>
    table(
      [
        {heading: title},
        ...headings.map((heading) => ({heading, right: true})),
        {heading: 'change', right: true},
      ],
      figures.map(({name, class: of, before: one, after: other, change}) => [
        tame(of === undefined ? name : `${name}, for ${of}`),
        figure(one),
        figure(other),
        change === null ? '' : `${change > 0 ? '+' : ''}${figure(change)}`,
      ]),
      widthOf(process.stdout),
    )
  const isOneClass = new Set(coefficients.map((one) => one.class)).size < 2
  const effects = coefficients
    .slice(0, MOST_EFFECTS)
    .map(({class: of, ...one}) => (isOneClass ? one : {...one, class: of}))
  return [
    ...origin(before),
    ...origin(after),
    '',
    ...block('', metrics),
    ...(effects.length === 0 ? [] : ['', ...block('effect on the log odds', effects)]),
    ...(drift.length === 0 ? [] : ['', ...block('drift (stability index)', drift)]),
    ...newWarnings(before, after),
  ]
}

function newWarnings(before: ComparedRun, after: ComparedRun): string[] {
  const added = after.warnings.filter((warning) => !before.warnings.includes(warning))
  return added.length === 0 ? [] : ['', ...added.map((warning) => tame(`New warning: ${warning}`))]
}

function nameOf({object, number}: ComparedRun): string {
  return `${object}@${number}`
}

function origin(run: ComparedRun): string[] {
  const by = [
    `input ${run.inputGeneration}`,
    run.revision ?? run.execution,
    run.image?.slice(0, DIGEST),
    run.model === undefined ? undefined : `model ${run.model}`,
    run.labelColumn === undefined ? undefined : `label ${run.labelColumn}`,
  ]
  return [tame(`${nameOf(run)}: ${run.endedAt}, ${by.filter((part) => part !== undefined).join(', ')}`)]
}

/** Counts whole, others with three decimals, or three digits if they are small. */
function figure(value: number | null): string {
  if (value === null) return 'none'
  if (Number.isInteger(value)) return value.toLocaleString('en')
  return Math.abs(value) < 0.1 ? value.toPrecision(3) : value.toFixed(3)
}
