import * as Plot from '@observablehq/plot'
import type {Curves} from '../../../worker/contract.ts'
import {percent} from '../figures.ts'
import {quoted} from '../text-width.ts'
import {type Markup, printable} from '../markup.ts'
import {COLORS, axes, draw, hundredths, note} from './drawing.ts'
import {figure} from './figure.ts'

type Point = readonly [x: number, y: number]

/** Counts for a class when each row is predicted as its most probable class. */
export interface Decisions {
  truePositives: number
  falsePositives: number
  falseNegatives: number
  trueNegatives: number
}

const TICKS = [0, 0.2, 0.4, 0.6, 0.8, 1]
const FRAME = {marginTop: 28, marginRight: 18, marginBottom: 46, marginLeft: 40} as const
const SCALES = {x: {domain: [0, 1]}, y: {domain: [0, 1]}} as const

/** True positive rate over false positive rate. */
export function rocFigure({roc, class: name}: Curves, auc: string, decisions: Decisions): Markup {
  const {truePositives, falsePositives, falseNegatives, trueNegatives} = decisions
  const decided: Point = [
    falsePositives / Math.max(1, falsePositives + trueNegatives),
    truePositives / Math.max(1, truePositives + falseNegatives),
  ]
  return figure({
    title: 'ROC curve',
    drawing: draw({
      name: 'ROC curve',
      description: `True positive rate over false positive rate; the area under the curve is ${auc}.`,
      ...FRAME,
      ...SCALES,
      marks: [
        ...axes(
          {label: 'false positive rate, %', ticks: TICKS, format: hundredths},
          {label: 'true positive rate, %', ticks: TICKS, format: hundredths},
        ),
        Plot.areaY(roc, {x: '0', y1: 0, y2: '1', fill: COLORS.own, fillOpacity: 0.1}),
        dashed([
          [0, 0],
          [1, 1],
        ]),
        curve(roc),
        dot(
          decided,
          `As predicted: ${percent(decided[1])} of ${quoted(name)} found, ${percent(decided[0])} of the others mistaken for it`,
        ),
        note([0.98, 0.05], `AUC ${auc}`, {textAnchor: 'end', fontWeight: 600}),
      ],
    }),
    reading: `The share of ${quoted(name)} found against the share of others mistaken for it, from the strictest threshold to the loosest. The dot: as predicted. Dashed: random guessing.`,
    columns: ['false positive rate', 'true positive rate'],
    rows: [0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5].map((x) => [percent(x), percent(at(roc, x))]),
  })
}

/** Precision over recall, with the line of random guessing. */
export function precisionRecallFigure({precisionRecall, class: name}: Curves, decisions: Decisions): Markup {
  const {truePositives, falsePositives, falseNegatives, trueNegatives} = decisions
  const own = truePositives + falseNegatives
  const share = own / Math.max(1, own + falsePositives + trueNegatives)
  const [first] = precisionRecall
  const points: Point[] = first === undefined ? [] : [[0, first[1]], ...precisionRecall]
  const predicted = truePositives + falsePositives
  const decided: Point = [truePositives / Math.max(1, own), truePositives / Math.max(1, predicted)]
  const low = share < 0.12
  return figure({
    title: 'Precision and recall',
    drawing: draw({
      name: 'Precision and recall',
      description: `Precision over recall. Random guessing would have a precision of ${percent(share)}.`,
      ...FRAME,
      ...SCALES,
      marks: [
        ...axes(
          {label: 'recall, %', ticks: TICKS, format: hundredths},
          {label: 'precision, %', ticks: TICKS, format: hundredths},
        ),
        dashed([
          [0, share],
          [1, share],
        ]),
        curve(points),
        ...(predicted === 0
          ? []
          : [dot(decided, `As predicted: precision ${percent(decided[1])}, recall ${percent(decided[0])}`)]),
        note([0.02, share], `random guessing ${percent(share)}`, {
          textAnchor: 'start',
          fill: COLORS.muted,
          dy: low ? -11 : 12,
        }),
      ],
    }),
    reading: `How precise the predictions of ${quoted(name)} are, as more of all ${quoted(name)} are found (recall). The dot: as predicted.`,
    columns: ['recall', 'precision'],
    rows: [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1].map((x) => [percent(x), percent(at(points, x))]),
  })
}

function curve(points: readonly Point[]): Plot.Markish {
  return Plot.line(points, {x: '0', y: '1', stroke: COLORS.own, strokeWidth: 2})
}

function dashed(points: readonly Point[]): Plot.Markish {
  return Plot.line(points, {x: '0', y: '1', stroke: COLORS.muted, strokeDasharray: '4 4'})
}

function dot(point: Point, title: string): Plot.Markish {
  return Plot.dot([point], {
    x: '0',
    y: '1',
    r: 5,
    fill: COLORS.own,
    stroke: COLORS.card,
    strokeWidth: 2,
    title: () => printable(title),
  })
}

/** The height of a line at `x`, interpolated between the two nearest points. */
function at(points: readonly Point[], x: number): number {
  const after = points.findIndex(([right]) => right >= x)
  const [right, above] = points[after] ?? points.at(-1) ?? [0, 0]
  const [left, below] = points[after - 1] ?? [right, above]
  return right > left ? below + (above - below) * Math.min(1, (x - left) / (right - left)) : above
}
