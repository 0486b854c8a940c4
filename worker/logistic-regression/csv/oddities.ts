import type {Shape} from './records.ts'

const MOST_SHOWN = 10

/** Lines of a file that are neither its header nor rows, in sentences for the report. */
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
          'The header has one name fewer than the rows have fields: the first field was read as the name of the row, as R writes it.',
        ]
      : []),
    ...(form === 'longer'
      ? ['The header ends with a delimiter that the rows lack; the result leaves it out.']
      : []),
    ...(form === 'rows-longer'
      ? ['The rows end with a delimiter that the header lacks; the result adds it to the header.']
      : []),
    ...(units === undefined
      ? []
      : [
          `The line below the header names units instead of values, and was left out: ${units.slice(0, MOST_SHOWN).join(', ')}.`,
        ]),
    ...(repeatedHeaders > 0
      ? [
          repeatedHeaders === 1
            ? 'One line repeats the header and was left out.'
            : `${repeatedHeaders} lines repeat the header and were left out.`,
        ]
      : []),
    ...(footer === undefined ? [] : [`Lines after the last row were left out: ${footer}.`]),
  ]
}
