import {quoteField} from '../csv/append.ts'

/** A text as a field of the CSV that is read in place of a file, in which NUL is not valid. */
export function textField(text: string): string {
  return quoteField(withoutNul(text), ',')
}

/** A column's name as that CSV has it. */
export function columnName(name: string): string {
  return withoutNul(name).trim()
}

function withoutNul(text: string): string {
  return text.replaceAll('\0', '\ufffd')
}

/**
 * The columns that are texts by their type, whatever they look like. If all columns are, the program that wrote the file
 * knew no types: then each is what its values are, as in CSV.
 */
export function typedTexts(names: readonly string[], isText: (name: string) => boolean): ReadonlySet<string> {
  const texts = new Set(names.filter(isText).map(columnName))
  return texts.size === names.length ? new Set() : texts
}

/** Class names as a typed format has them: numbers or booleans if all of them are written as such. */
export function typedClasses(classes: readonly string[]): string[] | number[] | boolean[] {
  if (classes.every((name) => String(Number(name)) === name && Number.isFinite(Number(name))))
    return classes.map(Number)
  return classes.every((name) => name === 'true' || name === 'false')
    ? classes.map((name) => name === 'true')
    : [...classes]
}
