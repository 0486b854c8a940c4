import {mkdir} from 'node:fs/promises'
import {join} from 'node:path'
import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import {Cli} from '../support/cli.ts'
import {capitals} from '../support/worker-folder.ts'

// One pipeline through its deployments, as processes, in the order of the tests.
let cli: Cli

beforeAll(async () => {
  cli = await Cli.create()
  await mkdir(join(cli.folder, 'worker'))
  await cli.write('cloud-runner.json', JSON.stringify({worker: './worker', jobThreshold: '4Ki'}))
  await cli.write('small.txt', 'small')
  await cli.write('large.txt', 'large '.repeat(1000))
  await cli.write('worker/processor.js', capitals('one '))
  await cli.json(['setup'])
})

afterAll(async () => {
  await cli[Symbol.asyncDispose]()
})

/** The text of a file's result. */
async function resultOf(object: string): Promise<string> {
  return (await cli.run(['results', object, '--output', '-'])).stdout
}

describe('deploy', () => {
  test('all at once: the next file is done by it', async () => {
    await cli.write('worker/processor.js', capitals('two '))
    const {stdout, exitCode} = await cli.run(['deploy'])
    expect(stdout).toMatch(/^Revision cloud-runner-00002-\w+ \(sha256:\w+\) has the traffic, instead of/)
    expect(exitCode).toBe(0)
    expect((await cli.run(['upload', 'small.txt', '--wait'])).exitCode).toBe(0)
    expect(await resultOf('small.txt')).toBe('two SMALL')
  })

  test('--canary, then --promote; revisions shows both', async () => {
    await cli.write('worker/processor.js', capitals('three '))
    const canary = await cli.run(['deploy', '--canary', '10', '--tag', 'next'])
    expect(canary.stdout).toMatch(
      /is a canary\. Traffic: cloud-runner-00002-\w+ 90 %, cloud-runner-00003-\w+ 10 %/,
    )
    expect(canary.stdout).toMatch(/^It answers at http:\/\/127\.0\.0\.1:\d+ \(tag next\)\.$/m)
    const listed = await cli.run(['revisions'])
    expect(listed.stdout).toMatch(/^cloud-runner-00003-\w+ .* 10 % +next +tried only$/m)

    const promoted = await cli.json(['deploy', '--promote'])
    expect(promoted).toMatchObject({unchanged: false, service: {tried: []}})
  })

  test('rollback goes back', async () => {
    const back = await cli.run(['rollback'])
    expect(back.stdout).toMatch(/^Revision cloud-runner-00002-\w+ \(.*\) has the traffic again, instead of/)
    const status = await cli.run(['status', '--json'])
    expect(status.stdout).toMatch(/"revision": "cloud-runner-00002-/)
  })
})

describe('a file again', () => {
  test('a large one goes to a job, by the revision that serves', async () => {
    const {exitCode} = await cli.run(['upload', 'large.txt', '--wait'])
    expect(exitCode).toBe(0)
    expect(await resultOf('large.txt')).toMatch(/^two LARGE LARGE/)
    expect((await cli.run(['logs', 'large.txt'])).stdout).toMatch(
      /handed over to execution cloud-runner-job-/,
    )
  })

  test('reprocess repeats it with the current worker', async () => {
    await cli.write('worker/processor.js', capitals('four '))
    await cli.json(['deploy'])
    const {stdout, exitCode} = await cli.run(['reprocess', 'small.txt', 'large.txt', '--wait'])
    expect([exitCode, stdout]).toEqual([0, expect.stringMatching(/^2 files sent to be processed again\.$/m)])
    expect([await resultOf('small.txt'), (await resultOf('large.txt')).slice(0, 10)]).toEqual([
      'four SMALL',
      'four LARGE',
    ])
  })

  test('redrive sends a dead letter back', async () => {
    const {files} = await cli.json(['status', 'small.txt'])
    const generation = /"generation":"(\d+)"/.exec(JSON.stringify(files))?.[1] ?? ''
    const {endpoint} = await cli.json(['local', 'status'])
    const attributes = {
      eventType: 'OBJECT_FINALIZE',
      bucketId: 'cloud-runner-local-cloud-runner-input',
      objectId: 'small.txt',
      objectGeneration: generation,
      'reprocess-id': 'by-hand',
      CloudPubSubDeadLetterSourceDeliveryCount: '5',
    }
    const topic = 'v1/projects/cloud-runner-local/topics/cloud-runner-dead-letter'
    const body = JSON.stringify({messages: [{data: '', attributes}]})
    await fetch(`${String(endpoint)}/${topic}:publish`, {method: 'POST', body})

    const {stdout, exitCode} = await cli.run(['redrive', 'small.txt', '--wait'])
    expect([exitCode, stdout]).toEqual([0, expect.stringMatching(/^1 file sent back to the worker\.$/m)])
    const unknown = await cli.run(['redrive', 'small.txt'])
    expect([unknown.exitCode, unknown.stderr]).toEqual([
      1,
      expect.stringContaining('cloud-runner reprocess small.txt'),
    ])
  })
})

test.each([
  [['reprocess'], '--failed'],
  [['deploy', '--canary', '10', '--promote'], 'promote'],
  [['deploy', '--tag', 'Not A Tag'], '--tag next'],
])('%j is wrong usage, and says what to type', async (args, hint) => {
  const {exitCode, stderr, stdout} = await cli.run(args)
  expect([exitCode, stdout, stderr]).toEqual([2, '', expect.stringContaining(hint)])
})

test('destroy leaves nothing', async () => {
  const destroyed = await cli.json(['destroy', '--confirm', 'cloud-runner'])
  expect(destroyed).toMatchObject({left: [], localCloudRemoved: true})
})
