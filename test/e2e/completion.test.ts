import {execFileSync} from 'node:child_process'
import {mkdir, symlink} from 'node:fs/promises'
import {join} from 'node:path'
import {afterAll, beforeAll, expect, test} from 'vitest'
import {BIN, Cli} from '../support/cli.ts'
import {missing} from '../support/tool.ts'

let cli: Cli

beforeAll(async () => {
  cli = await Cli.create()
  await cli.write('totals.csv', 'a,y\n1,0\n2,1\n')
  await cli.write('two [words].csv', 'a,y\n1,0\n2,1\n')
  await cli.json(['setup'])
  await cli.json(['upload', 'totals.csv', 'two [words].csv'])
  await mkdir(join(cli.folder, 'bin'))
  await symlink(BIN, join(cli.folder, 'bin', 'cloud-runner'))
})

afterAll(async () => {
  await cli[Symbol.asyncDispose]()
})

/** What Tab offers after these words, without what it says about them. */
async function offered(...words: readonly string[]): Promise<string[]> {
  const {exitCode, stdout, stderr} = await cli.run(['complete', '--', ...words])
  expect([exitCode, stderr]).toEqual([0, ''])
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\t')[0] ?? '')
}

test.each([
  [['re'], ['redrive', 'report', 'reprocess', 'results', 'revisions']],
  [
    ['local', 'st'],
    ['start', 'status', 'stop'],
  ],
  [['local', 'start', '--po'], ['--port']],
  [
    ['status', '--target', ''],
    ['local', 'gcp'],
  ],
  [['status', '--target=g'], ['--target=gcp']],
  [['status', '--target', '=', 'g'], ['gcp']],
  [['status', '--json', '--js'], []],
  [['logs', '--severity', 'e'], ['error']],
  [
    ['results', ''],
    ['totals.csv', 'two [words].csv'],
  ],
  [['status', 'totals.csv', 'tw'], ['two [words].csv']],
  [['status', '--limit', '5', 'to'], ['totals.csv']],
  [['results', '--output', ''], [':files']],
  [['upload', 'x'], [':files']],
  [
    ['completion', ''],
    ['bash', 'zsh', 'fish'],
  ],
  [['status', '--pipeline', 'c'], ['cloud-runner']],
  [['results', '--pipeline', 'absent', ''], []],
  [['frobnicate', ''], []],
])('%j → %j', async (words, candidates) => {
  expect(await offered(...words)).toEqual(candidates)
})

test('revisions come from the pipeline', async () => {
  const {revisions} = await cli.json(['revisions'])
  expect(await offered('rollback', '')).toEqual([expect.stringMatching(/^cloud-runner-/)])
  expect(revisions).toHaveLength(1)
})

test('declared pipelines and environments', async () => {
  await using other = await Cli.create()
  await other.write(
    'cloud-runner.json',
    JSON.stringify({pipelines: {invoices: {}, images: {}}, environments: {staging: {}, production: {}}}),
  )
  const after = async (flag: string) => (await other.run(['complete', '--', 'status', flag, ''])).stdout
  expect(await after('--pipeline')).toBe('invoices\tpipeline\nimages\tpipeline\n')
  expect(await after('--env')).toBe('staging\tenv\nproduction\tenv\n')
  // Tab starts nothing.
  expect((await other.json(['local', 'status']))['running']).toBe(false)
})

/** A shell that has loaded the script and prints what it offers for `cloud-runner results t`. */
const SESSIONS = {
  bash: `shopt -s failglob
source <(cloud-runner completion bash)
COMP_WORDS=(cloud-runner results t) COMP_CWORD=2
_cloud_runner_complete; printf '%s\\n' "\${COMPREPLY[@]}"`,
  zsh: `autoload -Uz compinit; compinit -u -D
source <(cloud-runner completion zsh)
_describe() { print -l -- "\${(@P)2}" }
words=(cloud-runner results t) CURRENT=3
_cloud_runner_complete`,
  fish: `cloud-runner completion fish | source
complete --do-complete 'cloud-runner results t'`,
}

test.for(Object.entries(SESSIONS))('the script works in %s', ([shell, session], {skip}) => {
  const why = missing(shell)
  skip(why !== undefined, why)
  const said = execFileSync(shell, ['-c', session], {
    cwd: cli.folder,
    encoding: 'utf8',
    env: {
      PATH: `${join(cli.folder, 'bin')}:${process.env['PATH'] ?? ''}`,
      HOME: cli.folder,
      TERM: 'dumb',
    },
  })
  expect(said).toContain('totals.csv')
  expect(said).toMatch(/two.*words.*csv/)
  expect(said).not.toContain('staging')
})
