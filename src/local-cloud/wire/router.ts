import type {Route} from './routes.ts'

/** What a pattern's path begins with, if that is no parameter. */
const FIRST_SEGMENT = /^\^\\\/(?<literal>[\w-]+)(?:\\\/|\$$)/
/** The custom verb that it ends with: `:publish`. */
const VERB = /:(?<literal>\w+)\$$/

/** @returns the route and what its pattern's parameters stand for in the path */
export type FindRoute = (
  method: string,
  path: string,
) => {readonly route: Route; readonly groups: Record<string, string>} | undefined

/**
 * Finds the first route that matches. There are hundreds, and to try each costs as much as to serve a small request: those
 * that begin or end with something else are left out beforehand.
 */
export function createRouter(routes: readonly Route[]): FindRoute {
  const known = routes.map((route) => ({
    route,
    first: FIRST_SEGMENT.exec(route.pattern.source)?.groups?.['literal'],
    verb: VERB.exec(route.pattern.source)?.groups?.['literal'],
  }))
  const [methods, firsts, verbs] = [
    new Set(known.map(({route}) => route.method)),
    new Set(known.map(({first}) => first)),
    new Set(known.map(({verb}) => verb)),
  ]
  const candidates = new Map<string, readonly Route[]>()
  return (method, path) => {
    if (!methods.has(method)) return undefined
    const segment = path.slice(1, (path.indexOf('/', 1) + 1 || path.length + 1) - 1)
    const first = firsts.has(segment) ? segment : undefined
    const end = path.slice(path.lastIndexOf(':') + 1)
    const verb = verbs.has(end) ? end : undefined
    const key = `${method} ${first ?? ''}:${verb ?? ''}`
    let possible = candidates.get(key)
    if (possible === undefined) {
      possible = known
        .filter((each) => each.route.method === method)
        .filter((each) => [undefined, first].includes(each.first) && [undefined, verb].includes(each.verb))
        .map(({route}) => route)
      candidates.set(key, possible)
    }
    for (const route of possible) {
      const match = route.pattern.exec(path)
      if (match) return {route, groups: match.groups ?? {}}
    }
    return undefined
  }
}
