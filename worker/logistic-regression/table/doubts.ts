import type {TextColumn} from './columns.ts'
import {listed} from './label.ts'
import type {Table} from './table.ts'
import {readNumber} from './values.ts'

/** Distinct numbers from which on a few texts among them look like faults; fewer may well be categories. */
const FEWEST_NUMBERS = 10
/** Texts to one number, of distinct values each. */
const MOST_TEXTS_SHARE = 0.1
const TEXTS_SHOWN = 3

/** What looks like a fault of the file, although it can be read: warnings for the report. */
export function doubtsAbout({header, columns, label: {name: labelName, classes}, shape}: Table): string[] {
  const readsComma = shape.dialect.delimiter === ';'
  const alike = classes.filter((name) => classes.some((other) => other !== name && isAlike(name, other)))
  // A class where the label's name should be may be its name, as spam is; numbers beside it are not names.
  const isData =
    classes.includes(labelName) && header.some((cell) => typeof readNumber(cell, false) === 'number')
  return [
    ...(isData
      ? [
          `The first line looks like data, not like names (${listed(header)}): it was read as the header, so it was not learned from and has no prediction. If the file has no header, put a line with names first.`,
        ]
      : []),
    ...columns.flatMap((column) => (column.kind === 'text' ? doubtAbout(column, readsComma) : [])),
    ...(alike.length > 0
      ? [`These classes are treated as different although they look the same: ${alike.join(', ')}.`]
      : []),
  ]
}

/** One text turns a column of numbers into one of texts, and most of its information is lost. */
function doubtAbout({name, levels}: TextColumn, readsComma: boolean): string[] {
  const texts: string[] = []
  for (const level of levels) {
    if (readNumber(level, readsComma) === 'contradiction') texts.push(level)
    // Most columns of texts are known by then.
    if (texts.length > MOST_TEXTS_SHARE * levels.length) return []
  }
  const numbers = levels.length - texts.length
  if (numbers < FEWEST_NUMBERS || texts.length > MOST_TEXTS_SHARE * numbers) return []
  const shown = texts.slice(0, TEXTS_SHOWN).join(', ')
  const more = texts.length - TEXTS_SHOWN
  return [
    `Column ${name} was read as text, since a few of its values are not numbers (${shown}${more > 0 ? ` and ${more} more` : ''}). Fix them, or leave them empty, to have it read as numbers.`,
  ]
}

function isAlike(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase() || (a !== '' && b !== '' && Number(a) === Number(b))
}
