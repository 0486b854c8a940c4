import {findDeparted} from './departed.ts'
import {nothingMatches} from './not-found.ts'
import type {Context} from '../ports/context.ts'
import type {FileState, FileStatus} from './files.ts'
import {isPattern, patternOf} from './names.ts'
import {queryFiles} from './query.ts'
import {readNamedFiles} from './read-files.ts'

/** What a user writes, each once. */
export interface Selection {
  /** Names of single objects. */
  readonly names: ReadonlySet<string>
  /** Folders and globs. */
  readonly patterns: readonly string[]
}

/** As {@link selectionAmong}, among the pipeline's files. */
export function readSelection(texts: readonly string[], context: Context): Promise<Selection> {
  return selectionAmong((name) => exists(name, context), texts)
}

/**
 * Tells names from folders and globs. `data[1].csv` is the name of an object if there is one, and a glob otherwise; a
 * slash at the end always means the folder.
 */
export async function selectionAmong(
  isKnown: (name: string) => boolean | Promise<boolean>,
  texts: readonly string[],
): Promise<Selection> {
  const names = new Set<string>()
  const patterns: string[] = []
  for (const text of new Set(texts)) {
    const isName = !isPattern(text) || (!text.endsWith('/') && (await isKnown(text)))
    if (isName) names.add(text)
    else patterns.push(text)
  }
  return {names, patterns}
}

async function exists(object: string, context: Context): Promise<boolean> {
  const {cloud, pipeline} = context
  const found =
    (await cloud.objects.stat(pipeline.names.inputBucket, object)) ?? (await findDeparted(object, context))
  return found !== undefined
}

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
  const {names, patterns} = await readSelection(texts, context)
  const named = names.size === 0 ? [] : await readNamedFiles([...names], context)
  if (patterns.length === 0) return named
  const query = {names: patterns.map((text) => patternOf(text)), states, limit: Infinity}
  const {files} = await queryFiles(query, context)
  if (files.length === 0) throw nothingMatches(patterns, context, states)
  return [...named, ...files.filter(({object}) => !names.has(object))]
}
