/**
 * Quotes a text as one shell word (bash, zsh): bare if nothing in it is special to a shell, else in single quotes;
 * characters that a terminal interprets or does not show are escaped in `$'…'`.
 */
export function shellWord(text: string): string {
  if (/^[\p{L}\p{M}\p{N}_./@+,:…-][\p{L}\p{M}\p{N}_./@+,:…=-]*$/u.test(text)) return text
  if (!UNSEEN.test(text)) return `'${text.replaceAll("'", String.raw`'\''`)}'`
  return `$'${text.replaceAll(/['\\]/g, String.raw`\$&`).replaceAll(new RegExp(UNSEEN, 'gu'), escaped)}'`
}

/** Control characters, and those that change the text direction. */
const UNSEEN = /[\p{Cc}\u2028-\u202e\u2066-\u2069]/u

/** In octal, byte by byte: every shell that supports `$'…'` reads that, in every locale. */
function escaped(sign: string): string {
  return [...Buffer.from(sign)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('')
}

/** A file's path as one shell word, never taken for a flag: `./-dash.csv`. */
export function shellPath(path: string): string {
  return shellWord(path.startsWith('-') ? `./${path}` : path)
}
