import {cellsOf} from './text-cells.ts'

/** A column of a table: its heading, and whether it is right-aligned. */
export interface Column {
  readonly heading: string
  readonly right?: boolean
}

const GAP = 2

function pad(text: string, width: number, right: boolean): string {
  const fill = ' '.repeat(Math.max(0, width - cellsOf(text)))
  return right ? fill + text : text + fill
}

/**
 * A table as lines. If it is wider than `width`, each row becomes a block of `heading value` lines under its first
 * cell, so that 40 columns are enough and nothing is cut.
 */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number,
): string[] {
  if (rows.length === 0) return []
  const widths = columns.map(({heading}, index) =>
    Math.max(cellsOf(heading), ...rows.map((row) => cellsOf(row[index] ?? ''))),
  )
  const total = widths.reduce((sum, cell) => sum + cell, GAP * (columns.length - 1))
  if (total > width) return rows.flatMap((row) => block(columns, row))
  const line = (cells: readonly string[]) =>
    columns
      .map(({right}, index) => pad(cells[index] ?? '', widths[index] ?? 0, right === true))
      .join(' '.repeat(GAP))
      .trimEnd()
  return [line(columns.map(({heading}) => heading)), ...rows.map((row) => line(row))]
}

function block(columns: readonly Column[], row: readonly string[]): string[] {
  const rest = columns
    .slice(1)
    .map(({heading}, index) => ({label: heading, value: row[index + 1] ?? ''}))
    .filter(({value}) => value !== '')
  return [row[0] ?? '', ...pairs(rest).map((line) => `  ${line}`)]
}

/** `label  value` lines with aligned values. */
export function pairs(lines: readonly {readonly label: string; readonly value: string}[]): string[] {
  const width = Math.max(0, ...lines.map(({label}) => cellsOf(label)))
  return lines.map(({label, value}) => `${pad(label, width, false)}${' '.repeat(GAP)}${value}`.trimEnd())
}
