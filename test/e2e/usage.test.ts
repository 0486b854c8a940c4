import {existsSync} from 'node:fs'
import {join} from 'node:path'
import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import {WRONG_USAGE} from '../fixtures/mistakes.ts'
import {Cli, parseObject} from '../support/cli.ts'

let cli: Cli

beforeAll(async () => {
  cli = await Cli.create()
})

afterAll(async () => {
  await cli[Symbol.asyncDispose]()
})

test('--version says version, platform and Node', async () => {
  const {exitCode, stdout, stderr} = await cli.run(['--version'])
  expect(stdout).toMatch(/^cloud-runner\/\d+\.\d+\.\d+ \S+ node-v\d+\.\d+\.\d+\n$/)
  expect([exitCode, stderr]).toEqual([0, ''])
})

test.each([[[]], [['--help']], [['-h']], [['help']]])('%j shows all commands', async (args) => {
  const {exitCode, stdout, stderr} = await cli.run(args)
  for (const command of ['setup', 'upload', 'status', 'results', 'logs', 'deploy', 'destroy', 'local']) {
    expect(stdout).toMatch(new RegExp(String.raw`^  ${command}\s`, 'm'))
  }
  expect([exitCode, stderr]).toEqual([0, ''])
})

test.each([
  [['upload', '--help'], '--label-column'],
  [['help', 'upload'], '--label-column'],
  [['upload', 'x.csv', '-h'], '--label-column'],
  [['local'], 'local start'],
  [['local', 'start', '--help'], '--port'],
])('%j shows %s', async (args, text) => {
  const {exitCode, stdout} = await cli.run(args)
  expect(stdout).toContain(text)
  expect(exitCode).toBe(0)
})

describe('wrong usage ends with 2, says what is meant, and needs neither state nor local cloud', () => {
  test.each(WRONG_USAGE)('%j → %s', async (args, text) => {
    const {exitCode, stdout, stderr} = await cli.run(args)
    const isJson = args.includes('--json')
    const said = isJson ? stdout : stderr
    expect(said).toContain(text)
    expect(said).not.toContain('this is a bug')
    expect(exitCode).toBe(2)
    expect(isJson ? stderr : stdout).toBe('')
    expect(stderr.trim().split('\n').length).toBeLessThanOrEqual(5)
    expect(existsSync(join(cli.folder, '.cloud-runner'))).toBe(false)
  })

  test('as JSON on standard output', async () => {
    const {exitCode, stdout, stderr} = await cli.run(['upload', 'x.csv', '--nmae', '--json'])
    expect([exitCode, stderr]).toEqual([2, ''])
    expect(parseObject(stdout)['error']).toEqual({
      code: 'usage',
      exitCode: 2,
      message: 'cloud-runner upload has no flag --nmae.',
      suggestions: [
        'Did you mean: cloud-runner upload x.csv --name --json',
        'Usage: cloud-runner upload --help',
      ],
      next: [
        ['cloud-runner', 'upload', 'x.csv', '--name', '--json'],
        ['cloud-runner', 'upload', '--help'],
      ],
    })
  })
})

test('a missing worker is not saved in the settings', async () => {
  const file = join(cli.folder, 'cloud-runner.json')
  const {exitCode, stderr} = await cli.run(['setup', '--worker', './not-there'])
  expect({exitCode, stderr}).toMatchObject({exitCode: 1, stderr: expect.stringContaining('not-there')})
  expect(existsSync(file)).toBe(false)
})

test('a missing file is answered before anything is started', async () => {
  const {exitCode, stdout, stderr} = await cli.run(['upload', 'missing.csv', '--wait'])
  expect([exitCode, stdout]).toEqual([1, ''])
  expect(stderr).toContain('missing.csv')
  expect(existsSync(join(cli.folder, '.cloud-runner'))).toBe(false)
})

describe('without a setup', () => {
  test.each([[['status']], [['results', 'x.csv']], [['logs']], [['deploy']]])(
    '%j says how to',
    async (args) => {
      const {exitCode, stdout, stderr} = await cli.run(args)
      expect([exitCode, stdout]).toEqual([1, ''])
      expect(stderr).toContain('cloud-runner setup')
      expect(existsSync(join(cli.folder, '.cloud-runner'))).toBe(false)
    },
  )

  test('destroy has nothing to do', async () => {
    expect(await cli.json(['destroy', '--confirm', 'cloud-runner'])).toEqual({
      removed: [],
      left: [],
      imagesRemoved: 0,
      localCloudRemoved: false,
      projectDeleted: false,
    })
  })

  test('local status and local stop find nothing, which is not a failure', async () => {
    expect(await cli.json(['local', 'status'])).toMatchObject({running: false})
    expect(await cli.json(['local', 'stop'])).toMatchObject({stopped: false})
    expect(existsSync(join(cli.folder, '.cloud-runner'))).toBe(false)
  })

  test('a project means Google Cloud, which says so; without an account it says how to sign in', async () => {
    const {exitCode, stderr} = await cli.run(['status', '--project', 'my-project-123'])
    expect(exitCode).toBe(1)
    expect(stderr).toContain('target gcp, implied by --project')
    expect(stderr).toContain('Sign in: gcloud auth application-default login')
  })
})

test('DEBUG shows where an error comes from', async () => {
  const {stderr} = await cli.run(['status'], {environment: {DEBUG: '1', CLOUD_RUNNER_MEMORY: 'lots'}})
  expect(stderr).toContain('CLOUD_RUNNER_MEMORY')
  expect(stderr).toMatch(/\n\s+at .*config/)
})
