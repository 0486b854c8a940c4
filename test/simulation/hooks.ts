import {registerHooks} from 'node:module'

/** A planted bug: a piece of a source file, once in it, and what replaces it. */
export interface Mutation {
  /** From the root of the project. */
  readonly file: string
  readonly find: string
  readonly replace: string
}

const ROOT = new URL('../../', import.meta.url)
const HOST = new URL('./host/', import.meta.url)

/** What simulated programs get in place of Node's modules. */
const NODE: Readonly<Record<string, string>> = {
  'node:crypto': 'crypto.ts',
  'node:fs': 'fs.ts',
  'node:fs/promises': 'fs-promises.ts',
  'node:http': 'http.ts',
  'node:net': 'net.ts',
  'node:sqlite': 'sqlite.ts',
  'node:timers/promises': 'timers-promises.ts',
}

/** Modules of the project that only start real threads and processes, or stand for one of Node's. */
const OWN: ReadonlyMap<string, string> = new Map([
  [new URL('src/local-cloud/node-http.ts', ROOT).href, 'http.ts'],
  [new URL('worker/runtime/node-http.ts', ROOT).href, 'http.ts'],
  [new URL('src/local-cloud/instances/runtimes.ts', ROOT).href, 'runtimes.ts'],
  [new URL('src/local-cloud/state/file-hashes.ts', ROOT).href, 'file-hashes.ts'],
])

const SIMULATED = ['src/local-cloud/', 'worker/'].map((folder) => new URL(folder, ROOT).href)

/** From now on, modules of the local cloud and of the worker's runtime run on the simulated machine. */
export function simulateHost(mutation?: Mutation): void {
  const mutated = mutation && new URL(mutation.file, ROOT).href
  registerHooks({
    resolve(specifier, context, next) {
      const isSimulated = SIMULATED.some((folder) => context.parentURL?.startsWith(folder) === true)
      const node = isSimulated ? NODE[specifier] : undefined
      if (node !== undefined) return {url: new URL(node, HOST).href, shortCircuit: true}
      const resolved = next(specifier, context)
      const own = isSimulated ? OWN.get(resolved.url) : undefined
      return own === undefined ? resolved : {...resolved, url: new URL(own, HOST).href}
    },
    load(url, context, next) {
      const loaded = next(url, context)
      if (mutation === undefined || url !== mutated) return loaded
      const source = textOf(loaded.source)
      if (source.split(mutation.find).length !== 2)
        throw new Error(`${mutation.file} must have this piece once: ${mutation.find}`)
      return {...loaded, source: source.replace(mutation.find, () => mutation.replace)}
    },
  })
}

function textOf(source: string | ArrayBuffer | NodeJS.TypedArray | undefined | null): string {
  if (typeof source === 'string') return source
  return source ? new TextDecoder().decode(source) : ''
}
