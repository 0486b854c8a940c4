import {type Arrow, arrowsOf, type Import, readImports} from './imports.ts'

/** Folders whose entries stand on floors of their own; each is drawn as a list. */
const HALLS = ['src/core', 'src/local-cloud', 'src/local-cloud/run', 'worker/logistic-regression']

/** Everything that docs/architecture.md draws, by the name of its region, as Markdown without the markers. */
export function drawHouse(root: string): Record<string, string> {
  const imports = readImports(root, ['src', 'worker']).filter(
    ({from}) => !from.startsWith('worker/templates/'),
  )
  return {rooms: drawRooms(imports), floors: drawFloors(arrowsOf(imports))}
}

/** Replaces the text between `<!-- name -->` and `<!-- /name -->`. */
export function redraw(page: string, drawings: Record<string, string>): string {
  return Object.entries(drawings).reduce((text, [name, drawing]) => {
    const region = new RegExp(`(<!-- ${name} -->\n)[\\s\\S]*?(<!-- /${name} -->)`)
    if (!region.test(text)) throw new Error(`The page has no region ${name}.`)
    return text.replace(region, (_, begin: string, end: string) => `${begin}\n${drawing}\n\n${end}`)
  }, page)
}

/** A graph of the rooms under src/ and worker/, without arrows that follow from others. */
function drawRooms(imports: readonly Import[]): string {
  const targets = new Map<string, Set<string>>()
  for (const {from, to} of imports) {
    const [source, target] = [roomOf(from), roomOf(to)]
    targets.set(target, targets.get(target) ?? new Set())
    targets.set(source, targets.get(source) ?? new Set())
    if (source !== target) targets.get(source)?.add(target)
  }
  const rooms = [...targets.keys()].toSorted()
  const arrows = rooms.flatMap((from) =>
    shortest(from, targets)
      .toSorted()
      .map((to) => `  ${idOf(from)} --> ${idOf(to)}`),
  )
  return [
    '```mermaid',
    'graph TD',
    ...rooms.map((room) => `  ${idOf(room)}["${room}"]`),
    ...arrows,
    '```',
  ].join('\n')
}

/** `src/core` of `src/core/errors.ts`. */
const roomOf = (file: string): string => file.split('/').slice(0, 2).join('/')

const idOf = (room: string): string => room.replaceAll(/\W/g, '_')

/** What a room imports and does not reach through another room that it imports. */
function shortest(from: string, targets: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const reached = (room: string, seen = new Set<string>()): Set<string> => {
    for (const next of targets.get(room) ?? []) {
      if (seen.has(next)) continue
      seen.add(next)
      reached(next, seen)
    }
    return seen
  }
  const own = [...(targets.get(from) ?? [])]
  return own.filter((to) => own.every((other) => other === to || !reached(other).has(to)))
}

/** The entries of each hall by floor, the highest first: an entry imports only what stands on lower floors. */
function drawFloors(arrows: readonly Arrow[]): string {
  const lines = HALLS.flatMap((hall) => {
    const own = arrows.filter(({folder}) => folder === hall)
    const below = Map.groupBy(own, ({from}) => from)
    const floorOf = (entry: string): number =>
      1 + Math.max(0, ...(below.get(entry) ?? []).map(({to}) => floorOf(to)))
    const entries = [...new Set(own.flatMap(({from, to}) => [from, to]))].toSorted()
    const floors = Map.groupBy(entries, floorOf)
    const rows = [...floors.keys()]
      .toSorted((one, other) => other - one)
      .map((floor) => `${String(floor).padStart(4)}  ${floors.get(floor)?.join('  ')}`)
    return [hall, ...rows, '']
  })
  return ['```text', ...lines.slice(0, -1), '```'].join('\n')
}
