import {spawn} from 'node:child_process'
import {constants} from 'node:os'
import {AppError} from '../core/errors.ts'
import {shellWord} from '../core/shell.ts'
import {codeOf} from '../core/system-error.ts'
import type {Environment} from './environment/environment.ts'

/** A shell's exit codes for a program that does not exist, and for one that it cannot execute. */
const NOT_FOUND = 127
const NOT_EXECUTABLE = 126

/** Signals that the parent process may send; they are forwarded, and the program decides. */
const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2'] as const

/**
 * Runs a program in this terminal, with the same standard streams, until it ends.
 * @returns its exit code; 128 + n if signal n ended it, as in shells
 * @throws AppError `program-missing` (exit 127), `program-unusable` (exit 126)
 */
export function runProgram(command: readonly string[], {set, unset}: Environment): Promise<number> {
  const [program = '', ...args] = command
  const environment: NodeJS.ProcessEnv = {...process.env}
  for (const name of unset) delete environment[name]

  // A terminal sends Ctrl-C to the program itself; a second one would make Terraform abandon its current resource.
  const byTerminal = process.stdin.isTTY || process.stdout.isTTY
  const listeners = FORWARDED.map((signal) => {
    const listener = (): void => {
      if (!byTerminal || (signal !== 'SIGINT' && signal !== 'SIGQUIT')) child.kill(signal)
    }
    process.on(signal, listener)
    return {signal, listener}
  })
  // After the listeners: a signal that came between the two would end this process alone, and the program would live on.
  const child = spawn(program, args, {stdio: 'inherit', env: {...environment, ...set}})

  return new Promise<number>((resolve, reject) => {
    child.once('error', (error) => reject(startError(program, error)))
    child.once('exit', (code, signal) =>
      resolve(signal === null ? (code ?? 1) : 128 + constants.signals[signal]),
    )
  }).finally(() => {
    for (const {signal, listener} of listeners) process.off(signal, listener)
  })
}

function startError(program: string, error: Error): AppError {
  const code = codeOf(error)
  if (code === 'ENOENT') {
    return new AppError(`Program ${program} not found.`, {
      code: 'program-missing',
      exitCode: NOT_FOUND,
      suggestions: [`Check whether it is installed: command -v ${shellWord(program)}`],
      cause: error,
    })
  }
  return new AppError(`${program} cannot be run: ${error.message}.`, {
    code: 'program-unusable',
    exitCode: NOT_EXECUTABLE,
    suggestions: [`Check its permissions: ls -l "$(command -v ${shellWord(program)})"`],
    cause: error,
  })
}
