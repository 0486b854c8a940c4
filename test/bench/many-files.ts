import {execFile, spawn} from 'node:child_process'
import {once} from 'node:events'
import {mkdtemp, readdir, readFile, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {text} from 'node:stream/consumers'
import {setTimeout as delay} from 'node:timers/promises'
import {promisify} from 'node:util'
import {spreadOf, type Spread} from './measure.ts'
import {multiplySample} from '../support/many-files.ts'
import {cpuSecondsOf} from './process-usage.ts'

const CLI = join(import.meta.dirname, '..', '..', 'bin', 'run.js')
const FILES = 100_000
const ROUNDS = 5
/** Prints what the process took, as its last line on standard error. */
const USAGE = `data:text/javascript,process.on("exit",()=>process.stderr.write("\\n"+JSON.stringify(process.resourceUsage())))`

interface Usage {
  readonly wallMs: number
  readonly cpuMs: number
  readonly peakMb: number
  readonly cloudCpuMs: number
}

/** Most memory and time that `status` may take with all of these files, and an answer of the console. */
const CLAIMS = {statusMb: 150, statusMs: 2000, answerMs: 100}

/**
 * `status` of a pipeline with many files, each with its result and sidecars, against the same command with one, the
 * console's list, and `destroy`.
 *
 * In turn on two cores that other work kept busy, `status` took 1.75 s of CPU time and 357 MB: without Google's client
 * libraries 1.25 s and 183 MB (with one file 0.33 s and 103 MB instead of 0.75 s and 161 MB), then with a quarter of the
 * results' metadata, and a merge that awaits once a page and copies nothing, 0.95 s and 142 MB. In the local cloud, a
 * page that the database writes as one text took it from 1.2 to 0.9 s. On the same machine when idle, `status` ends after
 * 1.1 s, and `destroy` of the 400,000 objects after 36 s.
 */
export async function benchManyFiles(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'cloud-runner-bench-'))
  const run = async (...args: string[]): Promise<string> =>
    (await promisify(execFile)(process.execPath, [CLI, ...args], {cwd: folder})).stdout
  try {
    await run('sample', '--rows', '200', '--output', 'sample.csv')
    await run('setup')
    await run('upload', 'sample.csv', '--label-column', 'bankrupt', '--wait')
    const few = await measure(folder)
    await run('local', 'stop')
    multiplySample(folder, FILES)
    await run('local', 'start')
    const many = await measure(folder)
    const answers = await measureConsole(folder)
    console.log(`\nstatus (median of ${ROUNDS})`)
    console.table({
      'with 1 file': few,
      [`with ${FILES} files`]: many,
      ratio: {
        wallMs: (many.wallMs / few.wallMs).toFixed(2),
        cpuMs: (many.cpuMs / few.cpuMs).toFixed(2),
        peakMb: (many.peakMb / few.peakMb).toFixed(2),
      },
    })
    console.log(`\nConsole with ${FILES} files (milliseconds until the whole answer)`)
    console.table(
      Object.entries(answers).map(([what, {median, high}]) => ({
        what,
        median: Math.round(median),
        'upper quartile': Math.round(high),
      })),
    )
    const slowest = Math.max(...Object.values(answers).map(({median}) => median))
    console.table([
      {
        claim: `status under ${CLAIMS.statusMs} ms`,
        holds: many.wallMs < CLAIMS.statusMs,
      },
      {claim: `status under ${CLAIMS.statusMb} MB`, holds: many.peakMb < CLAIMS.statusMb},
      {claim: `console answers within ${CLAIMS.answerMs} ms`, holds: slowest < CLAIMS.answerMs},
    ])
    const began = performance.now()
    await run('destroy', '--confirm', 'cloud-runner')
    console.log(`destroy: ${Math.round((performance.now() - began) / 1000)} s`)
  } finally {
    await run('destroy', '--confirm', 'cloud-runner').catch(() => undefined)
    await rm(folder, {recursive: true, force: true})
  }
}

async function measure(folder: string): Promise<Usage> {
  const pid = await pidOfLocalCloud(folder)
  const rounds: Usage[] = []
  for (let round = 0; round <= ROUNDS; round++) {
    const before = cpuSecondsOf(pid) ?? Number.NaN
    const began = performance.now()
    const child = spawn(process.execPath, ['--import', USAGE, CLI, 'status'], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const [said] = await Promise.all([text(child.stderr), once(child, 'exit')])
    const wallMs = performance.now() - began
    const usage: NodeJS.ResourceUsage = JSON.parse(said.slice(said.lastIndexOf('\n')))
    const cloudCpuMs = ((cpuSecondsOf(pid) ?? Number.NaN) - before) * 1000
    // The first round warms caches.
    if (round > 0)
      rounds.push({
        wallMs,
        cpuMs: (usage.userCPUTime + usage.systemCPUTime) / 1000,
        peakMb: usage.maxRSS / 1024,
        cloudCpuMs,
      })
  }
  const median = (of: keyof Usage): number => Math.round(spreadOf(rounds.map((round) => round[of])).median)
  return {
    wallMs: median('wallMs'),
    cpuMs: median('cpuMs'),
    peakMb: median('peakMb'),
    cloudCpuMs: median('cloudCpuMs'),
  }
}

/** How long the console's list takes to answer while a page is open, so while it also reads the pipeline again and again. */
async function measureConsole(folder: string): Promise<Record<string, Spread>> {
  const child = spawn(process.execPath, [CLI, 'console', '--json', '--no-open'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  const {origin, hash} = new URL(await consoleAddress(folder))
  const authorization = `Bearer ${new URLSearchParams(hash.slice(1)).get('token')}`
  const ask = (path: string) => fetch(`${origin}/api/${path}`, {headers: {authorization}})
  const page = await ask('events')
  const queries = {
    'first page': 'files?limit=100',
    'by state and text': 'files?limit=100&state=done&text=99',
    'one file by text': 'files?limit=100&text=000042',
  }
  // The first answer waits until the files are read.
  await (await ask(queries['first page'])).text()
  const answers: Record<string, Spread> = {}
  for (const [name, path] of Object.entries(queries)) {
    const took: number[] = []
    for (let round = 0; round < ROUNDS * 10; round++) {
      const began = performance.now()
      await (await ask(path)).text()
      took.push(performance.now() - began)
      await delay(20)
    }
    answers[name] = spreadOf(took)
  }
  await page.body?.cancel()
  child.kill('SIGINT')
  await once(child, 'exit')
  return answers
}

async function consoleAddress(folder: string): Promise<string> {
  const state = join(folder, '.cloud-runner')
  const file = (await readdir(state)).find((name) => /^console-.*\.json$/.test(name)) ?? ''
  const {address}: {address: string} = JSON.parse(await readFile(join(state, file), 'utf8'))
  return address
}

async function pidOfLocalCloud(folder: string): Promise<number> {
  const {stdout} = await promisify(execFile)(process.execPath, [CLI, 'local', 'status', '--json'], {
    cwd: folder,
  })
  const {pid}: {pid: number} = JSON.parse(stdout)
  return pid
}
