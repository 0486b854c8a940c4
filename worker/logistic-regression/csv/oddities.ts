import type {Shape} from './records.ts'

const MOST_SHOWN = 10

/** What in a file's lines is neither its header nor a row, in sentences for the report. */
export function describeOddities({dialect, repeatedHeaders, footer}: Shape): string[] {
  const {titles, form, units} = dialect
  return [
    ...(titles > 0
      ? [
          titles === 1
            ? 'The first line is a title or comment, not the header, and was left out.'
            : `The first ${titles} lines are titles or comments, not the header, and were left out.`,
        ]
      : []),
    ...(form === 'shorter'
      ? [
          'The header has one name less than the rows have fields: their first field was read as the name of the row, as R writes it.',
        ]
      : []),
    ...(form === 'longer'
      ? ['The header ends in a delimiter that the rows do not have; the result has it without.']
      : []),
    ...(form === 'rows-longer'
      ? ['The rows end in a delimiter that the header does not have; in the result it has it, too.']
      : []),
    ...(units === undefined
      ? []
      : [
          `The line below the header names units instead of values, and was left out: ${units.slice(0, MOST_SHOWN).join(', ')}.`,
        ]),
    ...(repeatedHeaders > 0
      ? [
          repeatedHeaders === 1
            ? 'One line repeats the header, and was left out.'
            : `${repeatedHeaders} lines repeat the header, and were left out.`,
        ]
      : []),
    ...(footer === undefined ? [] : [`What follows the last row was left out: ${footer}.`]),
  ]
}
