import {invalid} from './errors.ts'

/**
 * Whether names match a glob: `*` stops at a slash, `**` does not, `?` is one character, `[a-c]` one of several,
 * `{a,b}` either. https://cloud.google.com/storage/docs/json_api/v1/objects/list#list-objects-and-prefixes-using-glob
 * @throws StorageError 400 if it cannot be read
 */
export function globMatcher(glob: string): (name: string) => boolean {
  let source = ''
  let depth = 0
  for (const [token] of glob.matchAll(/\\.|\*+|\[[^\]]+\]|[\s\S]/gu)) {
    if (token.startsWith('*')) source += token.length > 1 ? '.*' : '[^/]*'
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
