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
/** Keys that need no escape in a path of SQLite. */
const PLAIN_KEY = /^[\w.-]+$/
/** Keys of custom metadata in one expression: SQLite limits its depth to 1,000 (https://sqlite.org/limits.html). */
const MOST_KEYS = 50

/** Members of the Object resource, each with those of its own members that are wanted; none: all. */
export type WantedMembers = ReadonlyMap<string, ReadonlySet<string>>

/**
 * An expression in SQL for the JSON of an object with these members: a listing of many objects builds none of them.
 * @returns `undefined` if one of them needs more than the row, or many keys of the metadata are wanted
 */
export function jsonOf(members: WantedMembers): string | undefined {
  const wanted = [...members]
  const canWrite = ([name, keys]: readonly [string, ReadonlySet<string>]) =>
    keys.size === 0
      ? VALUES.has(name) || FIELDS.has(name)
      : name === 'metadata' && keys.size <= MOST_KEYS && keys.values().every((key) => PLAIN_KEY.test(key))
  if (!wanted.every(canWrite)) return undefined
  const own = wanted.flatMap(([name]) => {
    const value = VALUES.get(name)
    return value === undefined ? [] : [`'"${name}":' || ${value}`]
  })
  if (own.length === 0) return undefined
  const fields = wanted.filter(([name]) => FIELDS.has(name)).map(([name, keys]) => fieldText(name, keys))
  return [`'{' || ${own.join(` || ',' || `)}`, ...fields, `'}'`].join(' || ')
}

function fieldText(name: string, keys: ReadonlySet<string>): string {
  if (keys.size === 0) return `ifnull(',"${name}":' || (fields -> '$.${name}'), '')`
  const parts = [...keys].map((key) => `ifnull(',"${key}":' || (fields -> '$.${name}."${key}"'), '')`)
  const isThere = `fields -> '$.${name}' IS NOT NULL`
  return `iif(${isThere}, ',"${name}":{' || substr(${parts.join(' || ')}, 2) || '}', '')`
}

/** Milliseconds since 1970 as RFC 3339. */
function timeText(column: string): string {
  return `strftime('"%Y-%m-%dT%H:%M:%S', ${column} / 1000, 'unixepoch') || printf('.%03dZ"', ${column} % 1000)`
}
