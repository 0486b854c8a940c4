import {nothingMatches} from './not-found.ts'
import type {Context} from '../ports/context.ts'
import type {FileState, FileStatus} from './files.ts'
import {isPattern, patternOf} from './names.ts'
import {queryFiles} from './query.ts'
import {readNamedFiles} from './read-files.ts'

/**
 * The files that a user names, each once: first the names, then what folders and globs match.
 * @param states that files have to be in if only a folder or a glob matches them; empty: any
 * @throws AppError `object-unknown` if a name is unknown, or the folders and globs match nothing; `not-found` before
 * the first setup
 */
export async function selectFiles(
  texts: readonly string[],
  context: Context,
  states: readonly FileState[] = [],
): Promise<FileStatus[]> {
  const names = new Set(texts.filter((text) => !isPattern(text)))
  const patterns = texts.filter((text) => isPattern(text))
  const named = names.size === 0 ? [] : await readNamedFiles([...names], context)
  if (patterns.length === 0) return named
  const query = {names: patterns.map((text) => patternOf(text)), states, limit: Infinity}
  const {files} = await queryFiles(query, context)
  if (files.length === 0) throw nothingMatches(patterns, context, states)
  return [...named, ...files.filter(({object}) => !names.has(object))]
}
