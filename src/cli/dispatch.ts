import {readFileSync} from 'node:fs'
import {join} from 'node:path'

import {Config, loadHelpClass, settings, type Interfaces} from '@oclif/core'

import {usageError} from './failure.ts'
import {printFailure} from './print-failure.ts'
import {command, NOTHING_TYPED, suggest} from '../core/suggestion.ts'
import {nearest} from '../core/nearest.ts'

export interface Launch {
  /** Folder of package.json. */
  readonly root: string
  readonly argv: readonly string[]
  /** Folder of the commands' sources, relative to the root; the built ones, by the manifest, if absent. */
  readonly commands?: string
}

/** Runs the command that the arguments name, or prints help, or why neither is possible. */
export async function dispatch({root, argv, commands}: Launch): Promise<void> {
  // oclif would look for the TypeScript compiler's API, which version 7 does not have.
  settings.enableAutoTranspile = false
  try {
    const config = await Config.load(commands === undefined ? {root} : sourcesOf(root, commands))
    await runNamed(config, argv)
  } catch (error) {
    printFailure(error, {bin: 'cloud-runner', json: beforeEnd(argv).includes('--json'), typed: NOTHING_TYPED})
  }
}

/** The arguments before `--`, which ends the flags. */
function beforeEnd(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf('--')
  return end === -1 ? argv : argv.slice(0, end)
}

function sourcesOf(root: string, commands: string): Interfaces.LoadOptions {
  const pjson = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  return {root, ignoreManifest: true, pjson: {...pjson, oclif: {...pjson.oclif, commands}}}
}

async function runNamed(config: Config, argv: readonly string[]): Promise<void> {
  const asked = beforeEnd(argv)
  const wantsHelp = asked.includes('--help') || asked.includes('-h') || asked[0] === 'help'
  const words = (asked[0] === 'help' ? argv.slice(1) : argv).filter(
    (word) => !(wantsHelp && /^(?:-h|--help)$/.test(word)),
  )
  const known: Known =
    wantsHelp && words.every((word) => word.startsWith('-')) ? {kind: 'root'} : resolveCommand(config, words)
  if (wantsHelp || known.kind !== 'command') {
    const Help = await loadHelpClass(config)
    await new Help(config).showHelp(known.kind === 'root' ? [] : [known.id])
    return
  }
  await config.runCommand(known.id, words.slice(known.id.split(':').length))
}

type Known = {readonly kind: 'command' | 'topic'; readonly id: string} | {readonly kind: 'root'}

/** The command or topic that the first words name. */
function resolveCommand(config: Config, words: readonly string[]): Known {
  const [first = '', second = ''] = words
  if (first === '') return {kind: 'root'}
  if (first.startsWith('-')) throw misplacedFlag(config, words)
  if (!second.startsWith('-') && config.findCommand(`${first}:${second}`))
    return {kind: 'command', id: `${first}:${second}`}
  if (config.findCommand(first)) return {kind: 'command', id: first}
  if (config.findTopic(first)) {
    if (second === '' || second.startsWith('-')) return {kind: 'topic', id: first}
    throw unknownCommand(config, `${first} ${second}`, words, first)
  }
  throw unknownCommand(config, first, words)
}

/** @param words as typed, of which `typed` are the first */
function unknownCommand(config: Config, typed: string, words: readonly string[], topic?: string): Error {
  const {bin} = config
  const names = config.commands.map(({id}) => id.replaceAll(':', ' '))
  const candidates =
    topic === undefined
      ? [...names, ...config.topics.map(({name}) => name)]
      : names.filter((name) => name.startsWith(`${topic} `))
  const meant = nearest(typed, candidates)
  return usageError(`${bin} has no command "${typed}".`, [
    ...(meant === undefined
      ? []
      : [suggest`Did you mean: ${command(meant, ...words.slice(typed.split(' ').length))}`]),
    topic === undefined
      ? suggest`All commands: ${command('--help')}`
      : suggest`All commands: ${command(topic, '--help')}`,
  ])
}

function misplacedFlag(config: Config, words: readonly string[]): Error {
  const {bin} = config
  const at = words.findIndex((word) => config.findCommand(word) !== undefined)
  if (at === -1) {
    return usageError(`${bin} itself has no flag ${words[0]}; type a command first.`, [
      suggest`All commands: ${command('--help')}`,
    ])
  }
  const ordered = [...words.slice(0, at), ...words.slice(at + 1)]
  return usageError(`Put ${words[0]} after the command.`, [
    suggest`Type: ${command(words[at] ?? '', ...ordered)}`,
  ])
}
