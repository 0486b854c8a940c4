import {spawn} from 'node:child_process'
import {constants} from 'node:os'
import {AppError} from '../core/errors.ts'
import {codeOf} from '../core/system-error.ts'
import type {Environment} from './environment/environment.ts'

/** What a shell exits with for a program that is not there, or that it may not run. */
const NOT_FOUND = 127
const NOT_EXECUTABLE = 126

/** Signals that whoever started us may send; the program gets them, and decides. */
const PASSED_ON = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2'] as const

/**
 * Runs a program in this terminal, with its own standard streams, until it ends.
 * @returns its exit code; 128 + n where signal n ended it, as shells say
 * @throws AppError `program-missing` (exit 127), `program-unusable` (exit 126)
 */
export function runProgram(command: readonly string[], {set, unset}: Environment): Promise<number> {
  const [program = '', ...args] = command
  const environment: NodeJS.ProcessEnv = {...process.env}
  for (const name of unset) delete environment[name]
  const child = spawn(program, args, {stdio: 'inherit', env: {...environment, ...set}})

  // A terminal sends its Ctrl-C to the program itself; a second one would make Terraform give up what it has in hand.
  const byTerminal = process.stdin.isTTY || process.stdout.isTTY
  const listeners = PASSED_ON.map((signal) => {
    const listener = (): void => {
      if (!byTerminal || (signal !== 'SIGINT' && signal !== 'SIGQUIT')) child.kill(signal)
    }
    process.on(signal, listener)
    return {signal, listener}
  })

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
    return new AppError(`There is no program ${program}.`, {
      code: 'program-missing',
      exitCode: NOT_FOUND,
      suggestions: [`See whether it is installed: command -v ${program}`],
      cause: error,
    })
  }
  return new AppError(`${program} cannot be run: ${error.message}.`, {
    code: 'program-unusable',
    exitCode: NOT_EXECUTABLE,
    suggestions: [`Look at it: ls -l "$(command -v ${program})"`],
    cause: error,
  })
}
