import {mkdir, readFile, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {afterAll, beforeAll, expect, test} from 'vitest'
import {Cli} from '../support/cli.ts'
import {capitals} from '../support/worker-folder.ts'

// Two pipelines in one folder, as processes, in the order of the tests: neither takes the other over.
const LONG = 120_000
let cli: Cli

beforeAll(async () => {
  cli = await Cli.create()
  await mkdir(join(cli.folder, 'worker'))
  await cli.write('worker/processor.js', capitals('first '))
  await cli.write('small.txt', 'small')
  await cli.json(['setup', '--worker', './worker'])
})

afterAll(async () => {
  await cli[Symbol.asyncDispose]()
})

const settings = async (): Promise<unknown> =>
  JSON.parse(await readFile(join(cli.folder, 'cloud-runner.json'), 'utf8'))

const run = (...args: readonly string[]): Promise<string> => cli.text(args)

/** What a pipeline makes of a file now. */
async function resultOf(...pipeline: readonly string[]): Promise<string> {
  await run('upload', 'small.txt', '--wait', ...pipeline)
  return run('results', 'small.txt', '--output', '-', ...pipeline)
}

/** Nothing was changed, and a person without a terminal learns what to type. */
async function expectAsked(args: readonly string[], words: string, type: string): Promise<void> {
  const before = await settings()
  const {exitCode, stdout, stderr} = await cli.run(args)
  expect([exitCode, stdout]).toEqual([2, ''])
  expect(stderr).toContain(`runs the worker in ./worker. This replaces it with ${words}.`)
  expect(stderr).toContain(`Type: cloud-runner ${type}`)
  expect(await settings()).toEqual(before)
}

test(
  'init advises a pipeline of its own; what it advises leaves the first one alone',
  async () => {
    const made = await run('init', 'thumbs')
    expect(made).toContain('Set as the worker of pipeline thumbs in cloud-runner.json')
    const typed = [...made.matchAll(/^ {2}cloud-runner (.*?)(?: {2}.*)?$/gm)].map(([, line = '']) =>
      line.split(' '),
    )
    expect(typed).toEqual([
      ['setup', '--pipeline', 'thumbs'],
      expect.arrayContaining(['upload', '--pipeline', 'thumbs', 'thumbs/sample.jsonl', '--wait']),
      expect.arrayContaining(['results', '--pipeline', 'thumbs', 'sample.jsonl']),
      ['dev', '--pipeline', 'thumbs'],
    ])
    for (const args of typed.slice(0, 3)) await run(...args)
    expect(await settings()).toEqual({worker: './worker', pipelines: {thumbs: {worker: './thumbs'}}})
    expect(await resultOf()).toBe('first SMALL')
  },
  LONG,
)

test(
  'settings given for the second are kept for it alone; its next steps name it',
  async () => {
    await writeFile(join(cli.folder, 'thumbs', 'processor.ts'), capitals('thumbs '))
    const set = await run('setup', '--pipeline', 'thumbs', '--worker', './thumbs', '--max-instances', '1')
    expect(set).toContain('Next: cloud-runner upload --pipeline thumbs FILE --wait')
    expect(set).toContain('Add --pipeline thumbs to every command')
    expect(await settings()).toEqual({
      worker: './worker',
      pipelines: {thumbs: {worker: './thumbs', maxInstances: 1}},
    })
    await run('deploy', '--pipeline', 'cloud-runner')
    expect([await resultOf(), await resultOf('--pipeline', 'thumbs')]).toEqual([
      'first SMALL',
      'thumbs SMALL',
    ])
  },
  LONG,
)

test(
  'a different worker takes over only where that was agreed to',
  async () => {
    const thumbs = 'the worker in ./thumbs'
    await expectAsked(['setup', '--worker', 'thumbs'], thumbs, 'setup --worker thumbs --yes')
    const packaged = 'the built-in worker'
    await expectAsked(['demo'], packaged, 'demo --yes')
    expect(await resultOf()).toBe('first SMALL')

    await cli.write('worker/processor.js', capitals('second '))
    await run('deploy')
    expect(await resultOf()).toBe('second SMALL')

    await run('setup', '--worker', 'thumbs', '--yes')
    expect(await resultOf()).toBe('thumbs SMALL')
    expect(await settings()).toMatchObject({worker: './thumbs'})
  },
  LONG,
)

test(
  'what serves counts, not what was deployed last',
  async () => {
    await run('rollback')
    expect(await resultOf()).toBe('second SMALL')
    await expectAsked(['deploy', '--canary', '10'], 'the worker in ./thumbs', 'deploy --canary 10 --yes')
  },
  LONG,
)

test(
  'both go, and nothing stays',
  async () => {
    await cli.json(['destroy', '--confirm', 'thumbs', '--pipeline', 'thumbs'])
    expect(await cli.json(['destroy', '--confirm', 'cloud-runner'])).toMatchObject({localCloudRemoved: true})
  },
  LONG,
)
