import * as Plot from '@observablehq/plot'
import type {Curves} from '../../../worker/contract.ts'
import {count} from '../figures.ts'
import {quoted, short} from '../text-width.ts'
import {type Markup, printable} from '../markup.ts'
import {COLORS, axes, draw, hundredths, note} from './drawing.ts'
import {figure} from './figure.ts'

interface Bar {
  from: number
  to: number
  /** Share of the group's rows; negative for the others, whose bars point down. */
  height: number
  title: string
}

/** Ends of the upward and the downward axis. */
const ENDS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8]

/** Distribution of the probabilities for rows of the class, and for the others; each adds up to 1. */
export function histogramFigure({histogram: {own, others}, class: name}: Curves): Markup {
  const step = 1 / own.length
  const groups = [
    {rows: own, who: name, sign: 1, fill: COLORS.own},
    {rows: others, who: 'others', sign: -1, fill: COLORS.others},
  ].map((group) => ({...group, total: group.rows.reduce((sum, rows) => sum + rows, 0)}))
  const highest = Math.max(...groups.flatMap(({rows, total}) => rows.map((one) => one / Math.max(1, total))))
  const most = ENDS.find((end) => highest <= end) ?? 1
  // Room for the names of the groups beyond tall bars.
  const end = highest > 0.8 * most ? 1.2 * most : most
  const bars = (group: (typeof groups)[number]): Bar[] =>
    group.rows.flatMap((rows, i) =>
      rows === 0
        ? []
        : [
            {
              from: i * step,
              to: (i + 1) * step,
              height: (group.sign * rows) / group.total,
              title: printable(
                `${group.who}, ${hundredths(i * step)} to ${hundredths((i + 1) * step)} %: ${count(rows)} rows`,
              ),
            },
          ],
    )
  return figure({
    title: 'Predicted probabilities',
    drawing: draw({
      name: 'Predicted probabilities',
      description: `Distribution of the probability of ${quoted(name)}: its own rows point up, the others down.`,
      marginTop: 28,
      marginRight: 18,
      marginBottom: 46,
      marginLeft: 40,
      x: {domain: [0, 1]},
      y: {domain: [-end, end]},
      marks: [
        ...axes(
          {
            label: `probability of ${short(name, 26)}, %`,
            ticks: [0, 0.2, 0.4, 0.6, 0.8, 1],
            format: hundredths,
          },
          {
            label: 'share of rows, %',
            ticks: [-1, -0.5, 0, 0.5, 1].map((part) => part * most),
            format: hundredths,
          },
        ),
        ...groups.map((group) =>
          Plot.rectY(bars(group), {
            x1: 'from',
            x2: 'to',
            y1: 0,
            y2: 'height',
            inset: 0.75,
            fill: group.fill,
            title: 'title',
          }),
        ),
        Plot.ruleY([0], {stroke: COLORS.muted}),
        ...groups.map(({who, sign, total, fill}) =>
          note([0.5, sign * end], `${sign > 0 ? '▲' : '▼'} ${short(who, 24)}: ${count(total)} rows`, {
            fill: sign > 0 ? fill : COLORS.muted,
            fontWeight: 600,
            dy: sign * 12,
          }),
        ),
      ],
    }),
    reading: `Up: rows that are ${quoted(name)}; down: all others; each adds up to 100\u00a0%. The further apart, the better the model separates them.`,
    columns: ['probability', name, 'others'],
    rows: own.map((rows, i) => [
      `${hundredths(i * step)} to ${hundredths((i + 1) * step)} %`,
      count(rows),
      count(others[i] ?? 0),
    ]),
  })
}
