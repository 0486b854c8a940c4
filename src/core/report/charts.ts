import type {Curves, Interval} from '../../../worker/contract.ts'
import {count, figure, percent} from './figures.ts'
import {type Markup, markup} from './markup.ts'

const WIDTH = 340
const HEIGHT = 280
const LEFT = 46
const RIGHT = 12
const TOP = 10
const BOTTOM = 42
const TICKS = [0, 0.25, 0.5, 0.75, 1]

interface Frame {
  title: string
  /** What the drawing says, for those who do not see it. */
  description: string
  xLabel: string
  yLabel: string
  /** Upper end of the y axis, from 0. */
  yMost?: number
  marks: readonly Markup[]
}

const xOf = (share: number): number => round(LEFT + share * (WIDTH - LEFT - RIGHT))
const yOf = (share: number): number => round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM))

/** True positive rate over false positive rate. */
export function rocChart({roc}: Curves, auc: string): Markup {
  return chart({
    title: 'ROC curve',
    description: `True positive rate over false positive rate; the area under it is ${auc}.`,
    xLabel: 'false positive rate',
    yLabel: 'true positive rate',
    marks: [diagonal(), area(roc), line(roc), note(0.97, 0.06, 'end', `AUC ${auc}`)],
  })
}

/** Precision over recall, above the line of naming rows at random. */
export function precisionRecallChart({precisionRecall, histogram}: Curves): Markup {
  const own = sum(histogram.own)
  const share = own / Math.max(1, own + sum(histogram.others))
  const first = precisionRecall[0]
  return chart({
    title: 'Precision and recall',
    description: `Precision over recall. Rows named at random would have a precision of ${percent(share)}.`,
    xLabel: 'recall',
    yLabel: 'precision',
    marks: [
      markup`<path class="reference" d="M${xOf(0)},${yOf(share)}H${xOf(1)}"/>`,
      line(first === undefined ? [] : [[0, first[1]], ...precisionRecall]),
      note(0.02, Math.min(0.9, share + 0.03), 'start', `at random ${percent(share)}`),
    ],
  })
}

/** What came true over what was predicted, each point a part of the rows with its interval. */
export function calibrationChart({calibration}: Curves): Markup {
  return chart({
    title: 'Calibration',
    description:
      'Share of rows that have the class over the probability they were given; on the diagonal both are equal.',
    xLabel: 'predicted probability, mean',
    yLabel: 'share that came true',
    marks: [
      diagonal(),
      ...calibration.map(
        ({rows, predicted, observed, interval: [low, high]}) =>
          markup`<g><title>${count(rows)} rows: predicted ${percent(predicted)}, came true ${percent(observed)} (${percent(low)} to ${percent(high)})</title><path class="whisker" d="M${xOf(predicted)},${yOf(low)}V${yOf(high)}"/><circle class="dot" cx="${xOf(predicted)}" cy="${yOf(observed)}" r="4"/></g>`,
      ),
    ],
  })
}

/** How the probabilities of the rows of the class, and of the others, are spread: each adds up to 1. */
export function histogramChart({histogram: {own, others}, class: name}: Curves): Markup {
  const groups = [
    {values: others, style: 'others', title: 'others'},
    {values: own, style: 'own', title: name},
  ].map((group) => ({...group, total: Math.max(1, sum(group.values))}))
  const highest = Math.max(...groups.flatMap(({values, total}) => values.map((rows) => rows / total)))
  const most = [0.1, 0.2, 0.4, 0.6, 0.8].find((end) => highest <= end) ?? 1
  const step = 1 / own.length
  const bars = groups.flatMap(({values, style, title, total}, place) =>
    values.map((rows, i) => {
      const top = yOf(rows / total / most)
      const from = xOf((i + 0.08 + place * 0.42) * step)
      const width = round(xOf(0.42 * step) - xOf(0))
      return rows === 0
        ? markup``
        : markup`<rect class="${style}" x="${from}" y="${top}" width="${width}" height="${round(yOf(0) - top)}"><title>${title}, ${percent(i * step)} to ${percent((i + 1) * step)}: ${count(rows)} rows</title></rect>`
    }),
  )
  return chart({
    title: 'Probabilities given',
    description: `How the probabilities of ${name} are spread, among its own rows and among the others.`,
    xLabel: `probability of ${name}`,
    yLabel: 'share of its rows',
    yMost: most,
    marks: [
      ...bars,
      markup`<g class="legend"><rect class="own" x="${xOf(0.62)}" y="${TOP + 2}" width="10" height="10"/><text x="${xOf(0.62) + 15}" y="${TOP + 11}">${short(name, 14)}</text><rect class="others" x="${xOf(0.62)}" y="${TOP + 18}" width="10" height="10"/><text x="${xOf(0.62) + 15}" y="${TOP + 27}">others</text></g>`,
    ],
  })
}

/** An effect with its interval, to be drawn on one scale with others. */
export interface Effect {
  name: string
  value: number
  interval: Interval | undefined
}

/** Effects one below the other, about the line of no effect. */
export function effectsChart(effects: readonly Effect[]): Markup {
  const width = 700
  const names = 230
  const rowHeight = 22
  const height = effects.length * rowHeight + 46
  const reach = Math.max(
    ...effects.flatMap(({value, interval}) => [value, ...(interval ?? [])].map(Math.abs)),
    1e-9,
  )
  const at = (value: number): number => round(names + (0.5 + (0.48 * value) / reach) * (width - names - 12))
  const bottom = effects.length * rowHeight + 8
  const tick = tickStep(reach)
  const ticks = Array.from(
    {length: 2 * Math.floor(reach / tick) + 1},
    (_, i) => (i - Math.floor(reach / tick)) * tick,
  )
  return markup`<figure class="wide"><figcaption>Strongest effects</figcaption><svg viewBox="0 0 ${width} ${height}" role="img" aria-label="Change of the log odds for one standard deviation of each column, or for a category, with its 95 % interval.">${ticks.map((value) => markup`<path class="grid" d="M${at(value)},4V${bottom}"/><text class="tick" text-anchor="middle" x="${at(value)}" y="${bottom + 14}">${figure(value)}</text>`)}<path class="axis" d="M${at(0)},4V${bottom}"/><text class="label" text-anchor="middle" x="${at(0)}" y="${bottom + 31}">change of the log odds</text>${effects.map(
    ({name, value, interval}, i) => {
      const y = 8 + (i + 0.5) * rowHeight
      const spread =
        interval === undefined
          ? markup``
          : markup`<path class="whisker" d="M${at(interval[0])},${y}H${at(interval[1])}"/>`
      return markup`<g><title>${name}: ${figure(value)}</title><text class="name" text-anchor="end" x="${names - 8}" y="${y + 4}">${short(name, 32)}</text>${spread}<circle class="dot" cx="${at(value)}" cy="${y}" r="4"/></g>`
    },
  )}</svg></figure>`
}

function chart({title, description, xLabel, yLabel, yMost = 1, marks}: Frame): Markup {
  const grid = TICKS.map(
    (share) =>
      markup`<path class="grid" d="M${xOf(share)},${yOf(0)}V${yOf(1)}M${xOf(0)},${yOf(share)}H${xOf(1)}"/><text class="tick" text-anchor="middle" x="${xOf(share)}" y="${yOf(0) + 15}">${figure(share)}</text><text class="tick" text-anchor="end" x="${LEFT - 6}" y="${yOf(share) + 4}">${figure(share * yMost)}</text>`,
  )
  return markup`<figure><figcaption>${title}</figcaption><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${description}">${grid}<text class="label" text-anchor="middle" x="${xOf(0.5)}" y="${HEIGHT - 8}">${short(xLabel, 44)}</text><text class="label" text-anchor="middle" transform="translate(11 ${yOf(0.5)}) rotate(-90)">${yLabel}</text>${marks}</svg></figure>`
}

function line(points: readonly (readonly [number, number])[]): Markup {
  return markup`<path class="line" d="${path(points)}"/>`
}

function area(points: readonly (readonly [number, number])[]): Markup {
  return markup`<path class="area" d="${path(points)}V${yOf(0)}H${xOf(0)}Z"/>`
}

function path(points: readonly (readonly [number, number])[]): string {
  return points.map(([x, y], i) => `${i === 0 ? 'M' : 'L'}${xOf(x)},${yOf(y)}`).join('')
}

function diagonal(): Markup {
  return markup`<path class="reference" d="M${xOf(0)},${yOf(0)}L${xOf(1)},${yOf(1)}"/>`
}

function note(x: number, y: number, anchor: 'start' | 'end', text: string): Markup {
  return markup`<text class="note" text-anchor="${anchor}" x="${xOf(x)}" y="${yOf(y)}">${text}</text>`
}

/** 1, 2 or 5 times a power of ten: about three ticks either side of 0. */
function tickStep(reach: number): number {
  const power = 10 ** Math.floor(Math.log10(reach / 2))
  return [5, 2, 1].map((factor) => factor * power).find((step) => reach / step >= 2) ?? power
}

function short(text: string, most: number): string {
  const [head, tail] = [Math.ceil((most - 1) / 2), Math.floor((most - 1) / 2)]
  // Long names often differ at their ends.
  return text.length > most ? `${text.slice(0, head)}…${text.slice(-tail)}` : text
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
