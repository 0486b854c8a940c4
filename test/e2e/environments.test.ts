import {mkdir, readdir, readFile, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {Storage} from '@google-cloud/storage'
import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import {Cli, parseObject} from '../support/cli.ts'
import {startLocalCloudProcess} from '../support/local-cloud-process.ts'
import {NO_PROVIDER, providerConfig, unless} from '../support/terraform.ts'
import {capitals} from '../support/worker-folder.ts'

// A pipeline in two environments, as processes, in the order of the tests: neither reaches the other.
const LONG = 240_000
let cli: Cli

const DECLARED = {
  worker: './worker',
  environments: {staging: {maxInstances: 1}, production: {protected: true}},
}

beforeAll(async () => {
  cli = await Cli.create()
  await mkdir(join(cli.folder, 'worker'))
  await cli.write('worker/processor.js', capitals('first '))
  await cli.write('small.txt', 'small')
  await cli.write('cloud-runner.json', JSON.stringify(DECLARED))
})

afterAll(async () => {
  await cli[Symbol.asyncDispose]()
})

const settings = async (): Promise<unknown> =>
  JSON.parse(await readFile(join(cli.folder, 'cloud-runner.json'), 'utf8'))

const run = (...args: readonly string[]): Promise<string> => cli.text(args)

/** What a pipeline makes of a file now. */
async function resultOf(env: string): Promise<string> {
  await run('upload', 'small.txt', '--wait', '--env', env)
  return run('results', 'small.txt', '--output', '-', '--env', env)
}

/** Wrong usage. @returns what is said about it */
async function refused(...args: readonly string[]): Promise<string> {
  const {exitCode, stdout, stderr} = await cli.run(args)
  expect([exitCode, stdout]).toEqual([2, ''])
  return stderr
}

test('without a choice, a change names the choices and what to type; nothing is started', async () => {
  const said = await refused('setup', '--max-instances', '2')
  expect(said).toContain('cloud-runner-staging, cloud-runner-production')
  expect(said).toContain('Type: cloud-runner setup --max-instances 2 --env staging')
  expect(said).toContain('or: cloud-runner setup --max-instances 2 --env production')
  expect(await refused('deploy', '--env', 'stagign')).toContain('Did you mean --env staging?')
  expect(await refused('deploy', '--env', '')).toContain('--env is empty')
  expect(await readdir(cli.folder)).not.toContain('.cloud-runner')
  expect(await settings()).toEqual(DECLARED)
})

test('init sets the worker of the pipeline, not of an environment', async () => {
  const cwd = join(cli.folder, 'new')
  await mkdir(cwd)
  const {environments} = DECLARED
  await writeFile(join(cwd, 'cloud-runner.json'), JSON.stringify({environments}))
  await cli.json(['init', 'totals', '--env', 'staging'], {cwd})
  expect(JSON.parse(await readFile(join(cwd, 'cloud-runner.json'), 'utf8'))).toEqual({
    environments,
    worker: './totals',
  })
})

test('several pipelines in several environments, none of which is the file’s own: each is named', async () => {
  const cwd = join(cli.folder, 'several')
  await mkdir(cwd)
  const {environments} = DECLARED
  await writeFile(
    join(cwd, 'cloud-runner.json'),
    JSON.stringify({pipelines: {invoices: {}, images: {}}, environments}),
  )
  const said = async (...args: readonly string[]) => {
    const {exitCode, stderr} = await cli.run(args, {cwd})
    expect(exitCode).toBe(2)
    return [...stderr.matchAll(/cloud-runner (?:upload|deploy) .*/g)].map(([line]) => line)
  }
  expect(await said('upload', '--', '-x.txt')).toEqual([
    'cloud-runner upload --pipeline invoices --env staging -- -x.txt',
    'cloud-runner upload --pipeline invoices --env production -- -x.txt',
    'cloud-runner upload --pipeline images --env staging -- -x.txt',
    'cloud-runner upload --pipeline images --env production -- -x.txt',
  ])
  expect(await said('deploy', '--env', 'production')).toEqual([
    'cloud-runner deploy --env production --pipeline invoices',
    'cloud-runner deploy --env production --pipeline images',
  ])
  expect(await said('deploy', '--pipeline', 'images')).toHaveLength(2)
  expect(await cli.json(['local', 'status'], {cwd})).toMatchObject({running: false})
  await cli.json(['init', 'scans'], {cwd})
  expect(JSON.parse(await readFile(join(cwd, 'cloud-runner.json'), 'utf8'))).toEqual({
    pipelines: {invoices: {}, images: {}, scans: {worker: './scans'}},
    environments,
  })
})

test(
  'settings that come with --env are saved for that environment; the next steps name it',
  async () => {
    const set = await run('setup', '--env', 'staging', '--concurrency', '2')
    expect(set).toContain('gs://cloud-runner-local-cloud-runner-staging-input')
    expect(set).toContain('Next: cloud-runner upload --env staging FILE --wait')
    expect(await settings()).toEqual({
      ...DECLARED,
      environments: {staging: {maxInstances: 1, concurrency: 2}, production: {protected: true}},
    })
  },
  LONG,
)

test(
  'a protected environment needs the name before setup, deploy and rollback',
  async () => {
    const said = await refused('setup', '--env', 'production')
    expect(said).toContain('Environment production is protected')
    expect(said).toContain('Type: cloud-runner setup --env production --confirm cloud-runner-production')
    const name = 'cloud-runner-production'
    expect(await refused('setup', '--env', 'production', '--confirm', 'cloud-runner-staging')).toContain(
      `the name is "${name}"`,
    )
    await run('setup', '--env', 'production', '--confirm', name)
    for (const command of ['deploy', 'rollback', 'destroy'])
      expect(await refused(command, '--env', 'production')).toContain(
        `${command} --env production --confirm ${name}`,
      )
    expect(await refused('rollback', '--env', 'staging', '--confirm', name)).toContain('the name is')
  },
  LONG,
)

test(
  'publishing staging leaves production as it is',
  async () => {
    await cli.write('worker/processor.js', capitals('second '))
    await run('deploy', '--env', 'staging')
    expect([await resultOf('staging'), await resultOf('production')]).toEqual(['second SMALL', 'first SMALL'])
  },
  LONG,
)

test(
  'commands that only look show all, by name in JSON',
  async () => {
    const text = await run('status')
    expect(text).toMatch(/^cloud-runner-staging\npipeline {2}cloud-runner-staging, ready$/m)
    expect(text).toMatch(/^cloud-runner-production\npipeline {2}cloud-runner-production, ready$/m)
    for (const command of ['status', 'doctor', 'plan', 'revisions', 'logs']) {
      const {pipelines} = await cli.json([command])
      expect(Object.keys(Object(pipelines))).toEqual(['cloud-runner-staging', 'cloud-runner-production'])
    }
    expect(await cli.json(['status', '--env', 'staging'])).toMatchObject({
      pipeline: {name: 'cloud-runner-staging'},
    })
    const environment = {CLOUD_RUNNER_ENV: 'production'}
    expect(await cli.json(['status'], {environment})).toMatchObject({
      pipeline: {name: 'cloud-runner-production'},
    })
  },
  LONG,
)

test(
  'the failure of one does not hide the others, and is the exit code',
  async () => {
    await writeFile(
      join(cli.folder, 'cloud-runner.json'),
      JSON.stringify({...DECLARED, environments: {...DECLARED.environments, later: {}}}),
    )
    const {exitCode, stdout} = await cli.run(['status', '--json'])
    expect(exitCode).toBe(1)
    expect(parseObject(stdout)['pipelines']).toMatchObject({
      'cloud-runner-staging': {pipeline: {ready: true}},
      'cloud-runner-later': {
        error: {suggestions: [expect.stringContaining('cloud-runner setup --env later')]},
      },
    })
  },
  LONG,
)

test(
  'each is destroyed by itself, with the last one the local cloud',
  async () => {
    await run('destroy', '--env', 'staging', '--confirm', 'cloud-runner-staging')
    expect(await resultOf('production')).toBe('first SMALL')
    expect(
      await cli.json(['destroy', '--env', 'production', '--confirm', 'cloud-runner-production']),
    ).toMatchObject({localCloudRemoved: true})
  },
  LONG,
)

describe.skipIf(NO_PROVIDER !== undefined)(`with Terraform${unless(NO_PROVIDER)}`, () => {
  const PROJECT = 'my-project-123'

  test(
    'each environment has a state of its own, also below one prefix; staging changes nothing of production',
    async () => {
      await using gcp = await Cli.create()
      await mkdir(join(gcp.folder, 'google'))
      await using google = await startLocalCloudProcess(join(gcp.folder, 'google'), undefined, [PROJECT])
      const environment = {
        CLOUD_RUNNER_GOOGLE_ENDPOINT: google.endpoint,
        TF_CLI_CONFIG_FILE: providerConfig(join(gcp.folder, 'google')),
      }
      await gcp.write(
        'cloud-runner.json',
        JSON.stringify({
          project: PROJECT,
          state: 'gs://my-project-123-state/pipelines',
          environments: {staging: {}, production: {protected: true}},
        }),
      )
      const states = new Storage({apiEndpoint: google.endpoint, projectId: PROJECT}).bucket(
        'my-project-123-state',
      )
      /** Generations of the states, by name. */
      const generations = async () => {
        const [files] = await states.getFiles()
        return Object.fromEntries(files.map(({name, metadata}) => [name, String(metadata.generation)]))
      }
      const production = 'pipelines/cloud-runner-production/default.tfstate'
      const staging = 'pipelines/cloud-runner-staging/default.tfstate'

      await gcp.json(['setup', '--env', 'production', '--confirm', 'cloud-runner-production', '--yes'], {
        environment,
      })
      const first = await generations()
      expect(Object.keys(first)).toEqual([production])
      await gcp.json(['setup', '--env', 'staging', '--yes'], {environment})
      await gcp.json(['setup', '--env', 'staging', '--max-instances', '3', '--yes'], {environment})
      const second = await generations()
      expect(Object.keys(second)).toEqual([production, staging])
      expect(second[production]).toBe(first[production])
      expect((await readdir(join(gcp.folder, '.cloud-runner', 'gcp', PROJECT))).toSorted()).toEqual([
        'cloud-runner-production',
        'cloud-runner-staging',
      ])
      expect(await gcp.json(['plan', '--env', 'production'], {environment})).toMatchObject({changes: 0})
      await gcp.json(['destroy', '--env', 'staging', '--confirm', 'cloud-runner-staging'], {environment})
      expect((await generations())[production]).toBe(first[production])
      expect(await gcp.json(['doctor', '--env', 'production'], {environment})).toMatchObject({failed: 0})
    },
    LONG * 2,
  )
})
