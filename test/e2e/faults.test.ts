import {execa} from 'execa'
import {mkdir, readFile, writeFile} from 'node:fs/promises'
import {createServer} from 'node:net'
import {join} from 'node:path'
import {describe, expect, test} from 'vitest'
import {BIN, Cli} from '../support/cli.ts'
import {killProcess} from '../support/kill.ts'

/** A process that waits until the file `go` exists, so that there is a middle to kill it in. */
const patient = (go: string) => `import {existsSync} from 'node:fs'
import {setTimeout as delay} from 'node:timers/promises'
export const processor = {
  name: 'patient',
  async process(input, output, {signal}) {
    while (!existsSync(${JSON.stringify(go)})) await delay(50, undefined, {signal})
    await output.write('done')
  },
}
`

/** A pipeline with that process, and a file for it. */
async function setupPatient(cli: Cli): Promise<void> {
  await mkdir(join(cli.folder, 'patient'))
  await writeFile(join(cli.folder, 'patient', 'processor.ts'), patient(join(cli.folder, 'go')))
  await cli.json(['setup', '--worker', './patient'])
  await cli.write('patient.csv', CSV)
}

const ROWS = Array.from({length: 60}, (_, row) => `c${row},${row},${row % 2}`)
const CSV = ['id,size,bankrupt', ...ROWS].join('\n')

/** Objects of `status --json` that are in a state. */
function objectsIn(status: Record<string, unknown>, state: string): string[] {
  const files: unknown[] = Array.isArray(status['files']) ? status['files'] : []
  return files
    .map((file) => ({object: '', state: '', ...(typeof file === 'object' ? file : {})}))
    .filter((file) => file.state === state)
    .map(({object}) => object)
}

async function allDone(cli: Cli, objects: readonly string[]): Promise<void> {
  await expect
    .poll(async () => objectsIn(await cli.json(['status', ...objects]), 'done').toSorted(), {
      timeout: 90_000,
      interval: 500,
    })
    .toEqual([...objects].toSorted())
}

describe('two at once', () => {
  test('two local starts make one local cloud', async () => {
    await using cli = await Cli.create()
    const started = await Promise.all([cli.json(['local', 'start']), cli.json(['local', 'start'])])
    expect(started[0]['pid']).toBe(started[1]['pid'])
    expect(started.filter((one) => one['started'] === true)).toHaveLength(1)
  })

  test('two setups make one pipeline: the second waits, or says who is at it', async () => {
    await using cli = await Cli.create()
    const ended = await Promise.all([cli.run(['setup']), cli.run(['setup'])])
    const refused = ended.filter(({exitCode}) => exitCode !== 0)
    expect(refused.length).toBeLessThanOrEqual(1)
    expect(refused.filter(({stderr}) => !/setup .*process \d+/.test(stderr))).toEqual([])
    expect(await cli.json(['setup'])).toMatchObject({deployed: false})
  }, 90_000)
})

describe('what stands in the way of the local cloud', () => {
  test('a port in use is named, with the line that moves the local cloud', async () => {
    await using cli = await Cli.create()
    const other = createServer()
    const port = await new Promise<number>((resolve) => {
      other.listen(0, '127.0.0.1', () => {
        const address = other.address()
        resolve(typeof address === 'object' && address ? address.port : 0)
      })
    })
    try {
      const {exitCode, stdout, stderr} = await cli.run(['local', 'start', '--port', String(port)])
      expect(stderr).toContain(String(port))
      expect(stderr).toContain('cloud-runner local start --port')
      expect([exitCode, stdout]).toEqual([1, ''])
    } finally {
      other.close()
    }
  })

  test('a file where the state folder should be is named', async () => {
    await using cli = await Cli.create()
    await cli.write('.cloud-runner', 'something else')
    const {exitCode, stdout, stderr} = await cli.run(['setup'])
    expect(stderr).toContain(join(cli.folder, '.cloud-runner'))
    expect(stderr).not.toContain('this is a bug')
    expect([exitCode, stdout]).toEqual([1, ''])
  })

  test('a spoiled state is named, and not touched', async () => {
    await using cli = await Cli.create()
    const database = join(cli.folder, '.cloud-runner', 'local', 'state.db')
    await mkdir(join(cli.folder, '.cloud-runner', 'local'), {recursive: true})
    await writeFile(
      database,
      'no database at all, but text that is long enough to be read as a header of one',
    )
    const before = await readFile(database)
    const {exitCode, stderr} = await cli.run(['status'])
    expect(stderr).toContain(join(cli.folder, '.cloud-runner', 'local'))
    expect(stderr).not.toContain('this is a bug')
    expect(exitCode).toBe(1)
    expect(await readFile(database)).toEqual(before)
  })

  test('what a killed one left behind is in no one’s way', async () => {
    await using cli = await Cli.create()
    const folder = join(cli.folder, '.cloud-runner', 'local')
    await mkdir(folder, {recursive: true})
    // This process is alive, and no local cloud.
    const record = {
      pid: process.pid,
      endpoint: 'http://127.0.0.1:9',
      version: '0.1.0',
      startedAt: '2026-01-01T00:00:00Z',
    }
    await writeFile(join(folder, 'server.json'), JSON.stringify(record))
    expect(await cli.json(['local', 'status'])).toMatchObject({running: false})
    expect(await cli.json(['local', 'stop'])).toMatchObject({stopped: false})
    expect(await cli.json(['local', 'start'])).toMatchObject({started: true})
  })
})

test('setup | cat ends: the local cloud does not hold the caller’s output', async () => {
  await using cli = await Cli.create()
  const {exitCode, stdout} = await execa('bash', ['-o', 'pipefail', '-c', '$CLI setup 2>&1 | cat'], {
    cwd: cli.folder,
    env: {CLI: `${process.execPath} ${BIN}`},
    reject: false,
    timeout: 60_000,
  })
  expect(exitCode).toBe(0)
  expect(stdout).toContain('The pipeline is ready.')
}, 90_000)

describe('an interruption', () => {
  test.each(['Start the local cloud', 'Create bucket', 'Push image', 'canary'])(
    'of setup at "%s" ends with 130 and one line, and setup goes on from there',
    async (moment) => {
      await using cli = await Cli.create()
      const running = cli.start(['setup'])
      await running.shows(moment)
      running.kill('SIGINT')
      const {exitCode, stdout, stderr} = await running.ended
      expect([exitCode, stdout]).toEqual([130, ''])
      expect(stderr.match(/Interrupted/g)).toHaveLength(1)
      expect(stderr).not.toContain('Error')
      expect((await cli.run(['setup'])).exitCode).toBe(0)
      await cli.write('good.csv', CSV)
      expect((await cli.run(['upload', 'good.csv', '--wait'])).exitCode).toBe(0)
    },
    120_000,
  )

  test('of upload --wait leaves the file on its way', async () => {
    await using cli = await Cli.create()
    await setupPatient(cli)
    const running = cli.start(['upload', 'patient.csv', '--wait'])
    await running.shows('Wait for')
    running.kill('SIGTERM')
    expect((await running.ended).exitCode).toBe(143)
    await cli.write('go', '')
    await allDone(cli, ['patient.csv'])
  }, 120_000)

  test('of destroy is resumed by destroy', async () => {
    await using cli = await Cli.create()
    await cli.json(['setup'])
    const running = cli.start(['destroy', '--confirm', 'cloud-runner'])
    await running.shows('Destroy pipeline')
    running.kill('SIGINT')
    await running.ended
    expect((await cli.run(['destroy', '--confirm', 'cloud-runner'])).exitCode).toBe(0)
    expect(await cli.json(['local', 'status'])).toMatchObject({running: false})
  }, 120_000)
})

describe('a kill', () => {
  test('of the local cloud in the middle of uploads and deliveries loses nothing that was acknowledged', async () => {
    await using cli = await Cli.create()
    await cli.json(['setup'])
    const pid = (await cli.localCloudPid()) ?? 0
    await mkdir(join(cli.folder, 'in'))
    // No more than are told of one by one: what was told of is what was acknowledged.
    const names = Array.from({length: 20}, (_, file) => `f${String(file).padStart(2, '0')}.csv`)
    await Promise.all(names.map((name) => cli.write(join('in', name), CSV)))
    const running = cli.start(['upload', 'in'])
    await running.shows(/\S+\.csv, /)
    killProcess(pid)
    await cli.json(['local', 'start'])
    const {stderr} = await running.ended
    const acknowledged = [...stderr.matchAll(/(\S+\.csv), /g)].map((match) => match[1] ?? '')
    expect(acknowledged.length).toBeGreaterThan(0)
    await allDone(cli, acknowledged)
  }, 180_000)

  test('of a worker in the middle of a file: delivered again, one result', async () => {
    await using cli = await Cli.create()
    await setupPatient(cli)
    const running = cli.start(['upload', 'patient.csv', '--wait', '--json'])
    let worker = 0
    const busy = async () => {
      const {instances} = await cli.json(['local', 'status'])
      const listed: unknown[] = Array.isArray(instances) ? instances : []
      worker =
        listed
          .map((one) => ({pid: 0, busy: 0, ...(typeof one === 'object' ? one : {})}))
          .find((one) => one.busy > 0)?.pid ?? 0
      return worker
    }
    await expect.poll(busy, {timeout: 60_000}).toBeGreaterThan(0)
    killProcess(worker)
    await cli.write('go', '')
    const {exitCode, stdout} = await running.ended
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/"attempts": 2/)
  }, 180_000)
})
