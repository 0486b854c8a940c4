/** Members of the Object resource that the database can write: their values as JSON. */
const VALUES: ReadonlyMap<string, string> = new Map([
  ['name', 'json_quote(name)'],
  ['bucket', 'json_quote(bucket)'],
  ['generation', `'"' || generation || '"'`],
  ['metageneration', `'"' || metageneration || '"'`],
  ['size', `'"' || size || '"'`],
  ['crc32c', 'json_quote(crc32c)'],
  ['timeCreated', timeText('time_created')],
  ['updated', timeText('updated')],
])
/** What a caller set, if it did. */
const FIELDS: ReadonlySet<string> = new Set(['contentType', 'metadata'])

/**
 * An expression in SQL for the JSON of an object with these members: a listing of many objects builds none of them.
 * @returns `undefined` if one of them needs more than the row
 */
export function jsonOf(members: ReadonlySet<string>): string | undefined {
  const names = [...members]
  if (!names.every((name) => VALUES.has(name) || FIELDS.has(name))) return undefined
  const own = names.flatMap((name) => {
    const value = VALUES.get(name)
    return value === undefined ? [] : [`'"${name}":' || ${value}`]
  })
  if (own.length === 0) return undefined
  const fields = names
    .filter((name) => FIELDS.has(name))
    .map((name) => `ifnull(',"${name}":' || (fields -> '$.${name}'), '')`)
  return [`'{' || ${own.join(` || ',' || `)}`, ...fields, `'}'`].join(' || ')
}

/** Milliseconds since 1970 as RFC 3339. */
function timeText(column: string): string {
  return `strftime('"%Y-%m-%dT%H:%M:%S', ${column} / 1000, 'unixepoch') || printf('.%03dZ"', ${column} % 1000)`
}
