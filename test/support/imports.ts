import {globSync, readFileSync} from 'node:fs'
import {dirname, join, relative, sep} from 'node:path'

/** One file imports another; both are paths from the root, with `/`. */
export interface Import {
  readonly from: string
  readonly to: string
}

/** In the folder, the entry (a file or a folder) imports its neighbor through these files. */
export interface Arrow {
  readonly folder: string
  readonly from: string
  readonly to: string
  readonly imports: Import[]
}

/** Relative imports, types included, of the TypeScript files in some folders. */
export function readImports(root: string, folders: readonly string[]): Import[] {
  return folders
    .flatMap((folder) => globSync('**/*.ts', {cwd: join(root, folder)}).map((file) => join(folder, file)))
    .flatMap((from) =>
      specifiersIn(readFileSync(join(root, from), 'utf8')).map((specifier) => ({
        from: from.split(sep).join('/'),
        to: relative(root, join(root, dirname(from), specifier))
          .split(sep)
          .join('/'),
      })),
    )
}

function specifiersIn(text: string): string[] {
  return [
    ...text.matchAll(/^(?:import|export|\}) .*?'(\.\.?\/[^']+)'|\bimport\('(\.\.?\/[^']+)'\)/gm),
  ].flatMap(([, fixed, dynamic]) => fixed ?? dynamic ?? [])
}

/**
 * Every import as an arrow between two entries of the folder that both files share. When no folder has a circle of
 * such arrows, neither files nor folders import each other in a circle, and each folder's entries can be put in an
 * order in which nothing points back up.
 */
export function arrowsOf(imports: readonly Import[]): Arrow[] {
  const arrows = new Map<string, Arrow>()
  for (const file of imports) {
    const from = file.from.split('/')
    const to = file.to.split('/')
    const depth = from.findIndex((name, i) => name !== to[i])
    const [source, target] = [from[depth], to[depth]]
    if (source === undefined || target === undefined) continue
    const folder = from.slice(0, depth).join('/')
    const key = [folder, source, target].join(' ')
    const arrow = arrows.get(key) ?? {folder, from: source, to: target, imports: []}
    arrow.imports.push(file)
    arrows.set(key, arrow)
  }
  return [...arrows.values()]
}

/** The arrows from which a way leads back to where they began. */
export function arrowsInCircles(arrows: readonly Arrow[]): Arrow[] {
  const next = Map.groupBy(arrows, ({folder, from}) => `${folder}/${from}`)
  const leadsTo = (at: string, end: string, seen = new Set<string>()): boolean => {
    if (at === end) return true
    if (seen.has(at)) return false
    seen.add(at)
    return (next.get(at) ?? []).some(({folder, to}) => leadsTo(`${folder}/${to}`, end, seen))
  }
  return arrows.filter(({folder, from, to}) => leadsTo(`${folder}/${to}`, `${folder}/${from}`))
}
