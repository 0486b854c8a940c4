/**
 * A text as one word that a shell (bash, zsh) reads back: bare where nothing in it means anything to a shell, else in
 * single quotes; with signs that a terminal obeys, or does not show, in `$'…'`, where they are written as escapes.
 */
export function shellWord(text: string): string {
  if (/^[\p{L}\p{M}\p{N}_./@+,:-]+$/u.test(text)) return text
  if (!UNSEEN.test(text)) return `'${text.replaceAll("'", String.raw`'\''`)}'`
  return `$'${text.replaceAll(/['\\]/g, String.raw`\$&`).replaceAll(new RegExp(UNSEEN, 'gu'), escaped)}'`
}

/** Control characters, and those that turn the direction of writing. */
const UNSEEN = /[\p{Cc}\u2028-\u202e\u2066-\u2069]/u

/** In octal, byte by byte: every shell that knows `$'…'` reads that, in every locale. */
function escaped(sign: string): string {
  return [...Buffer.from(sign)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('')
}

/** The path of a file as one such word, never taken for a flag: `./-dash.csv`. */
export function shellPath(path: string): string {
  return shellWord(path.startsWith('-') ? `./${path}` : path)
}

/**
 * A command about an object, to be pasted into a shell: `cloud-runner results 'a b.csv' --output FILE`. The flags come
 * first where the name begins as a flag does.
 * @param command `results`, `model export`
 * @param flags as they are typed
 */
export function commandFor(command: string, object: string, ...flags: readonly string[]): string {
  const operand = object.startsWith('-') ? [...flags, '--', shellWord(object)] : [shellWord(object), ...flags]
  return ['cloud-runner', command, ...operand].join(' ')
}
