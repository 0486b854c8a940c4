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
  return folders.flatMap((folder) =>
    specifiersIn(root, folder)
      .filter(({specifier}) => specifier.startsWith('.'))
      .map(({from, specifier}) => ({
        from: slashed(from),
        to: slashed(relative(root, join(root, dirname(from), specifier))),
      })),
  )
}

/** The packages that the TypeScript files in a folder import; Node's own modules are none. */
export function readPackages(root: string, folder: string): Set<string> {
  const packages = specifiersIn(root, folder).filter(({specifier}) => !/^(?:\.|node:)/.test(specifier))
  return new Set(packages.map(({specifier}) => packageOf(specifier)))
}

/** The package that a module's path begins with: `@scope/name` or `name`. */
export function packageOf(path: string): string {
  return path
    .split('/')
    .slice(0, path.startsWith('@') ? 2 : 1)
    .join('/')
}

function specifiersIn(root: string, folder: string): {from: string; specifier: string}[] {
  return globSync('**/*.ts', {cwd: join(root, folder)}).flatMap((file) => {
    const text = readFileSync(join(root, folder, file), 'utf8')
    const found = text.matchAll(/^(?:import|export|\}) (?:.*?from )?'([^']+)'|\bimport\('([^']+)'\)/gm)
    return [...found].map(([, fixed, dynamic]) => ({
      from: join(folder, file),
      specifier: fixed ?? dynamic ?? '',
    }))
  })
}

function slashed(path: string): string {
  return path.split(sep).join('/')
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
