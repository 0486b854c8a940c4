import {globSync, readFileSync} from 'node:fs'
import {join} from 'node:path'
import {Config, Parser, settings} from '@oclif/core'
import {expect, test} from 'vitest'
import {selectionFor} from '../../src/cli/selection.ts'
import {command, commandFor, rendererWith, suggest} from '../../src/core/suggestion.ts'
import {commandsInProse, suggestedCommands, type Suggested} from '../support/suggested-commands.ts'

const root = join(import.meta.dirname, '..', '..')
settings.enableAutoTranspile = false
const pjson = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const config = await Config.load({
  root,
  ignoreManifest: true,
  pjson: {...pjson, oclif: {...pjson.oclif, commands: './src/commands'}},
})
const verbs = config.commands.map(({id}) => id.replaceAll(':', ' '))

/** The local cloud is a product in itself: its few suggestions are text. */
const files = globSync('src/**/*.ts', {cwd: root}).filter(
  (file) => !/^src.(?:local-cloud|report-page)/.test(file),
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
      const typed = args.map((arg, index) => VALUES.get(args[index - 1]) ?? arg)
      return Parser.parse(typed, {args: operands, flags: {...baseFlags, ...flags}, strict}).then(
        () => [],
        (error: unknown) => `${name} ${args.join(' ')}: ${String(error)}`,
      )
    }),
  )
  return faults.flat()
}

test('every suggested command is one of this program, with flags and arguments that it takes', async () => {
  const suggested = sources.flatMap(({source}) => suggestedCommands(source))
  expect(suggested.length).toBeGreaterThan(100)
  expect((await Promise.all(suggested.map(faultsOf))).flat()).toEqual([])
})

test('only the question about a replaced worker suggests a command known at run time', () => {
  const open = sources.filter(({source}) => suggestedCommands(source).some(({verb}) => verb === undefined))
  expect(open.map(({file}) => file)).toEqual([join('src', 'cli', 'consent.ts')])
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
  const render = rendererWith((suggested) => selectionFor(suggested, typed))
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
