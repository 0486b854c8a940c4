import * as Plot from '@observablehq/plot'
import type {Curves} from '../../../worker/contract.ts'
import {count, percent, percentRange} from '../figures.ts'
import {quoted} from '../text-width.ts'
import type {Markup} from '../markup.ts'
import {COLORS, axes, draw, hundredths} from './drawing.ts'
import {figure} from './figure.ts'

type Part = Curves['calibration'][number]

/** For both axes: rare classes would fill only a corner of the full square. */
const SCALES = [
  {most: 0.05, step: 0.01},
  {most: 0.1, step: 0.02},
  {most: 0.2, step: 0.05},
  {most: 0.4, step: 0.1},
  {most: 0.6, step: 0.1},
  {most: 0.8, step: 0.2},
]

/** Observed share over predicted probability; each point is a group of rows, with its interval. */
export function calibrationFigure({calibration, class: name}: Curves): Markup {
  const reach = Math.max(...calibration.flatMap(({predicted, interval: [, high]}) => [predicted, high]))
  const {most, step} = SCALES.find((scale) => reach <= scale.most) ?? {most: 1, step: 0.2}
  const ticks = Array.from({length: Math.round(most / step) + 1}, (_, i) => i * step)
  const sizes = calibration.map(({rows}) => rows)
  const [fewest, largest] = [Math.min(...sizes), Math.max(...sizes)]
  const tooltip = ({rows, predicted, observed, interval}: Part): string =>
    `${count(rows)} rows: predicted ${percent(predicted)}, observed ${percent(observed)} (${percentRange(interval)})`
  return figure({
    title: 'Calibration',
    drawing: draw({
      name: 'Calibration',
      description: `Share of rows that are ${quoted(name)} over their predicted probability; on the diagonal both are equal.`,
      marginTop: 28,
      marginRight: 18,
      marginBottom: 46,
      marginLeft: 40,
      x: {domain: [0, most]},
      y: {domain: [0, most]},
      r: {domain: [0, largest], range: [0, 5]},
      marks: [
        ...axes(
          {label: 'mean predicted probability, %', ticks, format: hundredths},
          {label: 'observed, %', ticks, format: hundredths},
        ),
        Plot.line([0, most], {
          x: (end: number) => end,
          y: (end: number) => end,
          stroke: COLORS.muted,
          strokeDasharray: '4 4',
        }),
        Plot.ruleX(calibration, {
          x: 'predicted',
          y1: ({interval: [low]}: Part) => low,
          y2: ({interval: [, high]}: Part) => high,
          stroke: COLORS.own,
          strokeOpacity: 0.55,
          strokeWidth: 2,
        }),
        Plot.dot(calibration, {
          x: 'predicted',
          y: 'observed',
          r: 'rows',
          fill: COLORS.own,
          stroke: COLORS.card,
          title: tooltip,
        }),
      ],
    }),
    reading: `Each point groups ${fewest === largest ? count(fewest) : `${count(fewest)} to ${count(largest)}`} rows of similar probability, with 95\u00a0% intervals. On the dashed line, one in five rows given 20\u00a0% is ${quoted(name)}.`,
    columns: ['predicted', 'observed', '95 % interval', 'rows'],
    rows: calibration.map(({rows, predicted, observed, interval}) => [
      percent(predicted),
      percent(observed),
      percentRange(interval),
      count(rows),
    ]),
  })
}
