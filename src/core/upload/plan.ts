import {constants} from 'node:fs'
import {access, glob, readdir, readlink, stat} from 'node:fs/promises'
import {basename, dirname, join, relative, resolve, sep} from 'node:path'
import type {Readable} from 'node:stream'
import {RESERVED_PREFIX} from '../../../worker/contract.ts'
import {AppError, EXIT, type ErrorCode} from '../errors.ts'
import {suggestPath} from '../nearest.ts'
import {shellPath, shellWord} from '../shell.ts'
import {codeOf, messageOf} from '../system-error.ts'
import {suggest, synopsis, type Suggestion} from '../suggestion.ts'

/** cloud.google.com/storage/docs/objects#naming */
const LONGEST_NAME_BYTES = 1024

export interface UploadRequest {
  /** Files, folders, glob patterns, or `-` for stdin. */
  readonly sources: readonly string[]
  /** Object name; with one file only, required for `-`. */
  readonly name?: string | undefined
  /** Absolute folder that relative sources start from. */
  readonly cwd: string
  /** The content of `-`. */
  readonly stdin?: Readable
  /** Called with each entry of a folder or pattern that is not uploaded, unless it is hidden, and why. */
  readonly leftOut?: (file: string, reason: string) => void
}

/** An entry of a folder or pattern that is not uploaded. */
export interface LeftOut {
  readonly file: string
  readonly reason: string
}

/** A file that passed every offline check. */
export interface PlannedUpload {
  /** As the user would type it, or `-`. */
  readonly file: string
  readonly object: string
  /** `undefined` for stdin. */
  readonly sizeBytes: number | undefined
  readonly source: {readonly file: string; readonly sizeBytes: number} | {readonly stream: Readable}
}

/**
 * Finds the files and checks whatever can be checked before anything is sent. Needs no network: call it before opening
 * the target. Each object is named after its file; files in a folder keep their path, starting with the folder's name.
 * @throws AppError (exit 2 for wrong usage): `file-missing`, `file-unreadable`, `glob-empty`, `folder-empty`,
 * `object-name-…`, `name-required`, `name-with-several-files`
 */
export async function planUpload(request: UploadRequest): Promise<PlannedUpload[]> {
  const {sources, name, cwd, stdin, leftOut = () => {}} = request
  if (sources.length === 0)
    throw refused(
      'Name the files to upload.',
      'file-missing',
      suggest`For example: ${synopsis('upload', 'data.csv')}`,
    )
  const files: PlannedUpload[] = []
  for (const source of sources) {
    if (source === '-') files.push(planStdin(name, stdin))
    else files.push(...(await planSource(source, cwd, leftOut)))
  }
  const unique = dropRepeated(files)
  const named = name === undefined ? unique : [rename(unique, name)]
  for (const file of named) checkName(file)
  checkDistinct(named)
  return named
}

function planStdin(name: string | undefined, stdin: Readable | undefined): PlannedUpload {
  if (name === undefined) {
    throw refused(
      'Data from stdin needs a name.',
      'name-required',
      suggest`Name it: ${synopsis('upload', '-', '--name', 'data.csv')}`,
    )
  }
  if (stdin === undefined) throw new TypeError('planUpload needs stdin if a source is -')
  return {file: '-', object: name, sizeBytes: undefined, source: {stream: stdin}}
}

type Report = NonNullable<UploadRequest['leftOut']>

/** What `stat` answers for a path that leads to nothing. */
const NOTHING_THERE = new Set(['ENOENT', 'ENOTDIR', 'ELOOP'])

async function planSource(source: string, cwd: string, leftOut: Report): Promise<PlannedUpload[]> {
  const path = resolve(cwd, source)
  const found = await stat(path).catch((error: unknown) => {
    if (NOTHING_THERE.has(codeOf(error) ?? '')) return undefined
    throw unreadable(source, error)
  })
  if (found === undefined) {
    if (/^[a-z]+:\/\//i.test(source)) {
      throw refused(
        `${source} is not a local file; only local files can be uploaded.`,
        'file-missing',
        source.startsWith('gs://')
          ? `Download it first: gcloud storage cp ${shellWord(source)} .`
          : `Download it first: curl -LO ${shellWord(source)}`,
      )
    }
    if (/[*?[\]{}]/.test(source)) return planGlob(source, cwd, leftOut)
    throw await missing(source, cwd)
  }
  if (found.isDirectory()) return planFolder(source, path, leftOut)
  if (!found.isFile())
    throw refused(
      `${source} is neither a file nor a folder.`,
      'file-unreadable',
      suggest`From a pipe: ${synopsis('upload', '-', '--name', 'data.csv')}`,
    )
  return [await planFile(source, path, basename(path), found.size)]
}

async function missing(source: string, cwd: string): Promise<AppError> {
  const path = resolve(cwd, source)
  const target = await readlink(path).catch(() => undefined)
  if (target !== undefined)
    return refused(
      `${source} is a broken link to ${target}.`,
      'file-missing',
      `Look at it: ls -l ${shellPath(source)}`,
    )
  const folder = await stat(dirname(path)).catch(() => undefined)
  return refused(
    `File ${source} does not exist.`,
    'file-missing',
    ...(await suggestPath(source, cwd)),
    `List the files: ls ${shellPath(folder?.isDirectory() ? dirname(path) : cwd)}`,
  )
}

async function planFile(
  file: string,
  path: string,
  object: string,
  sizeBytes: number,
): Promise<PlannedUpload> {
  await access(path, constants.R_OK).catch((error: unknown) => {
    throw unreadable(file, error)
  })
  return {file, object, sizeBytes, source: {file: path, sizeBytes}}
}

/** All files below a folder except hidden ones, sorted by name. Links to files count as files. */
async function planFolder(source: string, folder: string, leftOut: Report): Promise<PlannedUpload[]> {
  const entries = await readdir(folder, {withFileTypes: true, recursive: true}).catch((error: unknown) => {
    throw unreadable(source, error)
  })
  const paths = entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((path) => !isHidden(path))
    .toSorted()
  const found = await Promise.all(
    paths.map((path) => {
      const file = join(source, path)
      const object = [basename(folder), ...path.split(sep)].join('/')
      return planEntry({file, path: join(folder, path), object}, (reason) => leftOut(file, reason))
    }),
  )
  const files = found.filter((file) => file !== undefined)
  if (files.length === 0)
    throw refused(
      `Folder ${source} has no files (hidden ones are left out).`,
      'folder-empty',
      `List its contents: ls -A ${shellPath(source)}`,
    )
  return files
}

const IS_FOLDER = 'it is a folder; patterns and links match only files'

/** What a path leads to, if that is a file. */
async function planEntry(
  {file, path, object}: {readonly file: string; readonly path: string; readonly object: string},
  leftOut: (reason: string) => void,
): Promise<PlannedUpload | undefined> {
  const found = await stat(path).catch((error: unknown) => {
    if (NOTHING_THERE.has(codeOf(error) ?? '')) return undefined
    throw unreadable(file, error)
  })
  if (found?.isFile()) return planFile(file, path, object, found.size)
  if (found === undefined) leftOut('it is a broken link')
  else leftOut(found.isDirectory() ? IS_FOLDER : 'it is not a file')
  return undefined
}

async function planGlob(pattern: string, cwd: string, leftOut: Report): Promise<PlannedUpload[]> {
  const files: PlannedUpload[] = []
  for await (const match of glob(pattern, {cwd})) {
    if (isHidden(match)) continue
    const path = resolve(cwd, match)
    const planned = await planEntry({file: match, path, object: basename(path)}, (reason) => {
      // The files in it match by themselves.
      if (reason !== IS_FOLDER || !pattern.includes('**')) leftOut(match, reason)
    })
    if (planned !== undefined) files.push(planned)
  }
  if (files.length === 0)
    throw refused(`No file matches ${pattern}.`, 'glob-empty', `List the files: ls ${shellPath(cwd)}`)
  return files.toSorted((one, other) => (one.file < other.file ? -1 : 1))
}

function isHidden(path: string): boolean {
  return path.split(sep).some((part) => part.startsWith('.') && part !== '.' && part !== '..')
}

/** Drops files named twice, for example by a folder and a pattern. */
function dropRepeated(files: readonly PlannedUpload[]): PlannedUpload[] {
  const seen = new Set<string>()
  return files.filter(({source}) => {
    if (!('file' in source)) return true
    if (seen.has(source.file)) return false
    seen.add(source.file)
    return true
  })
}

function rename(files: readonly PlannedUpload[], name: string): PlannedUpload {
  const [only, ...others] = files
  if (only === undefined || others.length > 0) {
    throw refused(
      `--name names one object, but you gave ${files.length} files.`,
      'name-with-several-files',
      'Omit --name, or upload the files one by one.',
    )
  }
  return {...only, object: name}
}

function checkName({file, object}: PlannedUpload): void {
  const where = file === '-' || file.endsWith(object) ? '' : ` (of ${file})`
  const bytes = Buffer.byteLength(object)
  const other = 'Give it another name: --name data.csv'
  if (bytes === 0 || bytes > LONGEST_NAME_BYTES) {
    throw refused(
      `The object name${where} has ${bytes} bytes; it must have 1 to ${LONGEST_NAME_BYTES}.`,
      'object-name-invalid',
      other,
    )
  }
  const reason = reasonAgainst(object)
  if (reason !== undefined) {
    throw refused(
      `${JSON.stringify(object)}${where} is not a valid object name in Cloud Storage: ${reason}.`,
      'object-name-invalid',
      other,
    )
  }
  if (object.endsWith('/')) {
    throw refused(
      `The object name ${object}${where} ends with "/": that is a folder's placeholder and is never processed.`,
      'object-name-invalid',
      other,
    )
  }
  if (object.startsWith(RESERVED_PREFIX)) {
    throw refused(
      `The object name ${object}${where} is under ${RESERVED_PREFIX}, which is reserved for cloud-runner and never processed.`,
      'object-name-reserved',
      other,
    )
  }
}

/** Why Cloud Storage rejects a name, if it does: cloud.google.com/storage/docs/objects#naming */
function reasonAgainst(object: string): string | undefined {
  if (/[\r\n]/.test(object)) return 'it contains a line break'
  if (object.includes('\0')) return 'it contains a null character'
  if (object === '.' || object === '..') return 'it means a folder'
  return object.startsWith('.well-known/acme-challenge/')
    ? '.well-known/acme-challenge/ is reserved for Google'
    : undefined
}

function checkDistinct(files: readonly PlannedUpload[]): void {
  const byName = new Map<string, string>()
  for (const {file, object} of files) {
    const first = byName.get(object)
    if (first !== undefined) {
      throw refused(
        `${first} and ${file} would both become the object ${object}.`,
        'object-name-duplicate',
        'Upload them one by one with --name, or upload their common folder.',
      )
    }
    byName.set(object, file)
  }
}

function refused(message: string, code: ErrorCode, ...suggestions: readonly Suggestion[]): AppError {
  const isUsage =
    code === 'name-required' || code === 'name-with-several-files' || code.startsWith('object-name')
  return new AppError(message, {code, exitCode: isUsage ? EXIT.usage : 1, suggestions})
}

function unreadable(file: string, cause: unknown): AppError {
  const reason = codeOf(cause) === 'EACCES' ? 'permission denied' : messageOf(cause)
  return new AppError(`${file} cannot be read: ${reason}.`, {
    code: 'file-unreadable',
    suggestions: [`Check its permissions: ls -ld ${shellPath(file)}`],
    cause,
  })
}
