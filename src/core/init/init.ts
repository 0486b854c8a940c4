import {constants, existsSync} from 'node:fs'
import {copyFile, mkdir, readdir, stat} from 'node:fs/promises'
import {dirname, join, relative, resolve, sep} from 'node:path'
import {saveConfig} from '../config-file.ts'
import type {Config} from '../config.ts'
import {AppError} from '../errors.ts'
import {packageFolder} from '../image/bundle.ts'
import {shellPath} from '../shell.ts'
import {codeOf, isDiskFull} from '../system-error.ts'
import {linkPackage} from './link-package.ts'

export const TEMPLATES = ['typescript', 'python', 'container'] as const
export type Template = (typeof TEMPLATES)[number]

/** Names that a message lists at most. */
const NAMES_SHOWN = 6
/** What editors and test runs leave in a checkout; no part of a template. */
const LEFT_BEHIND = new Set(['__pycache__', 'node_modules', '.DS_Store'])

export interface InitRequest {
  /** Of the worker, absolute; made where it is missing. */
  readonly folder: string
  readonly template: Template
}

export interface InitResult {
  /** Absolute. */
  readonly folder: string
  readonly template: Template
  /** Relative to the folder, in the order of their names. */
  readonly files: readonly string[]
  /** An input to try it with, absolute. */
  readonly sample: string
  /** Whether the worker is a container, which a docker engine builds and runs. */
  readonly needsDocker: boolean
  readonly settings: {
    /** `cloud-runner.json`, absolute. */
    readonly file: string
    /** Whether it names this worker now; where it names another one, it is left alone. */
    readonly named: boolean
  }
}

/**
 * Makes a folder with a worker that runs as it is, and names it in the settings where they name none. Nothing that is
 * there is overwritten.
 * @throws AppError `output-exists` that names what is in the way; `output-unwritable`
 */
export async function init(
  {folder, template}: InitRequest,
  config: Pick<Config, 'folder' | 'file' | 'workerFolder'>,
): Promise<InitResult> {
  await requireEmpty(folder)
  const source = join(packageFolder(), 'worker/templates', template)
  const files = await filesOf(source)
  try {
    for (const file of files) {
      await makeFolder(dirname(join(folder, file)))
      await copyFile(join(source, file), join(folder, file), constants.COPYFILE_EXCL)
    }
    if (files.includes('package.json')) await linkPackage(folder)
  } catch (error) {
    throw toOutputError(folder, error)
  }
  const {workerFolder} = config
  if (workerFolder === undefined) await saveConfig(config.folder, {worker: settingFor(folder, config.folder)})
  return {
    folder,
    template,
    files,
    sample: join(folder, files.find((file) => file.startsWith('sample.')) ?? ''),
    needsDocker: files.includes('Dockerfile'),
    settings: {
      file: config.file ?? join(config.folder, 'cloud-runner.json'),
      named: workerFolder === undefined || resolve(workerFolder) === folder,
    },
  }
}

/** The worker's folder as a setting of the project's. */
export function settingFor(folder: string, project: string): string {
  const path = relative(project, folder).split(sep).join('/')
  return path.startsWith('../') ? path : `./${path}`
}

/** Level by level: Node's own recursion never ends where a file system says ENOENT of a folder that cannot be made, as /proc does. */
async function makeFolder(folder: string): Promise<void> {
  if (existsSync(folder)) return
  await makeFolder(dirname(folder))
  await mkdir(folder)
}

/** A folder that is new, or holds nothing but what begins with a dot, such as `.git`. */
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
  throw inTheWay(`${folder} is not empty: it has ${shown}.`)
}

function inTheWay(message: string): AppError {
  return new AppError(`${message} Nothing was written.`, {
    code: 'output-exists',
    suggestions: ['Name a folder that is new or empty: cloud-runner init my-worker'],
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
        : 'Name another folder: cloud-runner init my-worker',
    ],
    cause: error,
  })
}
