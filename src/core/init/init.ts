import {constants, existsSync} from 'node:fs'
import {copyFile, mkdir, readdir, stat} from 'node:fs/promises'
import {basename, dirname, join, relative, resolve, sep} from 'node:path'
import {CONFIG_FILE, readConfigFile, saveConfig, settingFor} from '../config-file.ts'
import type {Config} from '../config.ts'
import {readWorkerCommand} from '../command-worker/command.ts'
import {AppError} from '../errors.ts'
import {SETTINGS} from '../settings/settings.ts'
import {linkPackage, packageFolder} from '../package-folder.ts'
import {splitConfig} from '../config-sections.ts'
import {shellPath} from '../shell.ts'
import {codeOf, isDiskFull} from '../system-error.ts'
import {command, suggest} from '../suggestion.ts'

export const TEMPLATES = ['typescript', 'python', 'container'] as const
export type Template = (typeof TEMPLATES)[number]

/** Longest stem of a pipeline's name, which has at most 23 characters: leaves room for a number. */
const LONGEST_STEM = 20
/** Most names that a message lists. */
const NAMES_SHOWN = 6
/** Leftovers of editors and test runs in a checkout; not part of a template. */
const LEFT_BEHIND = new Set(['__pycache__', 'node_modules', '.DS_Store'])

export interface InitRequest {
  /** Of the worker, absolute; created if it is missing. */
  readonly folder: string
  readonly template: Template
  /** Whether the folder's pipeline may run another worker: this one then gets its own pipeline. */
  readonly taken: boolean
}

export interface InitResult {
  /** Absolute. */
  readonly folder: string
  readonly template: Template
  /** Relative to the folder, sorted by name. */
  readonly files: readonly string[]
  /** Absolute path of an input to try it with. */
  readonly sample: string
  /** Whether the worker runs only as a container, which needs a docker engine. */
  readonly needsDocker: boolean
  readonly settings: {
    /** `cloud-runner.json`, absolute. */
    readonly file: string
    /** Whether it names this worker; a setting that names another is left alone. */
    readonly named: boolean
    /** The pipeline that it names this worker for, if it is not the folder's. */
    readonly pipeline: string | undefined
  }
}

/**
 * Creates a folder with a working worker and names it in the settings: for the named pipeline, for its own, or for the
 * folder's. Overwrites nothing.
 * @throws AppError `output-exists` that names what is in the way; `output-unwritable`
 */
export async function init(
  {folder, template, taken}: InitRequest,
  config: Pick<Config, 'folder' | 'place' | 'workerFolder' | 'settings' | 'sources'>,
): Promise<InitResult> {
  await requireEmpty(folder)
  const source = join(packageFolder(), 'worker/templates', template)
  const files = await filesOf(source)
  try {
    for (const file of files) {
      await makeFolder(dirname(join(folder, file)))
      await copyFile(join(source, file), join(folder, file), constants.COPYFILE_EXCL)
    }
    await linkPackage(folder)
  } catch (error) {
    throw toOutputError(folder, error)
  }
  return {
    folder,
    template,
    files,
    sample: join(folder, files.find((file) => file.startsWith('sample.')) ?? ''),
    needsDocker: files.includes('Dockerfile') && (await readWorkerCommand(source)) === undefined,
    settings: await nameWorker(folder, taken, config),
  }
}

/** Names the worker in the settings. */
async function nameWorker(
  folder: string,
  taken: boolean,
  config: Parameters<typeof init>[1],
): Promise<InitResult['settings']> {
  const file = join(config.folder, CONFIG_FILE)
  const worker = settingFor(folder, config.folder)
  const fields = (await readConfigFile(file)) ?? {}
  const {pipelines, environments} = splitConfig(fields, file)
  const {name} = config.settings
  const {kind} = config.sources.name
  const isChosen = kind === 'flag' || kind === 'environment'
  const others = [...pipelines].flatMap(([other, settings]) => (settings['worker'] === worker ? [] : [other]))
  const pipeline =
    isChosen || !taken
      ? config.place.pipeline
      : freeName(basename(folder), [name, ...others], [...environments.keys()])
  if (pipeline === undefined) {
    const {workerFolder} = config
    if (workerFolder === undefined) await saveConfig(config.folder, {worker, ...(isChosen ? {name} : {})})
    return {file, named: workerFolder === undefined || resolve(workerFolder) === folder, pipeline}
  }
  const {worker: current = worker}: {worker?: unknown} = pipelines.get(pipeline) ?? {}
  if (current === worker) await saveConfig(config.folder, {worker}, {pipeline})
  return {file, named: current === worker, pipeline}
}

/** An unused pipeline name, derived from the folder's by the naming rule; the names of environments may follow it. */
function freeName(folder: string, others: readonly string[], envs: readonly string[]): string {
  const room = LONGEST_STEM - Math.max(0, ...envs.map((env) => env.length + 1))
  const letters = folder
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+/, '')
  const stem = SETTINGS.name.parse(letters.slice(0, Math.max(1, room)).replace(/-+$/, '')) ?? 'worker'
  let name = stem
  for (let count = 2; others.includes(name); count++) name = `${stem}-${count}`
  return name
}

/** Level by level: Node's recursion never ends if a file system such as /proc answers ENOENT for a new folder. */
async function makeFolder(folder: string): Promise<void> {
  if (existsSync(folder)) return
  await makeFolder(dirname(folder))
  await mkdir(folder)
}

/** Requires a new folder, or one with hidden entries only, such as `.git`. */
async function requireEmpty(folder: string): Promise<void> {
  const found = await stat(folder).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined
    throw toOutputError(folder, error)
  })
  if (found === undefined) return
  if (!found.isDirectory()) throw inTheWay(`${folder} is a file.`)
  const names = (await readdir(folder)).filter((name) => !name.startsWith('.')).toSorted()
  if (names.length === 0) return
  const more = names.length - NAMES_SHOWN
  const shown = `${names.slice(0, NAMES_SHOWN).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
  throw inTheWay(`${folder} is not empty: it contains ${shown}.`)
}

function inTheWay(message: string): AppError {
  return new AppError(`${message} Nothing was written.`, {
    code: 'output-exists',
    suggestions: [suggest`Choose a new or empty folder: ${command('init', 'my-worker')}`],
  })
}

async function filesOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, {recursive: true, withFileTypes: true})
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((file) => !file.split(sep).some((name) => LEFT_BEHIND.has(name)))
    .toSorted()
}

function toOutputError(folder: string, error: unknown): unknown {
  const code = codeOf(error)
  if (!(error instanceof Error) || code === undefined) return error
  if (code === 'EEXIST') return inTheWay(`${error.message.replace(/^EEXIST: /, '')}.`)
  return new AppError(`${folder} cannot be written: ${error.message}`, {
    code: isDiskFull(error) ? 'disk-full' : 'output-unwritable',
    suggestions: [
      existsSync(dirname(folder))
        ? `Check its permissions: ls -ld ${shellPath(dirname(folder))}`
        : suggest`Choose another folder: ${command('init', 'my-worker')}`,
    ],
    cause: error,
  })
}
