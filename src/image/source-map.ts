import {relative, resolve} from 'node:path'
import {pathToFileURL} from 'node:url'
import {isJsonObject} from '../core/json.ts'

/** A source map as esbuild writes it (tc39.es/ecma426). */
interface SourceMap {
  readonly sources: readonly string[]
  readonly sourcesContent: readonly (string | null)[]
}

/**
 * Node reads a file's source map while compiling it, if source maps are already enabled: the bundle enables them and
 * compiles itself again, as the same module, so that `require.main === module` still holds.
 */
export const ENABLE_SOURCE_MAPS =
  'if(!process.sourceMapsEnabled){process.setSourceMapsEnabled(true);' +
  "module._compile(require('node:fs').readFileSync(__filename,'utf8'),__filename);return}\n"

/**
 * A source map as the last line of its bundle. Source names are the same on every machine: relative to the worker's
 * folder, starting with `node_modules` for packages, and with `cloud-runner` for this package. Only the worker's own
 * sources are embedded, for the line that Node shows of an uncaught error.
 * @param text of the map from esbuild
 * @param folders absolute, without links: `outdir` that the map's names are relative to, the worker's, this package's
 * @param isDebugged names the files of this machine instead, where an editor sets breakpoints
 */
export function inlineSourceMap(
  text: string,
  folders: {readonly outdir: string; readonly worker: string; readonly home: string},
  isDebugged: boolean,
): string {
  const map: unknown = JSON.parse(text)
  if (!isSourceMap(map)) throw new Error('The bundler created no source map.')
  const paths = map.sources.map((source) => resolve(folders.outdir, source))
  const named = paths.map((path) => nameOf(path, folders))
  const content = JSON.stringify({
    ...map,
    sources: isDebugged ? paths.map((path) => pathToFileURL(path).href) : named.map(({name}) => name),
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
