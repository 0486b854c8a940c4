/** The columns that a worker did not learn from, in one sentence; of many, the first. */
export function describeLeftOut(
  leftOut: readonly {readonly column: string; readonly reason: string}[],
): string {
  const shown = leftOut.slice(0, MOST_NAMED).map(({column, reason}) => `${column} (${reason})`)
  const more = leftOut.length - shown.length
  return `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

const MOST_NAMED = 8
