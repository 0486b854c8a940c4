import type {Column, NumberColumn, TextColumn} from './columns.ts'
import {type FeatureChoice, MOST_CATEGORIES} from './features.ts'
import {listed} from './names.ts'
import type {Table} from './table.ts'
import {isDate, isDressedNumber, readNumber} from './values.ts'

/** Distinct numbers from which on a few texts among them look like faults; fewer may well be categories. */
const FEWEST_NUMBERS = 10
/** Texts to one number, of distinct values each. */
const MOST_TEXTS_SHARE = 0.1
const TEXTS_SHOWN = 3

/** What was converted, or read in one of several ways, in sentences for the report. */
export function describeConversions(columns: readonly Column[]): string[] {
  const numbers = columns.filter((column) => column.kind === 'number')
  const converted = numbers.flatMap(({name, converted: how}) => (how === undefined ? [] : [{name, ...how}]))
  const clear = converted.filter(({decidedBy}) => decidedBy === 'column')
  const noNumbers = numbers.filter((column) => column.noNumbers > 0)
  const texts = columns.flatMap((column) => {
    if (column.kind === 'number') return []
    // Plain numbers that are texts are marked as such.
    const example = column.levels.find((level) => readNumber(level, false) === 'contradiction')
    return example !== undefined && column.levels.every((level) => isDressedNumber(level) && !isDate(level))
      ? [`${column.name} (${example})`]
      : []
  })
  const guessed = converted.filter(({decidedBy}) => decidedBy !== 'column')
  return [
    ...(clear.length > 0
      ? [
          `Numbers were converted: ${clear.map(({name, example, value}) => `${name} (${example} is ${value})`).join(', ')}.`,
        ]
      : []),
    ...guessed.map(({name, example, value, decidedBy}) =>
      decidedBy === 'file'
        ? `Column ${name}: ${example} was read as ${value}, since other columns have decimal commas.`
        : `Column ${name}: ${example} was read as ${value}; if its mark is a decimal one, write more or fewer than three decimals somewhere.`,
    ),
    ...numbers.flatMap(doubtOf),
    ...(noNumbers.length > 0
      ? [`Cells like inf or #DIV/0! among numbers were treated as missing: ${namesOf(noNumbers)}.`]
      : []),
    ...(texts.length > 0
      ? [
          `Numbers with units or different signs are not plain numbers and were read as text: ${texts.join(', ')}.`,
        ]
      : []),
  ]
}

/** Which columns have more values than coefficients. */
export function describePooled({categories}: FeatureChoice): string[] {
  const pooled = categories.filter(({levels}) => levels.length > MOST_CATEGORIES)
  return pooled.length > 0
    ? [
        `Only the ${MOST_CATEGORIES} most frequent values have a coefficient of their own, the others share one: ${namesOf(pooled)}.`,
      ]
    : []
}

/** Which numbers were read with a decimal comma, for the report. */
export function describeDecimalCommas(columns: readonly Column[]): string[] {
  const commas = columns.filter((column) => column.kind === 'number' && column.decimalComma)
  return commas.length > 0 ? [`Numbers like 1,5 were read with a decimal comma: ${namesOf(commas)}.`] : []
}

function namesOf(columns: readonly Column[]): string {
  return columns.map(({name}) => name).join(', ')
}

function doubtOf({name, doubt}: NumberColumn): string[] {
  if (doubt === 'both-marks')
    return [`Column ${name} has decimal commas and decimal points; both were read as decimal marks.`]
  return doubt === undefined
    ? []
    : [
        `Column ${name}: points before three digits were read as decimal ones, as in 1.234; if they part thousands, write the numbers without them.`,
      ]
}

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
    if (readNumber(level, readsComma) === 'contradiction' && !isDressedNumber(level)) texts.push(level)
    // Most columns of texts are known by then.
    if (texts.length > MOST_TEXTS_SHARE * levels.length) return []
  }
  const numbers = levels.length - texts.length
  // Without any, the signs of its numbers differ, which is another warning.
  if (texts.length === 0 || numbers < FEWEST_NUMBERS || texts.length > MOST_TEXTS_SHARE * numbers) return []
  const shown = texts.slice(0, TEXTS_SHOWN).join(', ')
  const more = texts.length - TEXTS_SHOWN
  return [
    `Column ${name} was read as text, since a few of its values are not numbers (${shown}${more > 0 ? ` and ${more} more` : ''}). Fix them, or leave them empty, to have it read as numbers.`,
  ]
}

function isAlike(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase() || (a !== '' && b !== '' && Number(a) === Number(b))
}
