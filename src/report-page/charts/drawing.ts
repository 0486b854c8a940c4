import * as Plot from '@observablehq/plot'
import {parseHTML} from 'linkedom'
import {Markup, printable} from '../markup.ts'

/** Room that a chart of half the page's width is drawn in, in the units of its text: 12 to the em. */
export const WIDTH = 400
export const HEIGHT = 330

/** Colors are the page's, so that a drawing is right by day, by night and on paper. */
export const COLORS = {
  text: 'var(--text)',
  muted: 'var(--muted)',
  grid: 'var(--grid)',
  card: 'var(--card)',
  own: 'var(--own)',
  others: 'var(--others)',
} as const

export interface Drawing extends Plot.PlotOptions {
  /** What it shows, and what is to be seen in it: for those who do not see it. Also shown where a pointer rests. */
  name: string
  description: string
}

/** An axis with its grid. */
export interface Axis {
  label: string
  ticks: number | number[]
  format: (value: number) => string
}

const GRID = {stroke: COLORS.grid, strokeOpacity: 1} as const
const LETTERING = {fill: COLORS.muted, tickSize: 0, tickPadding: 7} as const

const {document} = parseHTML('<!doctype html><html><body></body></html>')

/** Draws with Plot, without a browser: an SVG element that needs nothing but the page's style. */
export function draw({name, description, ...options}: Drawing): Markup {
  const svg = Plot.plot({document, width: WIDTH, height: HEIGHT, className: 'plot', ...options})
  // The page's style sheet says it once for all of them.
  svg.querySelector('style')?.remove()
  for (const attribute of ['font-family', 'font-size', 'width', 'height']) svg.removeAttribute(attribute)
  svg.setAttribute('role', 'img')
  svg.prepend(text('title', name), text('desc', description))
  return new Markup(svg.outerHTML)
}

/** A share in percent, without the sign: the axis' label has it. */
export function hundredths(share: number): string {
  return String(Math.round(Math.abs(share) * 1000) / 10)
}

export function axes(x: Axis, y: Axis): Plot.Markish[] {
  return [
    ...xAxis(x),
    Plot.gridY({...GRID, ticks: y.ticks}),
    Plot.axisY({
      ...LETTERING,
      ticks: y.ticks,
      tickFormat: y.format,
      label: y.label,
      labelAnchor: 'top',
      labelArrow: 'up',
    }),
  ]
}

export function xAxis({label, ticks, format}: Axis): Plot.Markish[] {
  return [
    Plot.gridX({...GRID, ticks}),
    Plot.axisX({
      ...LETTERING,
      ticks,
      tickFormat: format,
      label,
      labelAnchor: 'center',
      labelArrow: 'none',
      labelOffset: 36,
    }),
  ]
}

/** Lettering inside of a chart, told from what it stands on. */
export function note(
  at: readonly [x: number, y: number],
  lines: string,
  options: Omit<Plot.TextOptions, 'x' | 'y' | 'text'> = {},
): Plot.Markish {
  return Plot.text([{at, lines: printable(lines)}], {
    x: ({at: [x]}: {at: readonly [number, number]}) => x,
    y: ({at: [, y]}: {at: readonly [number, number]}) => y,
    text: 'lines',
    fill: COLORS.text,
    stroke: COLORS.card,
    strokeWidth: 4,
    ...options,
  })
}

function text(element: 'title' | 'desc', content: string): Element {
  const made = document.createElementNS('http://www.w3.org/2000/svg', element)
  made.textContent = printable(content)
  return made
}
