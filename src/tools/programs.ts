import {createHash} from 'node:crypto'
import {constants, existsSync} from 'node:fs'
import {access, mkdir, readdir, readFile, rm, stat, utimes, writeFile} from 'node:fs/promises'
import {basename, delimiter, join, resolve} from 'node:path'
import {command, suggest} from '../core/suggestion.ts'
import {AppError} from '../core/errors.ts'
import type {Programs} from '../core/ports/programs.ts'
import {shellPath} from '../core/shell.ts'

/** Last lines of a failed installation that an error shows. */
const SHOWN_LINES = 15
/** Environments kept for each worker: the current one, and the previous one for a rollback. */
const KEPT = 2
/** Written last, so that an interrupted installation is not used. */
const COMPLETE = '.complete'
/** Names of the interpreter, in the order to try. */
const PYTHONS = ['python3', 'python']

/** The languages' tools, found on PATH. */
export function createPrograms(): Programs {
  return {
    async has(program, {from, path}) {
      const folders = /[/\\]/.test(program)
        ? [resolve(from, program)]
        : [...path, ...(process.env['PATH'] ?? '').split(delimiter)].map((folder) => join(folder, program))
      const found = await Promise.all(folders.map((file) => isExecutable(file)))
      return found.includes(true)
    },

    async pythonEnvironment({folder, root, extra, signal, step}) {
      const {python, version} = await findPython(folder)
      const requirements = await readFile(join(folder, 'requirements.txt'), 'utf8').catch(() => undefined)
      const owner = hashOf([folder])
      const environment = join(root, `${owner}-${hashOf([version, requirements ?? '', ...extra])}`)
      const programs = join(environment, process.platform === 'win32' ? 'Scripts' : 'bin')
      if (!existsSync(join(environment, COMPLETE))) {
        await rm(environment, {recursive: true, force: true})
        await mkdir(root, {recursive: true})
        const packages = [
          ...(requirements === undefined ? [] : ['--requirement', 'requirements.txt']),
          ...extra,
        ]
        step(`Create a virtual environment of ${version}`)
        // Without packages to install, pip itself would cost most of the time.
        const bare = packages.length === 0 ? ['--without-pip'] : []
        await run([python, '-m', 'venv', ...bare, environment], {folder, signal, step: () => {}})
        if (packages.length > 0) {
          step(requirements === undefined ? `Install ${extra.join(', ')}` : 'Install requirements.txt')
          const pip = [join(programs, 'python'), '-m', 'pip', '--disable-pip-version-check', '--no-input']
          await run([...pip, 'install', ...packages], {folder, signal, step})
        }
        await writeFile(join(environment, COMPLETE), '')
      }
      const now = new Date()
      await utimes(environment, now, now)
      await removeOld(root, owner)
      return programs
    },
  }
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK)
    return (await stat(file)).isFile()
  } catch {
    return false
  }
}

async function findPython(folder: string): Promise<{python: string; version: string}> {
  const {execa} = await import('execa')
  for (const python of PYTHONS) {
    const {failed, stdout} = await execa(python, ['--version'], {cwd: folder, reject: false, stdin: 'ignore'})
    if (!failed && stdout.startsWith('Python 3.')) return {python, version: stdout.trim()}
  }
  throw new AppError(`The worker in ${folder} needs Python 3, which is not on this machine.`, {
    code: 'program-missing',
    suggestions: [
      'Install it, then check: python3 --version',
      suggest`Or run the worker as a container: ${command('deploy', '--builder', 'docker')}`,
    ],
  })
}

/** @throws AppError `worker-build-failed` with the command's last lines */
async function run(
  [program = '', ...args]: readonly string[],
  {folder, signal, step}: {folder: string; signal: AbortSignal; step: (text: string) => void},
): Promise<void> {
  const {execa} = await import('execa')
  const running = execa(program, args, {
    cwd: folder,
    all: true,
    cancelSignal: signal,
    reject: false,
    stdin: 'ignore',
  })
  for await (const line of running.iterable({from: 'all'})) if (/\S/.test(line)) step(line.trim())
  const {failed, all, shortMessage} = await running
  signal.throwIfAborted()
  if (!failed) return
  const lines = (all || shortMessage || '').trimEnd().split('\n').slice(-SHOWN_LINES)
  const isInstall = args.includes('install')
  throw new AppError(
    `${isInstall ? `The requirements of ${folder} cannot be installed` : `No virtual environment for ${folder} can be created`}:\n${lines.map((line) => `  ${line}`).join('\n')}`,
    {
      code: 'worker-build-failed',
      suggestions: isInstall
        ? [`Fix ${join(folder, 'requirements.txt')}, then run the command again.`]
        : [`See for yourself: ${basename(program)} -m venv ${shellPath('/tmp/venv')}`],
    },
  )
}

async function removeOld(root: string, owner: string): Promise<void> {
  const names = (await readdir(root)).filter((name) => name.startsWith(`${owner}-`))
  const dated = await Promise.all(
    names.map(async (name) => ({path: join(root, name), at: (await stat(join(root, name))).mtimeMs})),
  )
  const old = dated.toSorted((a, b) => b.at - a.at).slice(KEPT)
  await Promise.all(old.map(({path}) => rm(path, {recursive: true, force: true})))
}

function hashOf(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 12)
}
