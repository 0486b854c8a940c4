import {invalid} from './errors.ts'

/**
 * Whether names match a glob: `*` stops at a slash, `**` does not and, as a whole folder, is also none,
 * `?` is one character, `[a-c]` one of several, `{a,b}` either. https://cloud.google.com/storage/docs/json_api/v1/objects/list#list-objects-and-prefixes-using-glob
 * @throws StorageError 400 if it cannot be read
 */
export function globMatcher(glob: string): (name: string) => boolean {
  let source = ''
  let depth = 0
  for (const [token] of glob.matchAll(/\\.|(?<![^/])\*{2,}\/|\*+|\[[^\]]+\]|[\s\S]/gu)) {
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
    return (name) => pattern.test(name)
  } catch {
    throw invalid(`Invalid glob: '${glob}'`)
  }
}

/** Patterns of SQLite that a statement tests names against. */
export const MOST_GLOBS = 4

/**
 * Patterns of SQLite's GLOB of which each name that matches `glob` matches one: its `*` and `?` do not stop at slashes.
 * https://www.sqlite.org/lang_expr.html#the_like_glob_regexp_match_and_extract_operators
 * @returns none if they would be too many, or cannot be written
 */
export function sqliteGlobs(glob: string): readonly string[] {
  if (glob.includes('\\')) return []
  let patterns = [glob]
  for (
    let braces = /\{([^{}]*)\}/.exec(glob);
    braces !== null;
    braces = /\{([^{}]*)\}/.exec(patterns[0] ?? '')
  ) {
    patterns = patterns.flatMap((pattern) => {
      const [, inside = ''] = /\{([^{}]*)\}/.exec(pattern) ?? []
      return inside.split(',').map((part) => pattern.replace(/\{[^{}]*\}/, () => part))
    })
    if (patterns.length > MOST_GLOBS) return []
  }
  return patterns.map((pattern) =>
    pattern.replaceAll(/(?<![^/])\*{2,}\/|\*{2,}/g, '*').replaceAll('[!', '[^'),
  )
}
