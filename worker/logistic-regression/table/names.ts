const NAMES_SHOWN = 10

/** The columns whose names are like `name`. */
export function nearNames(header: readonly string[], name: string): string[] {
  return header.map((column) => column.trim()).filter((column) => isNear(column, name))
}

/** Names in a sentence: the first few, and how many more there are. */
export function listed(names: readonly string[], most = NAMES_SHOWN): string {
  const shown = names.slice(0, most).map((name) => name.trim())
  const more = names.length - shown.length
  return more > 0 ? `${shown.join(', ')} and ${more} more` : shown.join(', ')
}

/** A name as a word of a command to type. */
export function typed(name: string): string {
  return /^[\w.][\w.-]*$/.test(name) ? name : `'${name.replaceAll("'", String.raw`'\''`)}'`
}

function isNear(column: string, name: string): boolean {
  const [a, b] = [column.toLowerCase(), name.toLowerCase()]
  return (
    a === b ||
    (b.length >= 3 && (a.includes(b) || editDistance(a, b) <= Math.max(1, Math.floor(b.length / 4))))
  )
}

/** Levenshtein's distance. */
function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 8) return 9
  let previous = Array.from({length: b.length + 1}, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const substituted = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      row.push(Math.min((previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, substituted))
    }
    previous = row
  }
  return previous[b.length] ?? 0
}

/** Names for the report: duplicates and empty ones are distinguished by position. */
export function uniqueNames(names: readonly string[]): string[] {
  const trimmed = names.map((name) => name.trim())
  const count = new Map<string, number>()
  for (const name of trimmed) count.set(name, (count.get(name) ?? 0) + 1)
  return trimmed.map((name, i) => {
    if (name === '') return `column ${i + 1}`
    return count.get(name) === 1 ? name : `${name} (column ${i + 1})`
  })
}
