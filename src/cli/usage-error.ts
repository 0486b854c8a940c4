import {Errors} from '@oclif/core'

import {AppError} from '../core/errors.ts'
import {modelOptionNamed} from '../core/model/options.ts'
import {nearest} from '../core/nearest.ts'
import {Advice, command, suggest, type Command} from '../core/suggestion.ts'
import {usageError} from './failure.ts'

/** The command that was typed: `cloud-runner local start`. */
export interface TypedCommand {
  readonly bin: string
  readonly command: string
  /** What followed it. */
  readonly argv: readonly string[]
  /** Names of all its flags. */
  readonly flags: readonly string[]
}

/**
 * Turns an error of oclif's parser into one message with a fix, without oclif's table of flags. Wrong usage that
 * suggests no command gets the help of the command.
 * @param error any thrown value; returned unchanged if it is not about usage
 */
export function translateUsageError(error: unknown, typed: TypedCommand): unknown {
  const help = suggest`Usage: ${command(typed.command, '--help')}`
  if (error instanceof AppError && (error.code === 'usage' || error.message.startsWith('--'))) {
    const {code, exitCode, suggestions} = error
    const hasCommand = suggestions.some((suggestion) => suggestion instanceof Advice)
    return new AppError(readable(error.message), {
      code,
      exitCode,
      suggestions: hasCommand ? suggestions : [...suggestions, help],
    })
  }
  if (!(error instanceof Errors.CLIError) || error instanceof Errors.ModuleLoadError) return error
  if ('flags' in error && Array.isArray(error.flags)) return unknownFlag(String(error.flags[0]), typed, help)
  if ('args' in error && Array.isArray(error.args)) return wrongArguments(error.args, typed, help)
  const message = readable(error.message)
  const option = /^Expected (--\S+)=(.*) to be one of: (.*)$/s.exec(message)
  if (option) {
    const [, flag = '', value = '', allowed = ''] = option
    return wrongOption({flag, value, allowed: allowed.split(', ')}, typed, help)
  }
  const bare = /^Flag (--\S+) expects (?:a value|one of these values: (.*))$/.exec(message)
  if (bare) return usageError(`${bare[1] ?? ''} needs a value${bare[2] ? `: ${bare[2]}` : ''}.`, [help])
  return usageError(message, [help])
}

/** What oclif puts before the message of a flag's own parser. */
const PARSING = /^Parsing (--\S+) ?\n\t/

function readable(message: string): string {
  return message
    .replace(/\nSee more help with --help$/, '')
    .replace(/^The following errors? occurred:\s*/, '')
    .replace(PARSING, (_, flag: string) => (message.includes(`\t${flag} `) ? '' : `${flag}: `))
}

function unknownFlag(flag: string, typed: TypedCommand, help: Advice): AppError {
  const name = flag.replace(/^-+/, '').replace(/=.*$/s, '')
  const option = typed.flags.includes('set') ? modelOptionNamed(name) : undefined
  if (option !== undefined)
    return usageError(
      `${typed.bin} ${typed.command} has no flag --${name}: --set takes options of the model.`,
      [suggest`Type: ${asSetting(typed, `--${name}`, option)}`, help],
    )
  const meant = flag.startsWith('--') ? nearest(name, typed.flags) : undefined
  return usageError(
    `${typed.bin} ${typed.command} has no flag ${flag}.`,
    meant === undefined
      ? [help]
      : [suggest`Did you mean: ${corrected(typed, `--${name}`, `--${meant}`)}`, help],
  )
}

/** The typed command with a model option in place of a flag and its value. */
function asSetting({command: verb, argv}: TypedCommand, flag: string, option: string): Command {
  const at = argv.findIndex((word) => word === flag || word.startsWith(`${flag}=`))
  const word = argv[at] ?? ''
  const isOneWord = word !== flag
  const value = isOneWord ? word.slice(flag.length + 1) : (argv[at + 1] ?? 'VALUE')
  const words = ['--set', `${option}=${value}`]
  return command(verb, ...argv.toSpliced(at, isOneWord ? 1 : 2, ...words))
}

function wrongOption(
  {flag, value, allowed}: {flag: string; value: string; allowed: readonly string[]},
  typed: TypedCommand,
  help: Advice,
): AppError {
  const meant = nearest(value, allowed)
  return usageError(
    `${flag} is "${value}"; it must be one of: ${allowed.join(', ')}.`,
    meant === undefined ? [help] : [suggest`Did you mean: ${corrected(typed, value, meant)}`, help],
  )
}

/** The typed command with another word, or another flag before a `=`, or another value after it. */
function corrected({command: verb, argv}: TypedCommand, wrong: string, right: string): Command {
  return command(
    verb,
    ...argv.map((word) => {
      if (word === wrong) return right
      if (word.startsWith(`${wrong}=`)) return `${right}${word.slice(wrong.length)}`
      return word.startsWith('--') && word.endsWith(`=${wrong}`)
        ? `${word.slice(0, -wrong.length)}${right}`
        : word
    }),
  )
}

function wrongArguments(
  args: readonly unknown[],
  {bin, command: verb}: TypedCommand,
  help: Advice,
): AppError {
  const [first] = args
  if (typeof first === 'string') {
    const which =
      args.length === 1
        ? `the argument "${first}"`
        : `the arguments ${args.map((arg) => `"${String(arg)}"`).join(', ')}`
    return usageError(`${bin} ${verb} does not take ${which}.`, [help])
  }
  const missing = args.map((arg) => {
    const {name, description} = Object.fromEntries(Object.entries(arg ?? {}))
    return `${String(name).toUpperCase()} (${String(description)})`
  })
  return usageError(`${bin} ${verb} needs ${missing.join(' and ')}.`, [help])
}
