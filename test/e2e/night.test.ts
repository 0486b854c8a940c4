import {mkdir, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {setTimeout as delay} from 'node:timers/promises'
import {expect, test} from 'vitest'
import {Cli} from '../support/cli.ts'

/**
 * Does to a file what its name says. A good file waits instead of computing, so that two pipelines on one machine do
 * not slow each other down.
 */
const WORKER = `import {setTimeout as delay} from 'node:timers/promises'
import {PermanentError} from 'cloud-runner/worker'

const deeds = {
  bad() { throw new PermanentError('Not a file for this worker.', {code: 'not-for-me'}) },
  throw() { throw new Error('thrown on purpose') },
  exit() { process.exit(7) },
  memory() {
    const kept = []
    for (;;) kept.push(Buffer.alloc(8 * 1024 * 1024, 1))
  },
  hang: () => new Promise(() => setInterval(() => undefined, 60_000)),
  spin() { for (;;); },
}

export const processor = {
  name: 'night',
  async process({object}, output) {
    await deeds[object.split(/[/.]/).at(-2)]?.()
    await delay(400)
    await output.write(object)
  },
}
`

const SETTINGS = {
  worker: './worker',
  maxInstances: 2,
  memory: '512Mi',
  requestTimeout: '5s',
  minimumBackoff: '1s',
  maximumBackoff: '10s',
}

const FILES = 300
const TROUBLE = ['bad', 'throw', 'exit', 'memory', 'hang', 'spin'].map((deed) => `files/${deed}.txt`)

interface File {
  readonly object: string
  readonly state: string
  readonly uploadedAt: string
  readonly hops: readonly {readonly name: string; readonly at: string}[]
  readonly error?: {readonly code: string; readonly message: string}
  readonly lastError?: {readonly message: string; readonly at: string}
}

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

async function setup(trouble: readonly string[]): Promise<Cli> {
  const cli = await Cli.create()
  await mkdir(join(cli.folder, 'worker'))
  await mkdir(join(cli.folder, 'files'))
  await writeFile(join(cli.folder, 'worker', 'processor.js'), WORKER)
  await cli.write('cloud-runner.json', JSON.stringify(SETTINGS))
  const good = Array.from({length: FILES - TROUBLE.length}, (_, file) => `files/${file}.txt`)
  await Promise.all([...trouble, ...good].map((name) => cli.write(name, name)))
  await cli.json(['setup'])
  return cli
}

async function files(cli: Cli, ...args: string[]): Promise<File[]> {
  const {stdout} = await cli.run(['status', ...args, '--limit', String(FILES), '--json'])
  const listed: {files: File[]} = JSON.parse(stdout)
  return listed.files
}

/**
 * The bad files' states, after which the time moves ahead unless one is running, which keeps its time: nothing waits for
 * backoffs, or for the one push a minute that Pub/Sub makes while nothing but bad files is left.
 */
async function later(cli: Cli, duration: string): Promise<string[]> {
  const all = await files(cli, ...TROUBLE)
  if (!all.some(({state}) => state === 'running')) await cli.json(['local', 'time', 'advance', duration])
  return all.map(({object, state}) => `${object} ${state}`).toSorted()
}

/** Uploads everything. @returns milliseconds from the first upload until every good file has its result */
async function processAll(cli: Cli): Promise<number> {
  expect((await cli.run(['upload', 'files'])).exitCode).toBe(0)
  for (;;) {
    const all = await files(cli)
    const done = all.filter(({state}) => state === 'done')
    if (done.length === FILES - TROUBLE.length) {
      const written = done.map(({hops}) => Date.parse(hops.find(({name}) => name === 'written')?.at ?? ''))
      return Math.max(...written) - Math.min(...all.map(({uploadedAt}) => Date.parse(uploadedAt)))
    }
    await delay(3000)
  }
}

test('a night of 300 files, six of them bad: the others take at most twice their time, and each bad one has its reason', async () => {
  await using quiet = await setup([])
  await using night = await setup(TROUBLE)
  const [alone, among] = await Promise.all([processAll(quiet), processAll(night)])
  expect(among).toBeLessThan(2 * alone)

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
  for (const {object, error, lastError} of await files(night, ...TROUBLE)) {
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
  const faults = new Map((await files(cli)).map((file) => [file.object, file]))
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
