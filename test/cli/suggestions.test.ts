import {globSync, readFileSync} from 'node:fs'
import {join} from 'node:path'
import {Config, Parser, settings} from '@oclif/core'
import {expect, test} from 'vitest'
import {selectionFor} from '../../src/cli/selection.ts'
import {
  again,
  command,
  commandFor,
  commandsIn,
  NOTHING_TYPED,
  rendererWith,
  suggest,
  synopsis,
} from '../../src/core/suggestion.ts'
import {
  commandsInProse,
  repeatedFlags,
  suggestedCommands,
  type Suggested,
} from '../support/suggested-commands.ts'

const root = join(import.meta.dirname, '..', '..')
settings.enableAutoTranspile = false
const pjson = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const config = await Config.load({
  root,
  ignoreManifest: true,
  pjson: {...pjson, oclif: {...pjson.oclif, commands: './src/commands'}},
})
const verbs = config.commands.map(({id}) => id.replaceAll(':', ' '))

/** The local cloud is a product in itself: its few suggestions are text. Scripts for a shell suggest nothing. */
const files = globSync('src/**/*.ts', {cwd: root}).filter(
  (file) => !/^src.(?:local-cloud|report-page|cli.completion.scripts)/.test(file),
)
const sources = files.map((file) => ({file, source: readFileSync(join(root, file), 'utf8')}))

/** These ask before a worker replaces another one, and suggest what was typed with `--yes`. */
const ASKING = ['setup', 'deploy', 'dev', 'demo']

/** Valid values of flags that check theirs. */
const VALUES: ReadonlyMap<string | undefined, string> = new Map([
  ['--billing-account', '012345-6789AB-CDEF01'],
  ['--ci', 'github'],
])

/** Why a suggestion is not a command of this program. */
async function faultsOf({verb, args}: Suggested): Promise<string[]> {
  const faults = await Promise.all(
    (verb === undefined ? ASKING : [verb]).map(async (name) => {
      const found = config.findCommand(name.replaceAll(' ', ':'))
      if (!found) return `no command ${name}`
      const {args: operands, flags, baseFlags, strict} = await found.load()
      const typed = args
        .filter((arg) => arg !== '--help')
        .map((arg, index) => VALUES.get(args[index - 1]) ?? arg)
      return Parser.parse(typed, {args: operands, flags: {...baseFlags, ...flags}, strict}).then(
        () => [],
        (error: unknown) => `${name} ${args.join(' ')}: ${String(error)}`,
      )
    }),
  )
  return faults.flat()
}

test('every suggested command is one of this program, with flags and arguments that it takes', async () => {
  const suggested = sources
    .flatMap(({source}) => suggestedCommands(source))
    .filter(({verb}) => verb !== '--help')
  expect(suggested.length).toBeGreaterThan(100)
  expect((await Promise.all(suggested.map(faultsOf))).flat()).toEqual([])
})

test('only the question about a replaced worker and wrong usage suggest a command known at run time', () => {
  const open = sources.filter(({source}) => suggestedCommands(source).some(({verb}) => verb === undefined))
  expect(open.map(({file}) => file)).toEqual(
    ['consent.ts', 'dispatch.ts', 'usage-error.ts'].map((file) => join('src', 'cli', file)),
  )
})

test('flags to add to the typed command are flags of this program', () => {
  const known = config.commands.flatMap(({flags}) => Object.keys(flags).map((name) => `--${name}`))
  const repeated = sources.flatMap(({source}) => repeatedFlags(source))
  expect(repeated.length).toBeGreaterThan(4)
  expect(known).toEqual(expect.arrayContaining(repeated))
})

test('no text names a command that could not get the flags of the pipeline', () => {
  expect(sources.flatMap(({source}) => commandsInProse(source, verbs))).toEqual([])
})

test.each([
  ["command('stauts')", 'no command stauts'],
  ["command('status', '--all')", 'status --all'],
  ["command('setup', ...(quick ? ['--fast'] : []))", 'setup --fast'],
  ["command('rollback', revision, 'now')", 'rollback 1 now'],
  ["command('deploy', '--builder', isHere ? 'docker' : 'podman')", 'deploy --builder podman'],
  ["command('local start', '--port', 'PORT')", 'local start --port PORT'],
  ["commandFor('model', object)", 'no command model'],
])('a wrong suggestion is found: %s', async (call, fault) => {
  const faults = await Promise.all(suggestedCommands(`suggest\`Try: \${${call}}\``).map(faultsOf))
  expect(faults.flat()).toEqual([expect.stringContaining(fault)])
})

test.each([
  "['Make it: cloud-runner setup']",
  '`cloud-runner model export ${object}`',
  '`Try ${this.config.bin} setup`',
])('a command in prose is found: %s', (text) => expect(commandsInProse(text, verbs)).toHaveLength(1))

test('a command names the pipeline that was typed, unless it names another; before what a name could hide', () => {
  const typed = {target: 'gcp', project: 'p-1', pipeline: 'two', json: true}
  const render = rendererWith({...NOTHING_TYPED, selection: (suggested) => selectionFor(suggested, typed)})
  expect(render(suggest`Create it: ${command('setup')}, then ${command('status')}.`)).toBe(
    'Create it: cloud-runner setup --target gcp --project p-1 --pipeline two, then cloud-runner status --target gcp --project p-1 --pipeline two.',
  )
  expect(render(suggest`${command('setup', '--pipeline', 'NAME', '--target=local')}`)).toBe(
    'cloud-runner setup --project p-1 --pipeline NAME --target=local',
  )
  expect(render(suggest`${commandFor('logs', '--pipeline')}`)).toBe(
    'cloud-runner logs --target gcp --project p-1 --pipeline two -- --pipeline',
  )
  expect(render('Try again.')).toBe('Try again.')
})

test('commands as data: the typed one with a flag more, and none with words to fill in', () => {
  const suggestions = [
    suggest`Overwrite it: ${again('--force')}`,
    suggest`Or: ${synopsis('results', 'OBJECT')}, ${command('model export', 'x')}`,
    'Try again.',
  ]
  const typed = {...NOTHING_TYPED, repeat: (flags: readonly string[]) => command('report', 'a b', ...flags)}
  expect(commandsIn(suggestions, typed)).toEqual([
    ['cloud-runner', 'report', 'a b', '--force'],
    ['cloud-runner', 'model', 'export', 'x'],
  ])
  expect(suggestions.map(rendererWith(typed))).toEqual([
    "Overwrite it: cloud-runner report 'a b' --force",
    'Or: cloud-runner results OBJECT, cloud-runner model export x',
    'Try again.',
  ])
})
