import {readFile} from 'node:fs/promises'
import {join} from 'node:path'
import {AppError} from '../errors.ts'
import {isJsonObject} from '../json.ts'
import {nearest} from '../nearest.ts'
import {codeOf} from '../system-error.ts'

/** Declares how a worker in any language starts. */
export const WORKER_FILE = 'cloud-runner.worker.json'
const FIELDS = ['command', 'image']

/** How a worker in any language starts on this machine, and how its image is built elsewhere. */
export interface WorkerCommand {
  /** Name of the file that declares it. */
  readonly file: string
  /** Program and arguments; a line for a shell is `sh -c …`. */
  readonly command: readonly [string, ...string[]]
  /** The program that must exist on this machine; `undefined` if only the shell knows. */
  readonly program: string | undefined
  /** The Dockerfile, relative to the folder. */
  readonly dockerfile: string
}

/**
 * The command that a worker's folder declares: in `cloud-runner.worker.json`, else as the `web` process of a
 * `Procfile`.
 * @returns `undefined` if the folder declares none
 * @throws AppError `worker-build-failed` that names the file and what is wrong in it
 */
export async function readWorkerCommand(folder: string): Promise<WorkerCommand | undefined> {
  const declared = await contentOf(folder, WORKER_FILE)
  if (declared !== undefined) return parseWorkerFile(declared, join(folder, WORKER_FILE))
  const procfile = await contentOf(folder, 'Procfile')
  return procfile === undefined ? undefined : parseProcfile(procfile, join(folder, 'Procfile'))
}

async function contentOf(folder: string, name: string): Promise<string | undefined> {
  try {
    return await readFile(join(folder, name), 'utf8')
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error) ?? '')) return undefined
    throw invalid(`${join(folder, name)} cannot be read: ${String(error)}`, error)
  }
}

function parseWorkerFile(text: string, path: string): WorkerCommand {
  const {command, image = 'Dockerfile', ...others} = parseObject(text, path)
  const [unknown] = Object.keys(others)
  if (unknown !== undefined) {
    const meant = nearest(unknown, FIELDS)
    throw invalid(
      `${path} has the unknown field "${unknown}"${meant === undefined ? '' : `; did you mean "${meant}"?`}`,
    )
  }
  const words = Array.isArray(command) ? command.filter((word) => typeof word === 'string') : []
  const [program, ...args] = words
  if (!Array.isArray(command) || words.length !== command.length || !program)
    throw invalid(`"command" in ${path} must be a list of words that starts with a program.`)
  if (typeof image !== 'string' || image === '')
    throw invalid(`"image" in ${path} must be the name of a Dockerfile.`)
  return {file: WORKER_FILE, command: [program, ...args], program, dockerfile: image}
}

function parseObject(text: string, path: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    if (isJsonObject(value)) return value
  } catch (error) {
    throw invalid(`${path} is not valid JSON: ${error instanceof Error ? error.message : ''}`, error)
  }
  throw invalid(`${path} must be a JSON object.`)
}

/** A shell is needed for quotes, variables, redirections, globs, several commands, and assignments. */
const FOR_A_SHELL = /["'$`\\|&;<>(){}*?[\]~#!]|^\w+=/
/** A shell replaces itself with the command unless it has more than one to run. */
const SEVERAL_COMMANDS = /[`|&;(){}#!\n]|^\w+=/

/** Process types as buildpacks read them: `NAME: COMMAND` (devcenter.heroku.com/articles/procfile). */
function parseProcfile(text: string, path: string): WorkerCommand {
  const line = /^web[ \t]*:[ \t]*(?<command>\S.*?)[ \t\r]*$/m.exec(text)?.groups?.['command']
  if (line === undefined) throw invalid(`${path} has no process "web", such as: web: python main.py`)
  const [first = '', ...rest] = line.split(/\s+/)
  const declared = {file: 'Procfile', dockerfile: 'Dockerfile'}
  if (!FOR_A_SHELL.test(line)) return {...declared, command: [first, ...rest], program: first}
  if (SEVERAL_COMMANDS.test(line)) return {...declared, command: ['sh', '-c', line], program: undefined}
  return {
    ...declared,
    command: ['sh', '-c', `exec ${line}`],
    program: FOR_A_SHELL.test(first) ? undefined : first,
  }
}

function invalid(message: string, cause?: unknown): AppError {
  return new AppError(message, {
    code: 'worker-build-failed',
    suggestions: [
      `For example, in ${WORKER_FILE}: {"command": ["python", "main.py"], "image": "Dockerfile"}`,
    ],
    cause,
  })
}
