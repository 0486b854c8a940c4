import * as Plot from '@observablehq/plot'
import type {Report} from '../../../worker/contract.ts'
import {count} from '../figures.ts'
import {quoted, short} from '../text-width.ts'
import {type Markup, printable} from '../markup.ts'
import {COLORS, axes, draw, hundredths} from './drawing.ts'
import {figure} from './figure.ts'

/** Distribution of a class's probability over rows whose label is not known. */
export function predictionsFigure({
  class: name,
  histogram,
}: NonNullable<Report['predictions']>[number]): Markup {
  const step = 1 / histogram.length
  const total = histogram.reduce((sum, rows) => sum + rows, 0)
  const bars = histogram.flatMap((rows, i) =>
    rows === 0
      ? []
      : [
          {
            from: i * step,
            to: (i + 1) * step,
            share: rows / total,
            title: printable(
              `${hundredths(i * step)} to ${hundredths((i + 1) * step)} %: ${count(rows)} rows`,
            ),
          },
        ],
  )
  return figure({
    title: 'Predictions',
    drawing: draw({
      name: 'Predictions',
      description: `Distribution of the probability of ${quoted(name)} over ${count(total)} rows without a label.`,
      marginTop: 28,
      marginRight: 18,
      marginBottom: 46,
      marginLeft: 40,
      x: {domain: [0, 1]},
      y: {domain: [0, Math.max(...bars.map(({share}) => share), step)]},
      marks: [
        ...axes(
          {
            label: `probability of ${short(name, 26)}, %`,
            ticks: [0, 0.2, 0.4, 0.6, 0.8, 1],
            format: hundredths,
          },
          {label: 'share of rows, %', ticks: 5, format: hundredths},
        ),
        Plot.rectY(bars, {
          x1: 'from',
          x2: 'to',
          y1: 0,
          y2: 'share',
          inset: 0.75,
          fill: COLORS.own,
          title: 'title',
        }),
        Plot.ruleY([0], {stroke: COLORS.muted}),
      ],
    }),
    reading: `How likely ${quoted(name)} is for each of ${count(total)} rows without a label.`,
    columns: ['probability', 'rows'],
    rows: histogram.map((rows, i) => [
      `${hundredths(i * step)} to ${hundredths((i + 1) * step)} %`,
      count(rows),
    ]),
  })
}
