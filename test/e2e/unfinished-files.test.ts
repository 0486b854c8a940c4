import {mkdir} from 'node:fs/promises'
import {join} from 'node:path'
import {afterAll, beforeAll, expect, test} from 'vitest'
import {Cli, parseObject} from '../support/cli.ts'
import {addFault} from '../support/fault-plan.ts'

/** Throws for a file that says so, never ends for one that hangs, copies the others. */
const WORKER = `export default {
  name: 'moody',
  async process(input, output) {
    let text = ''
    for await (const chunk of await input.open()) text += chunk
    if (text === 'throw') throw new Error('the disk is on fire')
    if (text === 'hang') await new Promise((resolve) => setTimeout(resolve, 600_000))
    await output.write(text)
  },
}\n`

let cli: Cli

beforeAll(async () => {
  cli = await Cli.create()
  await mkdir(join(cli.folder, 'worker'))
  await cli.write('worker/processor.js', WORKER)
  await cli.write(
    'cloud-runner.json',
    '{"worker": "./worker", "minimumBackoff": "0s", "maximumBackoff": "1s", "maxInstances": 4}',
  )
  await cli.json(['setup'])
  for (const name of ['throw', 'hang', 'good']) await cli.write(`${name}.txt`, name)
}, 60_000)

afterAll(async () => {
  await cli[Symbol.asyncDispose]()
})

test('--timeout that runs out says so, as text and as JSON; cancel stops the file, and it is failed', async () => {
  const asked = ['upload', 'hang.txt', '--wait', '--timeout', '1s']
  const {exitCode, stdout} = await cli.run([...asked, '--json'])
  expect(exitCode).toBe(124)
  expect(parseObject(stdout)).toMatchObject({
    files: [{object: 'hang.txt'}],
    timedOut: {
      message: 'The --timeout of 1.0 s expired: hang.txt is not done yet.',
      suggestions: [expect.stringContaining('status hang.txt'), 'Or stop it: cloud-runner cancel hang.txt'],
      unfinished: 1,
    },
  })
  const both = await cli.run(['upload', 'good.txt', 'hang.txt', '--wait', '--timeout', '5s'])
  expect([both.exitCode, both.stderr]).toEqual([
    124,
    expect.stringContaining('expired: 1 of 2 files is not done yet.'),
  ])
  expect(both.stderr).toContain('✖ Wait for 2 results')

  const cancelled = await cli.run(['cancel', 'hang.txt', 'good.txt'])
  expect([cancelled.exitCode, cancelled.stdout]).toEqual([
    0,
    expect.stringContaining('hang.txt is cancelled'),
  ])
  expect(cancelled.stdout).toContain('good.txt is already done: nothing is running for it.')
  const {files} = await cli.json(['status', 'hang.txt'])
  expect(files).toMatchObject([{state: 'failed', error: {code: 'cancelled'}}])
  const results = await cli.run(['results', 'hang.txt'])
  expect([results.exitCode, results.stdout]).toEqual([
    3,
    expect.stringContaining('Process it again: cloud-runner reprocess hang.txt'),
  ])
}, 60_000)

test('a dead letter: results ends with 3 and the reason, and no title above it is marked as done', async () => {
  const waited = await cli.run(['upload', 'throw.txt', '--wait'])
  expect([waited.exitCode, waited.stdout]).toEqual([3, expect.stringMatching(/throw\.txt +dead/)])
  expect(waited.stderr).toContain('✔ Upload 1 file')
  expect(waited.stderr).toContain('✖ Wait for 1 result')
  expect(waited.stderr).not.toContain('✔ Wait')

  const {exitCode, stderr, stdout} = await cli.run(['results', 'throw.txt'])
  expect([exitCode, stdout]).toEqual([3, ''])
  expect(stderr).toMatch(
    /a dead letter: each of 5 attempts failed\.\s+The\s+last\s+attempt: the disk is on fire/,
  )
  expect(stderr).toContain('cloud-runner redrive throw.txt')
  for (const args of [['report'], ['model', 'export']]) {
    const other = await cli.run([...args, 'throw.txt'])
    expect([other.exitCode, other.stderr]).toEqual([3, expect.stringContaining('the disk is on fire')])
  }
}, 60_000)

test('cancel asks above ten files, and reports missing ones', async () => {
  const many = Array.from({length: 11}, (_, file) => `f${file}.txt`)
  const unknown = await cli.run(['cancel', ...many, '--yes', '--json'])
  expect(unknown.exitCode).toBe(1)
  expect(parseObject(unknown.stdout)).toMatchObject({error: {code: 'object-unknown'}})
  await Promise.all(many.map((name) => cli.write(name, 'good')))
  await cli.json(['upload', ...many, '--wait'])
  const asked = await cli.run(['cancel', ...many])
  expect([asked.exitCode, asked.stderr]).toEqual([2, expect.stringContaining('--yes')])
})

test('an upload that is refused has its message as JSON, its suggestions as text, and no mark of success', async () => {
  const {endpoint} = await cli.json(['local', 'status'])
  const refusal = {on: {rpc: 'storage.objects.insert'}, answer: 403, message: 'The bucket is locked.'}
  await addFault(String(endpoint), refusal)
  const asJson = await cli.run(['upload', 'good.txt', '--json'])
  expect(asJson.exitCode).toBe(1)
  expect(parseObject(asJson.stdout)['failed']).toEqual([
    {
      file: 'good.txt',
      object: 'good.txt',
      error: {
        code: 'permission-denied',
        message: expect.stringContaining('The bucket is locked.'),
        suggestions: [expect.any(String)],
      },
    },
  ])
  await addFault(String(endpoint), refusal)
  const asText = await cli.run(['upload', 'good.txt'])
  expect([asText.exitCode, asText.stdout]).toEqual([
    1,
    expect.stringMatching(/not uploaded +good\.txt: .*locked\.\n.*use another account/),
  ])
  expect(asText.stderr).toContain('✖ Upload 1 file')
  expect(asText.stderr).not.toContain('✔')
})
