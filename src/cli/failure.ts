import {createRequire} from 'node:module'
import {dirname} from 'node:path'

import {Errors} from '@oclif/core'

import {AppError, EXIT, type ErrorCode} from '../core/errors.ts'
import {nearest} from '../core/nearest.ts'
import type {Place} from '../core/sections.ts'
import {isDiskFull} from '../core/system-error.ts'

/** A failure as printed, and as output by `--json`. */
export interface Failure {
  readonly code: ErrorCode | 'bug'
  readonly message: string
  readonly suggestions: readonly string[]
  readonly exitCode: number
}

/** Wrong usage: exit code 2. */
export function usageError(message: string, suggestions: readonly string[]): AppError {
  return new AppError(message, {code: 'usage', exitCode: EXIT.usage, suggestions})
}

/** The command that was typed: `cloud-runner local start`. */
export interface TypedCommand {
  readonly bin: string
  readonly command: string
  /** Names of all its flags. */
  readonly flags: readonly string[]
}

/**
 * Turns an error of oclif's parser into one message with a fix, without oclif's table of flags.
 * @param error any thrown value; returned unchanged if it is not from oclif's parser
 */
export function translateParseError(error: unknown, typed: TypedCommand): unknown {
  if (error instanceof AppError && PARSING.test(error.message)) {
    return usageError(readable(error.message), error.suggestions)
  }
  if (!(error instanceof Errors.CLIError) || error instanceof Errors.ModuleLoadError) return error
  const help = `Usage: ${typed.bin} ${typed.command} --help`
  if ('flags' in error && Array.isArray(error.flags)) return unknownFlag(String(error.flags[0]), typed, help)
  if ('args' in error && Array.isArray(error.args)) return wrongArguments(error.args, typed, help)
  const message = readable(error.message)
  const option = /^Expected (--\S+)=(.*) to be one of: (.*)$/s.exec(message)
  if (option) {
    const [, flag = '', value = '', allowed = ''] = option
    const meant = nearest(value, allowed.split(', '))
    const example = `${typed.bin} ${typed.command} ${flag} ${meant ?? allowed.split(', ')[0] ?? ''}`
    return usageError(`${flag} is "${value}"; it must be one of: ${allowed}.`, [`For example: ${example}`])
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

function unknownFlag(flag: string, {bin, command, flags}: TypedCommand, help: string): AppError {
  const name = flag.replace(/^-+/, '').replace(/=.*$/s, '')
  const meant = flag.startsWith('--') ? nearest(name, flags) : undefined
  const suggestions = meant === undefined ? [help] : [`Did you mean --${meant}?`, help]
  return usageError(`${bin} ${command} has no flag ${flag}.`, suggestions)
}

function wrongArguments(args: readonly unknown[], {bin, command}: TypedCommand, help: string): AppError {
  const [first] = args
  if (typeof first === 'string') {
    const which =
      args.length === 1
        ? `the argument "${first}"`
        : `the arguments ${args.map((arg) => `"${String(arg)}"`).join(', ')}`
    return usageError(`${bin} ${command} does not take ${which}.`, [help])
  }
  const missing = args.map((arg) => {
    const {name, description} = Object.fromEntries(Object.entries(arg ?? {}))
    return `${String(name).toUpperCase()} (${String(description)})`
  })
  return usageError(`${bin} ${command} needs ${missing.join(' and ')}.`, [help])
}

/**
 * Adds the `--pipeline` and `--env` that were chosen to the commands that an error suggests. The error itself is
 * changed, so that it keeps its stack.
 */
export function suggestForPipeline(error: unknown, chosen: Place): unknown {
  if (!(error instanceof AppError)) return error
  const suggestions = error.suggestions.map((line) => forPipeline(line, chosen))
  error.suggestions.splice(0, Infinity, ...suggestions)
  return error
}

/**
 * Adds the `--pipeline` and `--env` that were chosen to the commands in a line, which would otherwise use another
 * pipeline.
 */
export function forPipeline(line: string, chosen: Place): string {
  const words = selectionOf({
    pipeline: line.includes('--pipeline') ? undefined : chosen.pipeline,
    env: /--env\b(?!-)/.test(line) ? undefined : chosen.env,
  })
  return line.replaceAll(OF_A_PIPELINE, (command) => [command, ...words].join(' '))
}

/** The flags that choose a pipeline and an environment. */
export function selectionOf({pipeline, env}: Place): string[] {
  return [
    ...(pipeline === undefined ? [] : ['--pipeline', pipeline]),
    ...(env === undefined ? [] : ['--env', env]),
  ]
}

const OF_A_PIPELINE =
  /\bcloud-runner (?:cancel|demo|deploy|destroy|dev|doctor|logs|model export|plan|redrive|report|reprocess|results|revisions|rollback|setup|status|upload)\b/g

/** Any thrown value as a failure: an AppError says what the user can do, anything else is a bug. */
export function failureOf(error: unknown, bin: string): Failure {
  if (error instanceof AppError) {
    const {code, message, suggestions, exitCode} = error
    return {code, message, suggestions, exitCode}
  }
  const message = error instanceof Error ? error.message : String(error)
  if (isDiskFull(error)) {
    const path =
      error instanceof Error && 'path' in error && typeof error.path === 'string' ? error.path : undefined
    return {
      code: 'disk-full',
      message: `The disk is full: ${path === undefined ? message : `nothing more can be written to ${path}`}.`,
      suggestions: [
        `Free some space: df -h ${path === undefined ? '.' : dirname(path)}`,
        'Then run the same command again.',
      ],
      exitCode: 1,
    }
  }
  return {
    code: 'bug',
    message: `${message} (unexpected: this is a bug in ${bin})`,
    suggestions: [`Report it with the output of the same command run with DEBUG=1: ${issueTracker()}`],
    exitCode: 1,
  }
}

/** Where bugs are reported: `bugs.url` of package.json. */
function issueTracker(): string {
  const {bugs}: {bugs: {url: string}} = createRequire(import.meta.url)('cloud-runner/package.json')
  return bugs.url
}
