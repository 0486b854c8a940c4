import {relative, resolve} from 'node:path'
import {isJsonObject} from '../json.ts'

/** A source map as esbuild writes it (tc39.es/ecma426). */
interface SourceMap {
  readonly sources: readonly string[]
  readonly sourcesContent: readonly (string | null)[]
}

/**
 * Node reads the source map of a file as it compiles it, if it was told to before: the bundle tells it and compiles
 * itself once more, as the same module, so that `require.main === module` holds as ever.
 */
export const ENABLE_SOURCE_MAPS =
  'if(!process.sourceMapsEnabled){process.setSourceMapsEnabled(true);' +
  "module._compile(require('node:fs').readFileSync(__filename,'utf8'),__filename);return}\n"

/**
 * A source map as the last line of its bundle. Names of sources are the same on every machine: those of the worker
 * from its folder, those of packages from `node_modules`, those of this package from `cloud-runner`. Only the worker's
 * own sources are quoted, for the line that Node shows of an error nobody caught.
 * @param text of the map as esbuild gives it
 * @param folders absolute, without links: `outdir` that the map's names start from, the worker's, this package's
 */
export function inlineSourceMap(
  text: string,
  folders: {readonly outdir: string; readonly worker: string; readonly home: string},
): string {
  const map: unknown = JSON.parse(text)
  if (!isSourceMap(map)) throw new Error('The bundler gave no source map.')
  const named = map.sources.map((source) => nameOf(resolve(folders.outdir, source), folders))
  const content = JSON.stringify({
    ...map,
    sources: named.map(({name}) => name),
    sourcesContent: map.sourcesContent.map((source, index) => (named[index]?.isOwn ? source : null)),
  })
  return `//# sourceMappingURL=data:application/json;base64,${Buffer.from(content).toString('base64')}\n`
}

function nameOf(
  path: string,
  {worker, home}: {readonly worker: string; readonly home: string},
): {name: string; isOwn: boolean} {
  const inPackages = path.lastIndexOf('/node_modules/')
  if (inPackages !== -1) return {name: path.slice(inPackages + 1), isOwn: false}
  if (path.startsWith(`${worker}/`)) return {name: relative(worker, path), isOwn: true}
  if (path.startsWith(`${home}/worker/`)) return {name: `cloud-runner/${relative(home, path)}`, isOwn: false}
  return {name: relative(worker, path), isOwn: true}
}

function isSourceMap(value: unknown): value is SourceMap {
  return isJsonObject(value) && Array.isArray(value['sources']) && Array.isArray(value['sourcesContent'])
}
