import type {BuildFailure, BuildOptions, Message, Plugin} from 'esbuild'
import {existsSync} from 'node:fs'
import {readdir, readFile, realpath} from 'node:fs/promises'
import {dirname, join, resolve} from 'node:path'
import {AppError} from '../core/errors.ts'
import {suggestPath} from '../core/nearest.ts'
import {packageFolder} from '../core/package-folder.ts'
import type {ImageFile, Images} from '../core/ports/images.ts'
import {shellPath, shellWord} from '../core/shell.ts'
import {ENABLE_SOURCE_MAPS, inlineSourceMap} from './source-map.ts'
import {command, suggest} from '../core/suggestion.ts'

/** A folder with one of these is a complete worker that implements the HTTP contract. */
const MAIN_FILES = ['main.ts', 'main.js', 'main.mjs']
/** A folder with one of these exports a Processor, which is wrapped in the runtime. */
const PROCESSOR_FILES = ['processor.ts', 'processor.js', 'processor.mjs']
/** What a custom worker imports; it resolves to this package, wherever the folder is. */
const RUNTIME_MODULE = 'cloud-runner/worker'

/**
 * `Images.bundleWorker`. Errors of a custom worker name its sources; the packaged worker is as small as possible.
 */
export async function bundleWorker({
  folder,
  isDebugged = false,
}: Parameters<Images['bundleWorker']>[0]): Promise<ImageFile[]> {
  const home = packageFolder()
  const isOwn = folder !== undefined
  const workerFolder = isOwn ? resolve(folder) : join(home, 'worker')
  const runtime = join(home, 'worker', 'runtime', 'index.ts')
  const options = {
    ...OPTIONS,
    ...(isOwn || isDebugged ? READABLE : {}),
    ...(isDebugged ? {minify: false} : {}),
    define: {...OPTIONS.define, CLOUD_RUNNER_VERSION: JSON.stringify(await versionIn(home))},
    absWorkingDir: await realpath(workerFolder).catch(() => workerFolder),
    plugins: [provideRuntime(runtime)],
  } satisfies BuildOptions
  const entry = await findEntry(workerFolder)
  try {
    const {build} = await import('esbuild')
    const {outputFiles} = await build({...options, ...(await entryOptions(entry, options)), write: false})
    const map = outputFiles.find(({path}) => path.endsWith('.map'))
    const code = outputFiles.filter((file) => file !== map).map(({contents}) => contents)
    if (map !== undefined) {
      const folders = {
        outdir: dirname(map.path),
        worker: options.absWorkingDir,
        home: await realpath(home),
      }
      code.push(Buffer.from(inlineSourceMap(map.text, folders, isDebugged)))
    }
    return [{path: 'app/worker.cjs', content: Buffer.concat(code), mode: 0o644}]
  } catch (error) {
    throw isBuildFailure(error) ? buildFailed(workerFolder, error) : error
  }
}

/** Whether this package's runtime runs the worker: the packaged one, or a processor without a container of its own. */
export async function isOnRuntime(folder: string | undefined): Promise<boolean> {
  if (folder === undefined) return true
  return !existsSync(join(folder, 'Dockerfile')) && (await findEntry(folder)).kind === 'processor'
}

/** @param folder of this package */
async function versionIn(folder: string): Promise<string> {
  const manifest: unknown = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
  const {version}: {version?: unknown} = Object(manifest)
  return String(version)
}

const OPTIONS = {
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'cjs',
  minify: true,
  charset: 'utf8',
  legalComments: 'none',
  logLevel: 'silent',
  outfile: 'worker.cjs',
  // CommonJS has no import.meta, which ESM sources rely on.
  define: {
    'import.meta.url': 'importMetaUrl',
    'import.meta.filename': '__filename',
    'import.meta.dirname': '__dirname',
  },
  banner: {js: "const importMetaUrl=require('node:url').pathToFileURL(__filename).href;"},
} satisfies BuildOptions

/** Errors name the sources. Lines are short, in case Node shows one; names are not kept, since paths would be too. */
const READABLE = {
  lineLimit: 120,
  sourcemap: 'external',
  banner: {js: ENABLE_SOURCE_MAPS + OPTIONS.banner.js},
} satisfies BuildOptions

type Entry = {readonly kind: 'main' | 'processor'; readonly folder: string; readonly file: string}

async function findEntry(folder: string): Promise<Entry> {
  const names = await readdir(folder).catch(async (cause: unknown) => {
    throw new AppError(`The worker's folder ${folder} cannot be read.`, {
      code: 'worker-missing',
      suggestions: [
        ...(await suggestPath(folder, dirname(folder))),
        'Set "worker" in cloud-runner.json to an existing folder.',
      ],
      cause,
    })
  })
  const main = MAIN_FILES.find((name) => names.includes(name))
  if (main !== undefined) return {kind: 'main', folder, file: main}
  const processor = PROCESSOR_FILES.find((name) => names.includes(name))
  if (processor !== undefined) return {kind: 'processor', folder, file: processor}
  throw new AppError(
    `There is no worker in ${folder}: it has none of ${[...MAIN_FILES, ...PROCESSOR_FILES].join(', ')}.`,
    {
      code: 'worker-missing',
      suggestions: [
        'A processor.ts exports one processor: export default {name, process(input, output, context) {…}}.',
        'A main.ts is a complete worker that answers HTTP requests on the port in PORT.',
        suggest`Or start from a working one: ${command('init', 'my-worker')}`,
      ],
    },
  )
}

async function entryOptions({kind, folder, file}: Entry, options: BuildOptions): Promise<BuildOptions> {
  if (kind === 'main') return {entryPoints: [file]}
  const names = await exportsOf(file, options)
  if (!names.includes('default') && !names.includes('processor')) {
    throw new AppError(`${join(folder, file)} exports neither "default" nor "processor".`, {
      code: 'worker-build-failed',
      suggestions: ['Export it: export default {name, process(input, output, context) {…}}.'],
    })
  }
  const imported = names.includes('default') ? 'default as processor' : 'processor'
  return {
    stdin: {
      contents: `import {serve} from '${RUNTIME_MODULE}'\nimport {${imported}} from './${file}'\nserve(processor)\n`,
      resolveDir: options.absWorkingDir ?? folder,
      sourcefile: 'worker.js',
    },
  }
}

/** Names that a module exports, including re-exports. */
async function exportsOf(file: string, options: BuildOptions): Promise<string[]> {
  const {build} = await import('esbuild')
  const {metafile} = await build({
    ...options,
    entryPoints: [file],
    format: 'esm',
    packages: 'external',
    metafile: true,
    write: false,
  })
  return Object.values(metafile.outputs).flatMap((output) => output.exports)
}

function provideRuntime(file: string): Plugin {
  return {
    name: 'runtime',
    setup(plugin) {
      plugin.onResolve({filter: new RegExp(`^${RUNTIME_MODULE}$`)}, () => ({path: file}))
    },
  }
}

function isBuildFailure(error: unknown): error is BuildFailure {
  return error instanceof Error && 'errors' in error && Array.isArray(error.errors)
}

function buildFailed(folder: string, failure: BuildFailure): AppError {
  const unresolved = failure.errors.flatMap(
    ({text}) => /^Could not resolve "([^"./][^"]*)"/.exec(text)?.[1] ?? [],
  )
  return new AppError(
    [
      `The worker in ${folder} cannot be bundled:`,
      ...failure.errors.map((message) => `  ${shown(message)}`),
    ].join('\n'),
    {
      code: 'worker-build-failed',
      suggestions:
        unresolved.length === 0
          ? []
          : [`cd ${shellPath(folder)} && npm install ${[...new Set(unresolved)].map(shellWord).join(' ')}`],
      cause: failure,
    },
  )
}

function shown({location, text}: Message): string {
  return location ? `${location.file}:${location.line}:${location.column + 1}: ${text}` : text
}
