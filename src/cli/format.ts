import type {ColorName, ModifierName} from 'chalk'
import {out} from './color.ts'
import {cellsOf} from './text-cells.ts'

/** Colored for standard output: only on a terminal, and not with NO_COLOR or TERM=dumb. */
export function style(format: ColorName | ModifierName, text: string): string {
  return out[format](text)
}

/** `5,910`: digits in groups of three. */
export function count(value: number): string {
  return value.toLocaleString('en-US')
}

/** `3 files`, `1 file`. */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`
}

/** `999 B`, `1.2 kB`, `34 MB`: decimal units, at most three digits. */
export function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let amount = value
  let unit = 0
  while (amount >= 999.5 && unit < units.length - 1) {
    amount /= 1000
    unit += 1
  }
  return `${unit === 0 || amount >= 99.5 ? Math.round(amount) : Number(amount.toPrecision(2))} ${units[unit] ?? ''}`
}

/** `0 ms`, `850 ms`, `1.4 s`, `12 s`, `3 min 5 s`, `2 h 10 min`, `4 d 1 h`. */
export function duration(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)} ms`
  if (ms < 9950) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return join(minutes, 'min', seconds % 60, 's')
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return join(hours, 'h', minutes % 60, 'min')
  return join(Math.floor(hours / 24), 'd', hours % 24, 'h')
}

function join(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`
}

/**
 * `14:03:07.120` of an RFC 3339 time, in the user's time zone; of another day `2026-11-28 14:03:07.120`.
 * @param now milliseconds since the epoch
 */
export function clock(time: string, now = Date.now()): string {
  const date = new Date(time)
  const isToday = date.toDateString() === new Date(now).toDateString()
  const two = (value: number) => String(value).padStart(2, '0')
  const ms = String(date.getMilliseconds()).padStart(3, '0')
  const day = isToday ? '' : `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} `
  return `${day}${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${ms}`
}

/** `3 min ago`, `just now`; one unit. */
export function ago(time: string, now: number): string {
  const ms = now - Date.parse(time)
  return ms < 1000 ? 'just now' : `${duration(ms).replace(/^(\d+ (?:min|h|d)) .*/, '$1')} ago`
}

/**
 * Removes what would move the cursor, rename the window or reverse the text: names, files and workers' logs may
 * contain control characters. Colors and line breaks stay. Everything printed passes through here.
 */
export function tame(text: string): string {
  return text.replaceAll(/[\p{Cc}\u202a-\u202e\u2066-\u2069](\[[\d;]*m)?/gu, (found, color = '') => {
    const isColor = found.startsWith('\u001b') && color !== ''
    return isColor || /^[\n\t]/.test(found) ? found : `\ufffd${color}`
  })
}

/** Columns of the terminal that a stream writes to; infinite if it is not a terminal. */
export function widthOf(stream: NodeJS.WriteStream): number {
  return stream.isTTY ? stream.columns : Number.POSITIVE_INFINITY
}

/**
 * Wraps text to lines of at most `width`, between words only: a longer word stays whole, so that it can be copied.
 * Line breaks in the text are kept.
 * @param hanging indents the lines after each added break
 */
export function wrap(text: string, width: number, hanging: string): string[] {
  return text.split('\n').flatMap((paragraph) => {
    const lines: string[] = []
    let line = /^\s*/.exec(paragraph)?.[0] ?? ''
    let isEmpty = true
    for (const word of paragraph.trim().split(' ')) {
      if (!isEmpty && cellsOf(line) + 1 + cellsOf(word) > width) {
        lines.push(line)
        line = hanging + word
      } else {
        line += isEmpty ? word : ` ${word}`
      }
      isEmpty = false
    }
    return [...lines, line]
  })
}
