import {execFile, spawn} from 'node:child_process'
import {once} from 'node:events'
import {mkdtemp, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {text} from 'node:stream/consumers'
import {promisify} from 'node:util'
import {spreadOf} from './measure.ts'
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

/**
 * `status` of a pipeline with many files, each with its result and sidecars, against the same command without files.
 *
 * Listing rows without building what `fields` leaves out, and testing names before reading rows, halved it: from 5.0 to
 * 2.5 s of CPU time in the local cloud, and from 18 to 10 s in all on two cores that other work kept busy; 340 MB at
 * most in the command, of which 165 MB without files. That the database writes the JSON of listed objects, and tests
 * their names, took the local cloud's share from 2.2 to 1.3 s.
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

async function pidOfLocalCloud(folder: string): Promise<number> {
  const {stdout} = await promisify(execFile)(process.execPath, [CLI, 'local', 'status', '--json'], {
    cwd: folder,
  })
  const {pid}: {pid: number} = JSON.parse(stdout)
  return pid
}
