#!/usr/bin/env node
// rm dist -> kernels -> tsc -> bundles of the worker, the local cloud and the console's page -> schemas -> what derives from
// the settings -> .oclif.manifest.json, always in this order: a file left over in dist/src/commands would become a phantom
// command, and oclif drops a manifest of another version.
//
//   --if-stale  does nothing if the sources have not changed since the last build
//   --check     fails if a committed file that the build writes does not match the sources
import {spawnSync} from 'node:child_process'
import {createHash} from 'node:crypto'
import {copyFileSync, existsSync, globSync, readFileSync, rmSync, writeFileSync} from 'node:fs'
import {createRequire} from 'node:module'
import {basename, dirname, join} from 'node:path'
import {fileURLToPath, pathToFileURL} from 'node:url'
import {parseArgs} from 'node:util'
import {compileKernels, KERNELS_FILE} from './kernels.js'
import {writeOpenApi} from './openapi.js'
import {writeSchemas} from './schemas.js'
import {writeSettings} from './settings.js'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const dist = join(root, 'dist')
const mark = join(dist, '.sources')
const kernels = join(root, KERNELS_FILE)
const manifestFile = join(root, '.oclif.manifest.json')

/** One hash over everything the build reads; the lockfile stands for the packages. */
function hashSources() {
  const files = globSync(
    ['src/**/*', 'worker/**/*', 'bin/*.js', 'package.json', 'package-lock.json', 'tsconfig.json'],
    {
      cwd: root,
      withFileTypes: true,
    },
  )
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => file !== kernels)
    .toSorted()
  const hash = createHash('sha256').update(process.version)
  for (const file of files) hash.update(`\0${file.slice(root.length)}\0`).update(readFileSync(file))
  return hash.digest('hex')
}

function compile() {
  const compiler = join(
    dirname(createRequire(import.meta.url).resolve('typescript/package.json')),
    'bin',
    'tsc',
  )
  const {status, error} = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.json'], {
    cwd: root,
    stdio: 'inherit',
  })
  if (error) throw error
  if (status !== 0) throw new Error('The sources do not compile.')
}

const built = (path) => import(pathToFileURL(join(dist, path)).href)

async function bundleWorker() {
  const {bundleWorker: bundle} = await built('src/image/bundle.js')
  const files = await bundle({folder: undefined})
  for (const {path, content} of files) writeFileSync(join(dist, basename(path)), content)
}

/**
 * The local cloud in a few files, since finding and linking 350 modules was most of its start. They replace what tsc wrote
 * except for the types, so there is one copy. Packages stay as they are installed.
 */
async function bundleLocalCloud() {
  const {build, transform} = await import('esbuild')
  const folder = join(dist, 'src', 'local-cloud')
  for (const file of globSync('**/*.{js,json}', {cwd: folder})) rmSync(join(folder, file))
  await build({
    // Side by side, where the code looks for the programs it starts.
    entryPoints: [
      'index.ts',
      'main.ts',
      'instances/lifeline.ts',
      'instances/docker/watchdog.ts',
      'state/hash-thread.ts',
    ].map((path) => ({in: join(root, 'src', 'local-cloud', path), out: basename(path, '.ts')})),
    outdir: folder,
    absWorkingDir: root,
    bundle: true,
    splitting: true,
    packages: 'external',
    platform: 'node',
    target: 'esnext',
    format: 'esm',
    logLevel: 'warning',
    plugins: [
      {
        name: 'values of modules',
        setup(bundling) {
          bundling.onLoad({filter: /local-cloud\/wire\/services\.ts$/}, async ({path}) => {
            const {SERVICES} = await import(pathToFileURL(path).href)
            return {
              contents: `export const SERVICES = JSON.parse(${JSON.stringify(JSON.stringify(SERVICES))})`,
            }
          })
          // Without comments: the process keeps its source in memory, in two bytes each if one character needs them.
          bundling.onLoad({filter: /\.ts$/}, async ({path}) => {
            const options = {loader: 'ts', target: 'esnext', minifyWhitespace: true}
            return {contents: (await transform(readFileSync(path, 'utf8'), options)).code}
          })
        },
      },
    ],
  })
}

/** The console's page: one script and one style, so that the user's machine builds nothing. */
async function bundleConsole() {
  const {build} = await import('esbuild')
  const folder = join(root, 'src', 'console', 'page')
  await build({
    entryPoints: [
      {in: join(folder, 'main.tsx'), out: 'page'},
      {in: join(folder, 'style.css'), out: 'page'},
    ],
    outdir: join(dist, 'console'),
    tsconfig: join(folder, 'tsconfig.json'),
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    legalComments: 'inline',
    logLevel: 'warning',
  })
  copyFileSync(join(folder, 'index.html'), join(dist, 'console', 'index.html'))
}

async function settingsSchema() {
  const {configSchema} = await built('src/core/config-schema.js')
  writeFileSync(join(dist, 'cloud-runner.schema.json'), `${JSON.stringify(configSchema(), null, 2)}\n`)
}

async function manifest() {
  const {Config, settings} = await import('@oclif/core')
  settings.enableAutoTranspile = false
  const config = await Config.load({root, ignoreManifest: true})
  const plugin = config.plugins.get(config.pjson.name)
  // oclif reads the command folders in parallel, so their order varies.
  const commands = Object.entries(plugin.manifest.commands).toSorted(([one], [other]) =>
    one < other ? -1 : 1,
  )
  return `${JSON.stringify({...plugin.manifest, commands: Object.fromEntries(commands)}, null, 2)}\n`
}

/** Builds everything, or throws what stopped it and removes the incomplete dist. */
async function buildAll({check}) {
  rmSync(dist, {recursive: true, force: true})
  try {
    await compileKernels(root)
    compile()
    await bundleWorker()
    await bundleLocalCloud()
    await bundleConsole()
    await settingsSchema()
    writeSchemas(root, join(dist, 'schemas'))
    writeOpenApi(
      root,
      join(dist, 'console', 'openapi.json'),
      JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version,
    )
    const stale = await writeSettings(root, built)
    const text = await manifest()
    const committed = existsSync(manifestFile) ? readFileSync(manifestFile, 'utf8') : ''
    if (text !== committed) {
      writeFileSync(manifestFile, text)
      stale.push(basename(manifestFile))
    }
    if (check && stale.length > 0)
      throw new Error(`${stale.join(', ')} did not match the sources. Commit what the build wrote.`)
  } catch (error) {
    rmSync(dist, {recursive: true, force: true})
    throw error
  }
}

const {values: options} = parseArgs({options: {'if-stale': {type: 'boolean'}, check: {type: 'boolean'}}})
const sources = hashSources()
const fresh = existsSync(kernels) && existsSync(mark) && readFileSync(mark, 'utf8') === sources

if (!(options['if-stale'] && fresh)) {
  try {
    await buildAll({check: options.check})
    writeFileSync(mark, sources)
  } catch (error) {
    process.stderr.write(`Error: ${error.message}\n`)
    process.exitCode = 1
  }
}
