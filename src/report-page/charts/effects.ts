import * as Plot from '@observablehq/plot'
import type {Interval} from '../../../worker/contract.ts'
import {figure as number} from '../figures.ts'
import {short, widthOf} from '../text-width.ts'
import {type Markup, markup, printable} from '../markup.ts'
import {COLORS, draw, xAxis} from './drawing.ts'

/** An effect with its interval, drawn on a shared scale. */
export interface Effect {
  name: string
  value: number
  interval: Interval | undefined
}

const LONGEST_NAME = 44
/** In the widest of the page's fonts. */
const LETTER_WIDTH = 7.3

/**
 * Effects one below the other, around the line of no effect: once with the names beside them, and once, for narrow
 * screens, above them. The style sheet shows one of the two.
 */
export function effectsFigure(effects: readonly Effect[]): Markup {
  const unsure = effects.some((effect) => !isSure(effect))
  return markup`<figure><figcaption>Strongest effects</figcaption><div class="wide">${drawEffects(effects, false)}</div><div class="narrow">${drawEffects(effects, true)}</div><p class="sub">Change in log odds per standard deviation of a column, or of a category against the commonest of its column${effects.some(({interval}) => interval !== undefined) ? ', with 95\u00a0% intervals' : ''}.${unsure ? ' Hollow: the interval includes zero, so the direction is uncertain.' : ''}</p></figure>`
}

function drawEffects(effects: readonly Effect[], namesAbove: boolean): Markup {
  const rows = effects.map((effect, place) => ({
    ...effect,
    place,
    short: short(effect.name, LONGEST_NAME),
    title: printable(
      `${effect.name}: ${number(effect.value)}${effect.interval ? ` (${number(effect.interval[0])} to ${number(effect.interval[1])})` : ''}`,
    ),
  }))
  const reach = Math.max(
    ...effects.flatMap(({value, interval}) => [value, ...(interval ?? [])].map(Math.abs)),
    1e-9,
  )
  const rowHeight = namesAbove ? 36 : 24
  const names = Math.max(...rows.map((row) => widthOf(row.short))) * LETTER_WIDTH
  const marginTop = 8
  const marginBottom = 46
  return draw({
    name: 'Strongest effects',
    description:
      'Change in log odds per standard deviation of each column, or of a category against the commonest of its column.',
    width: namesAbove ? 400 : 860,
    height: marginTop + effects.length * rowHeight + marginBottom,
    marginTop,
    marginBottom,
    marginLeft: namesAbove ? 12 : Math.ceil(names) + 20,
    marginRight: 12,
    x: {domain: [-reach * 1.04, reach * 1.04]},
    y: {axis: null, domain: [-0.5, effects.length - 0.5], reverse: true},
    marks: [
      ...xAxis({label: 'change in log odds', ticks: namesAbove ? 5 : 9, format: number}),
      Plot.ruleX([0], {stroke: COLORS.muted}),
      Plot.ruleY(
        rows.filter(({interval}) => interval !== undefined),
        {
          y: 'place',
          x1: ({interval}: Effect) => interval?.[0],
          x2: ({interval}: Effect) => interval?.[1],
          stroke: COLORS.own,
          strokeOpacity: 0.55,
          strokeWidth: 2,
          dy: namesAbove ? 9 : 0,
        },
      ),
      Plot.dot(rows, {
        x: 'value',
        y: 'place',
        r: 4.5,
        fill: (effect: Effect) => (isSure(effect) ? COLORS.own : COLORS.card),
        stroke: COLORS.own,
        strokeWidth: 1.5,
        title: 'title',
        dy: namesAbove ? 9 : 0,
      }),
      Plot.text(rows, {
        y: 'place',
        text: 'short',
        title: 'title',
        frameAnchor: 'left',
        textAnchor: namesAbove ? 'start' : 'end',
        fill: COLORS.text,
        stroke: COLORS.card,
        strokeWidth: 4,
        ...(namesAbove ? {dy: -7} : {dx: -10}),
      }),
    ],
  })
}

function isSure({interval}: Effect): boolean {
  return interval === undefined || interval[0] > 0 || interval[1] < 0
}
