import {mkdir} from 'node:fs/promises'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {Cli} from '../support/cli.ts'
import {capitals} from '../support/worker-folder.ts'

const LONG = 120_000

test('a forecast needs no pipeline and starts no local cloud', async () => {
  await using cli = await Cli.create()
  const {exitCode, stdout} = await cli.run(['cost', '--files', '1000', '--size', '5Mi', '--per', 'month'])
  expect(exitCode).toBe(0)
  expect(stdout).toContain('An estimate, not an invoice')
  expect(stdout).toMatch(/^total +\$0\.32 +-\$0\.07 +\$0\.25$/m)
  expect(await cli.localCloudPid()).toBeUndefined()
})

test.each([
  [['--files', '5', '--size', '5MB'], '--size is "5MB"'],
  [['--files', '5', '--seconds', '0'], '--seconds is "0"'],
  [['--files', '-1'], '--files'],
  [['--files', '5', '--per', 'year'], '--per is "year"; it must be one of: day, week, month.'],
  [['--files', '5', '--since', '1d'], 'give one of them'],
  [['--size', '5Mi'], '--files'],
])('wrong usage: cost %j', async (args, text) => {
  await using cli = await Cli.create()
  const {exitCode, stdout, stderr} = await cli.run(['cost', ...args])
  expect(stderr).toContain(text)
  expect([exitCode, stdout]).toEqual([2, ''])
})

test(
  'what a pipeline did here is measured: deliveries, an execution of at least a minute, objects',
  async () => {
    await using cli = await Cli.create()
    await mkdir(join(cli.folder, 'worker'))
    await cli.write('worker/processor.js', capitals('loud '))
    await cli.write(
      'cloud-runner.json',
      JSON.stringify({worker: './worker', jobThreshold: '1Ki', versioning: true}),
    )
    await cli.write('small.txt', 'small')
    await cli.write('large.txt', 'large'.repeat(1000))
    expect((await cli.run(['cost'])).stderr).toContain('cloud-runner setup')
    await cli.json(['setup'])
    const quiet = await cli.json(['cost'])
    await cli.json(['upload', 'small.txt', 'large.txt', '--wait'])

    const after = await cli.json(['cost', '--since', '1h'])
    expect(numberAt(after, 'measured', 'requests') - numberAt(quiet, 'measured', 'requests')).toBe(2)
    // Both files and both results, at least.
    expect(numberAt(after, 'measured', 'objects')).toBeGreaterThanOrEqual(4)
    expect(after).toMatchObject({
      measured: {executions: 1},
      bill: {
        lines: expect.arrayContaining([expect.objectContaining({item: 'Cloud Run job, CPU', quantity: 60})]),
      },
    })
    await cli.write('small.txt', 'again')
    await cli.json(['upload', 'small.txt', '--wait'])
    const versioned = await cli.json(['cost', '--since', '1h'])
    expect(numberAt(versioned, 'measured', 'objects') - numberAt(after, 'measured', 'objects')).toBe(1)
    const {stdout} = await cli.run(['cost'])
    expect(stdout).toContain('would have cost on Google Cloud')
    expect((await cli.run(['plan'])).stdout).toMatch(
      /Estimated monthly cost on Google Cloud: \$0\.00 without files/,
    )
    await cli.json(['destroy', '--confirm', 'cloud-runner'])
  },
  LONG,
)

function numberAt(json: Record<string, unknown>, ...path: readonly string[]): number {
  return Number(path.reduce<unknown>((value, key) => Object(value)[key], json))
}
