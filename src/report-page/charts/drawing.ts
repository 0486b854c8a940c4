import * as Plot from '@observablehq/plot'
import {parseHTML} from 'linkedom'
import {Markup, printable} from '../markup.ts'

/** Size of a chart of half the page's width, in its text's units: 12 to the em. */
export const WIDTH = 400
export const HEIGHT = 330

/** The page's colors, so a drawing fits light and dark mode and print. */
export const COLORS = {
  text: 'var(--text)',
  muted: 'var(--muted)',
  grid: 'var(--grid)',
  card: 'var(--card)',
  own: 'var(--own)',
  others: 'var(--others)',
} as const

export interface Drawing extends Plot.PlotOptions {
  /** Title and description for screen readers; also shown on hover. */
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

/** Draws with Plot, without a browser. @returns an SVG element that needs only the page's style */
export function draw({name, description, ...options}: Drawing): Markup {
  const svg = Plot.plot({document, width: WIDTH, height: HEIGHT, className: 'plot', ...options})
  // The page's style sheet has it once for all.
  svg.querySelector('style')?.remove()
  for (const attribute of ['font-family', 'font-size', 'width', 'height']) svg.removeAttribute(attribute)
  svg.setAttribute('role', 'img')
  svg.prepend(text('title', name), text('desc', description))
  return new Markup(svg.outerHTML)
}

/** A share in percent, without the sign, which the axis label has. */
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

/** Text inside a chart, with an outline that sets it off from the drawing. */
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
  const created = document.createElementNS('http://www.w3.org/2000/svg', element)
  created.textContent = printable(content)
  return created
}
