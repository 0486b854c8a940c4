const SURROGATE = /[\uD800-\uDFFF]/

/** The order of Cloud Storage's listings: by UTF-8 bytes. JavaScript's own differs only for surrogates. */
export function compareNames(one: string, other: string): number {
  if (one === other) return 0
  if (SURROGATE.test(one) || SURROGATE.test(other))
    return Buffer.compare(Buffer.from(one), Buffer.from(other))
  return one < other ? -1 : 1
}

/** A set of object names, as a user writes it. */
export interface NamePattern {
  /** With which all of its names begin. */
  readonly prefix: string
  matches(name: string): boolean
}

const SPECIAL = /[*?[\]{}\\]/

/** Whether a name, as a user writes it, means several objects: `reports/*`, or the folder `reports/`. */
export function isPattern(text: string): boolean {
  return SPECIAL.test(text) || text.endsWith('/')
}

/** Names that start with this text, and match any of the patterns, if there are any. */
export function namesUnder(prefix: string, patterns: readonly NamePattern[] = []): NamePattern {
  const isAmong = (name: string) => patterns.length === 0 || patterns.some((pattern) => pattern.matches(name))
  return {prefix, matches: (name) => name.startsWith(prefix) && isAmong(name)}
}

/** One object's name, whatever characters it has. */
export function exactly(name: string): NamePattern {
  return {prefix: name, matches: (other) => other === name}
}

/** What a user writes: the name itself, a glob as in {@link globOf}, or a folder. */
export function patternOf(text: string): NamePattern {
  const glob = globOf(text)
  const prefix = commonPrefix([text, glob.prefix])
  return {prefix, matches: (name) => name === text || glob.matches(name)}
}

/**
 * A glob as Cloud Storage reads it: `*` stops at a slash, `**` does not, and as a folder is any number of them, `?` is one
 * character, `[a-c]` one of several, `{a,b}` either, `\` takes the next one literally. With a slash at its end:
 * everything in that folder. A glob that cannot be read means the name itself.
 * https://cloud.google.com/storage/docs/json_api/v1/objects/list#list-objects-and-prefixes-using-glob
 */
function globOf(text: string): NamePattern {
  const glob = text.endsWith('/') ? `${text}**` : text
  const prefix = glob.slice(0, SPECIAL.exec(glob)?.index)
  let source = ''
  let depth = 0
  for (const [token] of glob.matchAll(/\\.|(?<![^/])\*{2,}\/|\*+|\[[^\]]+\]|[^]/gu)) {
    if (token.endsWith('*/')) source += '(?:.*/)?'
    else if (token.startsWith('*')) source += token.length > 1 ? '.*' : '[^/]*'
    else if (token === '?') source += '[^/]'
    else if (token.length > 2 && token.startsWith('[')) source += token.replace(/^\[!/, '[^')
    else if (token === '{') source += '(?:'
    else if (token === '}') source += ')'
    else if (token === ',' && depth > 0) source += '|'
    else source += token.replace(/^\\(?=.)/s, '').replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`)
    depth += Number(token === '{') - Number(token === '}')
  }
  try {
    const pattern = new RegExp(`^${source}$`, 'su')
    return {prefix, matches: (name) => pattern.test(name)}
  } catch {
    return exactly(text)
  }
}

/** What all of these begin with. */
export function commonPrefix(texts: readonly string[]): string {
  const [first = '', ...others] = texts
  let length = first.length
  for (const other of others) while (!other.startsWith(first.slice(0, length))) length--
  return first.slice(0, length)
}
