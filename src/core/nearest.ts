import {readdir} from 'node:fs/promises'
import {basename, dirname, join, resolve} from 'node:path'
import {shellPath} from './shell.ts'

/** Edit distance of two words, a transposition counting as one (optimal string alignment). */
function distance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({length: b.length + 1}, (_, column) => column)
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row]
    for (let column = 1; column <= b.length; column += 1) {
      const same = a[row - 1] === b[column - 1]
      let edits = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (same ? 0 : 1),
      )
      const exchanged = column > 1 && row > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
      if (exchanged) edits = Math.min(edits, (beforeLast[column - 2] ?? 0) + 1)
      current.push(edits)
    }
    beforeLast = last
    last = current
  }
  return last[b.length] ?? 0
}

/**
 * The one of `known` that `typed` probably meant: at most one edit in three letters, or a prefix of only that one.
 * @returns `undefined` if nothing is close
 */
export function nearest(typed: string, known: readonly string[]): string | undefined {
  const word = typed.toLowerCase()
  const best = known
    .map((candidate) => ({candidate, edits: distance(word, candidate.toLowerCase())}))
    .toSorted((a, b) => a.edits - b.edits)[0]
  if (best && best.edits <= Math.max(1, Math.floor(Math.max(word.length, best.candidate.length) / 3))) {
    return best.candidate
  }
  const begun = known.filter((candidate) => word.length > 1 && candidate.startsWith(word))
  return begun.length === 1 ? begun[0] : undefined
}

/**
 * Suggests the file or folder that a missing path probably meant: the first missing part of the path is compared with
 * its siblings.
 * @param typed a path as typed, relative to `cwd`
 * @returns a line for a message, or none
 */
export async function suggestPath(typed: string, cwd: string): Promise<string[]> {
  const near = await nearestPath(typed, cwd)
  return near === undefined ? [] : [`Did you mean: ${shellPath(near)}`]
}

async function nearestPath(typed: string, cwd: string): Promise<string | undefined> {
  const folder = dirname(typed)
  const names = await readdir(resolve(cwd, folder)).catch(() => undefined)
  if (names === undefined) return folder === typed ? undefined : nearestPath(folder, cwd)
  const name = nearest(basename(typed), names)
  return name === undefined ? undefined : join(folder, name)
}
