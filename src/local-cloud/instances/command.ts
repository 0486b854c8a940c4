import {existsSync} from 'node:fs'
import {symlink} from 'node:fs/promises'
import {homedir} from 'node:os'
import {delimiter, dirname, join} from 'node:path'
import type {Image} from '../artifact-registry/images.ts'
import {InstanceError, type InstanceSpec} from './instance.ts'

/** Folders of programs, before those of PATH. */
const PATH_ANNOTATION = 'dev.cloud-runner.path'
/** The folder that the image was copied from. */
const FOLDER_ANNOTATION = 'dev.cloud-runner.folder'

/**
 * Runs "$@" as this very process, and ends its group when the local cloud is gone: file descriptor 3 is a socket whose
 * other end only the local cloud holds. What a Node instance does by `lifeline.ts`, for any language.
 */
const WITH_LIFELINE = '(cat <&3; kill -KILL "-$$") </dev/null >/dev/null 2>&1 & exec "$@" 3<&-'

/** Where version managers and compilers keep what they need, below the home folder that an instance does not have. */
const TOOL_FOLDERS = {
  PYENV_ROOT: '.pyenv',
  RBENV_ROOT: '.rbenv',
  ASDF_DATA_DIR: '.asdf',
  RUSTUP_HOME: '.rustup',
  GOPATH: 'go',
  GOCACHE: '.cache/go-build',
} as const

/** Entrypoint and arguments. @throws InstanceError if there is none */
export function commandOf({image, command, args}: InstanceSpec): [string, ...string[]] {
  const entrypoint = command.length > 0 ? command : image.config.entrypoint
  const rest = args.length > 0 || command.length > 0 ? args : image.config.cmd
  const [program, ...parameters] = [...entrypoint, ...rest]
  if (program === undefined)
    throw new InstanceError(
      'The image has neither an entrypoint nor a command; set one in the image or in the container.',
    )
  return [program, ...parameters]
}

/** The arguments of `sh` that run a command for as long as the local cloud lives. */
export function withLifeline(command: readonly string[]): string[] {
  return ['-c', WITH_LIFELINE, 'sh', ...command]
}

/** What a program of this machine needs: PATH, with the worker's own programs first, and its tools' folders. */
export function programEnvironment({annotations}: Image): Record<string, string> {
  const environment: Record<string, string> = {
    PATH: [annotations[PATH_ANNOTATION], dirname(process.execPath), process.env['PATH']]
      .filter((folders) => folders !== undefined)
      .join(delimiter),
  }
  for (const [name, folder] of Object.entries(TOOL_FOLDERS)) {
    const place = process.env[name] ?? join(homedir(), folder)
    if (existsSync(place)) environment[name] = place
  }
  return environment
}

/**
 * The folder that a command runs in: the copy, with the packages that are installed in the original; while debugging,
 * the original, since that is where an editor sets breakpoints.
 * @param copy the image's working folder, unpacked
 */
export async function folderOf({annotations}: Image, copy: string, isDebugged: boolean): Promise<string> {
  const original = annotations[FOLDER_ANNOTATION]
  if (original === undefined) return copy
  if (isDebugged) return original
  const packages = join(original, 'node_modules')
  // Two instances may start at once.
  if (existsSync(packages)) await symlink(packages, join(copy, 'node_modules')).catch(() => undefined)
  return copy
}
