import {mkdir, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {Cli} from '../support/cli.ts'
import {listFiles, processAll, type Run, SETTINGS, setupNight, TROUBLE, WORKER} from '../support/night.ts'

/** What `status` says about each, and with it the command that helps. */
const REASONS: Readonly<Record<string, RegExp>> = {
  'files/bad.txt': /Not a file for this worker/,
  'files/throw.txt': /thrown on purpose/,
  'files/exit.txt': /exit\(7\)/,
  'files/memory.txt': /[Mm]emory limit/,
  'files/hang.txt': /not done within|running/,
  'files/spin.txt': /event loop/,
}

/** What becomes of each in the end. */
const ENDED = [
  'files/bad.txt failed',
  'files/exit.txt dead',
  'files/hang.txt failed',
  'files/memory.txt dead',
  'files/spin.txt dead',
  'files/throw.txt dead',
]

const runOf =
  (cli: Cli): Run =>
  async (...args) =>
    (await cli.run(args)).stdout

/**
 * The bad files' states, after which the time moves ahead unless one is running, which keeps its time: nothing waits for
 * backoffs, or for the one push a minute that Pub/Sub makes while nothing but bad files is left.
 */
async function later(cli: Cli, duration: string): Promise<string[]> {
  const all = await listFiles(runOf(cli), ...TROUBLE)
  if (!all.some(({state}) => state === 'running')) await cli.json(['local', 'time', 'advance', duration])
  return all.map(({object, state}) => `${object} ${state}`).toSorted()
}

test('a night of 300 files, six of them bad: the others have their results, and each bad one has its reason', async () => {
  await using night = await Cli.create()
  await setupNight(night.folder, TROUBLE, runOf(night))
  await processAll(runOf(night))

  // What hung outlasts its delivery and goes to the job, where it would hang for an hour.
  const hung = async () => (await night.run(['logs', 'files/hang.txt'])).stdout
  await expect.poll(hung, {timeout: 120_000, interval: 2000}).toMatch(/not done within/)
  expect((await night.run(['cancel', 'files/hang.txt', '--yes'])).exitCode).toBe(0)
  await expect.poll(() => later(night, '1m'), {timeout: 400_000, interval: 500}).toEqual(ENDED)
  const reasons: Readonly<Record<string, RegExp>> = {
    'files/bad.txt': /Not a file for this worker/,
    'files/throw.txt': /thrown on purpose/,
    'files/exit.txt': /exit\(7\)/,
    'files/memory.txt': /[Mm]emory limit/,
    'files/hang.txt': /cancel/i,
    'files/spin.txt': /event loop/,
  }
  // The execution of a cancelled file ends by a signal; its log says why it went to the job.
  const logged: typeof reasons = {...reasons, 'files/hang.txt': /not done within/}
  for (const {object, error, lastError} of await listFiles(runOf(night), ...TROUBLE)) {
    const {exitCode, stdout, stderr} = await night.run(['results', object])
    const logs = await night.run(['logs', object])
    const reason: unknown = expect.stringMatching(reasons[object] ?? /^$/)
    const status = error?.message ?? lastError?.message
    expect({object, exitCode, status, logs: logs.stdout, results: stdout + stderr}).toEqual({
      object,
      exitCode: 3,
      status: reason,
      logs: expect.stringMatching(logged[object] ?? /^$/),
      results: reason,
    })
  }
}, 900_000)

test('each fault is on the watched status within 30 s, with its reason and remedy; after the fix, redrive proves all done', async () => {
  await using cli = await Cli.create()
  await mkdir(join(cli.folder, 'worker'))
  await mkdir(join(cli.folder, 'files'))
  await writeFile(join(cli.folder, 'worker', 'processor.js'), WORKER)
  // One attempt at each file, until the time is moved ahead.
  const settings = {...SETTINGS, maxInstances: 6, minimumBackoff: '300s', maximumBackoff: '300s'}
  await cli.write('cloud-runner.json', JSON.stringify(settings))
  await Promise.all(TROUBLE.map((name) => cli.write(name, name)))
  await cli.json(['setup'])

  const watch = cli.start(['status', '--watch'])
  await watch.shows('files: none')
  const shown = TROUBLE.map(async (object) => {
    const name = object.replaceAll('.', String.raw`\.`)
    await watch.shows(new RegExp(`^${name}: .*(?:${REASONS[object]?.source})`, 'm'))
    return {object, at: Date.now()}
  })
  expect((await cli.run(['upload', 'files'])).exitCode).toBe(0)
  const seen = await Promise.all(shown)
  watch.kill('SIGINT')
  await watch.ended
  const faults = new Map((await listFiles(runOf(cli))).map((file) => [file.object, file]))
  for (const {object, at} of seen) {
    const {lastError, uploadedAt, hops} = faults.get(object) ?? {uploadedAt: '', hops: []}
    const fault = lastError?.at ?? hops.at(-1)?.at ?? uploadedAt
    expect({object, isInTime: at - Date.parse(fault) < 30_000}).toEqual({object, isInTime: true})
  }
  const {stdout} = await cli.run(['status'])
  expect(stdout).toMatch(/attempt 2 of 5 in \d/)
  for (const remedy of ['logs', 'reprocess files/bad.txt', 'cancel files/hang.txt'])
    expect(stdout).toContain(`cloud-runner ${remedy}`)

  expect((await cli.run(['cancel', 'files/hang.txt', '--yes'])).exitCode).toBe(0)
  await expect.poll(() => later(cli, '10m'), {timeout: 240_000, interval: 500}).toEqual(ENDED)
  expect((await cli.run(['status', '--failed'])).stdout).toContain('cloud-runner redrive')

  await writeFile(join(cli.folder, 'worker', 'processor.js'), WORKER.replace(/await deeds\[.*/, ''))
  await cli.json(['deploy'])
  expect((await cli.run(['redrive'])).exitCode).toBe(0)
  expect((await cli.run(['reprocess', '--failed'])).exitCode).toBe(0)
  await expect
    .poll(() => later(cli, '1m'), {timeout: 120_000, interval: 500})
    .toEqual(TROUBLE.map((object) => `${object} done`).toSorted())
}, 600_000)
