import {createInterface} from 'node:readline/promises'

import {AppError, EXIT} from '../core/errors.ts'
import {suggest, type Command} from '../core/suggestion.ts'
import {tame} from './format.ts'
import {whileAsking} from './signals.ts'

export interface Confirmation {
  /** What the user must type. */
  readonly name: string
  /** Value of `--confirm`. */
  readonly given: string | undefined
  /** What would happen, shown before the question. */
  readonly consequences: readonly string[]
  /** The command to type without a terminal. */
  readonly command: Command
  /** Whether asking is allowed: not with `--json`. */
  readonly interactive: boolean
  readonly signal: AbortSignal
}

/**
 * Confirms an irreversible action: by `--confirm NAME`, or by the name typed at a prompt on standard error. Without a
 * terminal it fails instead of waiting.
 * @throws AppError `confirmation-required`, `confirmation-mismatch`
 */
export async function confirmByName(confirmation: Confirmation): Promise<void> {
  const {name, given, consequences, command, signal} = confirmation
  if (given !== undefined) {
    if (given === name) return
    throw mismatch(`--confirm is "${given}", but the name is "${name}".`, command)
  }
  requireTerminal(confirmation)
  process.stderr.write(`${tame(consequences.join('\n'))}\n`)
  const answer = await ask(`Type the name "${name}" to continue: `, signal)
  if (answer.trim() !== name) throw mismatch(`That is not "${name}". Nothing was changed.`, command)
}

/**
 * Offers to delete something else as well, if there is a terminal.
 * @returns whether its name was typed
 */
export async function askForName(
  name: string,
  consequences: readonly string[],
  signal: AbortSignal,
): Promise<boolean> {
  if (!hasTerminal()) return false
  process.stderr.write(`${tame(consequences.join('\n'))}\n`)
  const answer = await ask(`Type "${name}" to delete it, or press Enter to keep it: `, signal)
  return answer.trim() === name
}

export interface Consent extends Pick<Confirmation, 'consequences' | 'command' | 'interactive' | 'signal'> {
  /** Value of `--yes`. */
  readonly given: boolean
}

/**
 * Confirms an action with wide effects: by `--yes`, or by a yes at a prompt on standard error. Without a terminal it
 * fails instead of waiting.
 * @throws AppError `confirmation-required`, `confirmation-mismatch`
 */
export async function confirmByYes(consent: Consent): Promise<void> {
  if (consent.given) return
  requireTerminal(consent)
  process.stderr.write(`${tame(consent.consequences.join('\n'))}\n`)
  const answer = await ask('Continue? (y/N) ', consent.signal)
  if (!/^y(?:es)?$/i.test(answer.trim())) throw mismatch('Nothing was changed.', consent.command)
}

/** Above this many files that were not named, the user is asked first. */
export const MOST_UNASKED = 10

/** As {@link confirmByYes}, if there are many files. */
export async function confirmMany(files: number, consent: Consent): Promise<void> {
  if (files > MOST_UNASKED) await confirmByYes(consent)
}

/**
 * Lets the user choose one of several at a prompt on standard error, by its name or number. Without a terminal it fails
 * instead of waiting.
 * @param names in the order of `commands`, which choose the same
 * @throws AppError `choice-required` (exit 2)
 * @returns the index
 */
export async function chooseOne(
  question: string,
  names: readonly string[],
  {commands, interactive, signal}: {commands: readonly Command[]; interactive: boolean; signal: AbortSignal},
): Promise<number> {
  const refusal = (message: string) =>
    new AppError(message, {
      code: 'choice-required',
      exitCode: EXIT.usage,
      suggestions: commands.map((command, index) => suggest`${index === 0 ? 'Type' : 'or'}: ${command}`),
    })
  if (!interactive || !hasTerminal()) throw refusal(`${question}: ${names.join(', ')}.`)
  process.stderr.write(
    `${tame([`${question}:`, ...names.map((name, index) => `  ${index + 1}  ${name}`)].join('\n'))}\n`,
  )
  const answer = (await ask('Which one? Type its number or name: ', signal)).trim()
  const index = names.findIndex((name, at) => answer === name || answer === String(at + 1))
  if (index === -1) throw refusal('That is not one of the choices. Nothing was changed.')
  return index
}

function hasTerminal(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY
}

/** @throws AppError `confirmation-required` */
function requireTerminal({interactive, consequences, command}: Omit<Consent, 'given'>): void {
  if (interactive && hasTerminal()) return
  throw new AppError(
    ['This needs your confirmation, but there is no terminal to ask in.', ...consequences].join('\n'),
    {code: 'confirmation-required', exitCode: EXIT.usage, suggestions: [suggest`Type: ${command}`]},
  )
}

function mismatch(message: string, command: Command): AppError {
  return new AppError(message, {
    code: 'confirmation-mismatch',
    exitCode: EXIT.usage,
    suggestions: [suggest`Type: ${command}`],
  })
}

/** One line from the terminal. readline swallows Ctrl-C, so it is raised again as a signal. */
async function ask(question: string, signal: AbortSignal): Promise<string> {
  using terminal = createInterface({input: process.stdin, output: process.stderr})
  terminal.on('SIGINT', () => process.kill(process.pid, 'SIGINT'))
  const ended = new Promise<string>((resolve) => {
    terminal.on('close', () => resolve(''))
  })
  // Awaited here: the terminal is closed at the end of this block.
  return await whileAsking(() => Promise.race([terminal.question(question, {signal}), ended]))
}
