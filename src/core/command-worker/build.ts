import {existsSync} from 'node:fs'
import {basename, join} from 'node:path'
import {AppError, EXIT} from '../errors.ts'
import type {Context} from '../ports/context.ts'
import type {ImageFile, Program} from '../ports/images.ts'
import {command, suggest} from '../suggestion.ts'
import type {WorkerCommand} from './command.ts'
import {filesOfFolder} from './folder-files.ts'

/** What the local cloud needs to run an image of a command as a process; see its `instances/README.md`. */
const ANNOTATIONS = {
  runtime: 'dev.cloud-runner.runtime',
  /** Folders of programs, before those of PATH. */
  path: 'dev.cloud-runner.path',
  /** The worker's folder: packages installed in it, and the place of the files while debugging. */
  folder: 'dev.cloud-runner.folder',
} as const

/** Names the debugger that the local cloud starts in an instance. */
export const DEBUG_ANNOTATION = 'dev.cloud-runner.debug'
export const DEBUGGERS = ['inspect', 'debugpy'] as const
/** `inspect` is of Node, `debugpy` of Python. */
export type Debugger = (typeof DEBUGGERS)[number]

const PYTHON = /^python(?:3(?:\.\d+)?)?$/

/**
 * What an image of a worker's folder consists of that the local cloud runs as a process of this machine. It has a copy
 * of the files, so that a revision stays what it was when it was deployed.
 * @throws AppError `program-missing`, `worker-build-failed`; `usage` for a debugger of another language
 */
export async function readCommandImage(
  {folder, declared, debug}: {folder: string; declared: WorkerCommand; debug: Debugger | undefined},
  {programs, stateFolder, signal, step}: Context,
): Promise<{files: readonly ImageFile[]; program: Program}> {
  const {command: entrypoint, program, file} = declared
  const isPython = program !== undefined && PYTHON.test(program)
  requireDebuggable(declared, debug)
  const path =
    isPython || existsSync(join(folder, 'requirements.txt'))
      ? [
          await programs.pythonEnvironment({
            folder,
            root: join(stateFolder, 'venv'),
            extra: debug === 'debugpy' ? ['debugpy'] : [],
            signal,
            step,
          }),
        ]
      : []
  if (program !== undefined && !(await programs.has(program, {from: folder, path}))) {
    throw new AppError(`The command "${program}" in ${join(folder, file)} is not on this machine.`, {
      code: 'program-missing',
      suggestions: [
        path.length > 0
          ? `Add its package to ${join(folder, 'requirements.txt')}, or install it.`
          : `Install it, then check: command -v ${program}`,
        ...(existsSync(join(folder, declared.dockerfile))
          ? [suggest`Or run the worker as a container: ${command('deploy', '--builder', 'docker')}`]
          : []),
      ],
    })
  }
  step(`Copy ${folder}`)
  return {
    files: await filesOfFolder(folder),
    program: {
      entrypoint,
      // A line of output is a line of the log at once.
      env: ['PYTHONUNBUFFERED=1'],
      annotations: {
        [ANNOTATIONS.runtime]: 'process',
        [ANNOTATIONS.folder]: folder,
        ...(path.length > 0 ? {[ANNOTATIONS.path]: path.join(':')} : {}),
      },
    },
  }
}

function requireDebuggable({program, file}: WorkerCommand, debug: Debugger | undefined): void {
  if (debug === undefined) return
  const name = basename(program ?? '')
  if (debug === 'debugpy' ? PYTHON.test(name) : name === 'node') return
  throw new AppError(
    `--${debug} needs a command that starts with ${debug === 'debugpy' ? 'python' : 'node'}; the one in ${file} does not.`,
    {
      code: 'usage',
      exitCode: EXIT.usage,
      suggestions: [suggest`Start without the debugger: ${command('dev')}`],
    },
  )
}
