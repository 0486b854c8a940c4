import {readFile, rm, symlink, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {execa} from 'execa'
import {expect, onTestFinished, test} from 'vitest'
import {Cli, parseObject} from '../support/cli.ts'
import {missing} from '../support/tool.ts'

const NO_PYTHON = missing('python3')

/** Of the sample of each template. */
const TOTALS = [1.5, 2.75, 7.96]
const ROOT = join(import.meta.dirname, '../..')

async function createCli(): Promise<Cli> {
  const cli = await Cli.create()
  onTestFinished(() => cli[Symbol.asyncDispose]())
  return cli
}

/** From a folder that holds nothing to a result, with the commands that `init` prints. @returns the totals in the result */
async function walk(
  cli: Cli,
  template: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<unknown[]> {
  const made = await cli.run(['init', 'totals', '--template', template], {environment})
  const typed = [...made.stdout.matchAll(/^ {2}cloud-runner (.*?)(?: {2}.*)?$/gm)].map(([, line = '']) =>
    line.split(' '),
  )
  expect(typed.map(([command]) => command)).toEqual(['setup', 'upload', 'results', 'dev'])
  let result = ''
  for (const args of typed.slice(0, 3)) {
    const {exitCode, stdout, stderr} = await cli.run(args, {environment})
    expect(exitCode, `${args.join(' ')}\n${stderr}`).toBe(0)
    result = stdout
  }
  return result
    .trim()
    .split('\n')
    .map((line) => parseObject(line)['total'])
}

test('the template typescript: from init to a result; its own tests pass, and it type-checks', async () => {
  const cli = await createCli()
  expect(await walk(cli, 'typescript')).toEqual(TOTALS)
  const folder = join(cli.folder, 'totals')
  const tested = await execa(process.execPath, ['--test'], {cwd: folder, reject: false, all: true})
  expect(tested.all).toContain('pass 2')
  await symlink(join(ROOT, 'node_modules', '@types'), join(folder, 'node_modules', '@types'))
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')
  const types = await execa(process.execPath, [tsc, '-p', folder], {reject: false, all: true})
  expect([types.exitCode, types.all]).toEqual([0, ''])

  // npm removes the link to the package when it installs others; a deployment puts it back.
  await rm(join(folder, 'node_modules'), {recursive: true})
  await cli.json(['deploy'])
  const again = await execa(process.execPath, ['--test'], {cwd: folder, reject: false, all: true})
  expect(again.all).toContain('pass 2')

  // A bad file is reported with its line.
  await cli.write('bad.jsonl', '{"quantity": 1, "price": 1}\n{"quantity": "many"}\n')
  const failed = await cli.run(['upload', 'bad.jsonl', '--wait', '--json'])
  expect(failed.exitCode).toBe(3)
  expect(parseObject(failed.stdout)).toMatchObject({
    files: [{object: 'bad.jsonl', state: 'failed', error: {code: 'not-an-order', line: 2}}],
  })
}, 120_000)

test.skipIf(NO_PYTHON !== undefined)(
  `the template python: from init to a result, without docker${NO_PYTHON ?? ''}`,
  async () => {
    const cli = await createCli()
    const environment = {DOCKER_HOST: 'unix:///nowhere/docker.sock'}
    expect(await walk(cli, 'python', environment)).toEqual(TOTALS)
    await cli.run(['destroy', '--confirm', 'cloud-runner'], {environment})
  },
  180_000,
)

test('init overwrites nothing, and reports what it created as JSON', async () => {
  const cli = await createCli()
  const made = await cli.json(['init', '--template', 'python'])
  expect(made).toMatchObject({
    folder: join(cli.folder, 'worker'),
    template: 'python',
    needsDocker: false,
    settings: {file: join(cli.folder, 'cloud-runner.json'), named: true},
  })
  const again = await cli.run(['init'])
  expect([again.exitCode, again.stdout]).toEqual([1, ''])
  expect(again.stderr).toContain(
    'is not empty: it contains Dockerfile, README.md, cloud-runner.worker.json, main.py',
  )
  const unknown = await cli.run(['init', 'other', '--template', 'cobol'])
  expect(unknown.exitCode).toBe(2)
  expect(unknown.stderr).toContain('it must be one of: typescript, python, container.')
})

test('dev: serves, deploys what is saved, keeps what cannot be built out, and stops what it started', async () => {
  const cli = await createCli()
  await cli.json(['init'])
  const running = cli.start(['dev'])
  await running.shows(/ready: cloud-runner-00001-/)
  const file = join(cli.folder, 'worker', 'processor.ts')
  const source = await readFile(file, 'utf8')
  const sees = (text: string | RegExp) => running.shows(text)

  const told = sees(/processor\.ts changed[^]*ready: cloud-runner-00002-/)
  await writeFile(file, source.replace('...order, total', '...order, total, version: 2'))
  await told
  const uploaded = sees(/file\s+sample\.jsonl done/)
  const {exitCode} = await cli.run(['upload', 'worker/sample.jsonl', '--wait'])
  expect(exitCode).toBe(0)
  await uploaded
  expect((await cli.run(['results', 'sample.jsonl', '--output', '-'])).stdout).toContain('"version":2')

  const refused = sees(/not deployed: [^]*processor\.ts:\d+:\d+: [^]*cloud-runner-00002-\w+ keeps serving\./)
  await writeFile(file, `${source}\n]`)
  await refused

  running.kill('SIGINT')
  const ended = await running.ended
  expect([ended.exitCode, ended.stderr.includes('Error')]).toEqual([130, false])
  expect(ended.stdout).toContain('Added up 3 orders')
  expect(await cli.json(['local', 'status'])).toMatchObject({running: false})
}, 120_000)

test('dev --json: a line per event; a local cloud that was running keeps running', async () => {
  const cli = await createCli()
  await cli.json(['init'])
  await cli.json(['local', 'start'])
  const running = cli.start(['dev', '--json'])
  await running.shows('"event":"ready"')
  running.kill('SIGTERM')
  const {exitCode, stdout} = await running.ended
  expect(exitCode).toBe(143)
  const events = stdout
    .trim()
    .split('\n')
    .map((line) => parseObject(line)['event'])
  expect(events.slice(0, 2)).toEqual(['building', 'ready'])
  expect(await cli.json(['local', 'status'])).toMatchObject({running: true})
}, 60_000)

test('dev on Google Cloud, or with a missing worker, fails at once', async () => {
  const cli = await createCli()
  const google = await cli.run(['dev', '--target', 'gcp', '--project', 'my-project-123'])
  expect([google.exitCode, google.stdout]).toEqual([2, ''])
  expect(google.stderr).toContain('cloud-runner deploy')
  const nowhere = await cli.run(['dev'], {environment: {CLOUD_RUNNER_WORKER: './nowhere'}})
  expect(nowhere.exitCode).toBe(1)
  expect(nowhere.stderr).toContain('cloud-runner init')
})
