import {execFile} from 'node:child_process'
import {copyFile, mkdir, mkdtemp, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {promisify} from 'node:util'
import {cpuSecondsOf} from './process-usage.ts'

const CLI = join(import.meta.dirname, '..', '..', 'bin', 'run.js')
const ROWS = 200
const FILES = 300
const ROUNDS = 3

/** Small files through the whole chain on the local cloud: how many a second, and what each costs. */
export async function benchSmallFiles(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'cloud-runner-bench-'))
  const run = async (...args: string[]): Promise<string> =>
    (await promisify(execFile)(process.execPath, [CLI, ...args], {cwd: folder, maxBuffer: 64 * 1024 * 1024}))
      .stdout
  const upload = (name: string): Promise<string> =>
    run('upload', name, '--label-column', 'bankrupt', '--wait', '--json')
  try {
    await run('sample', '--rows', String(ROWS), '--output', 'sample.csv')
    await run('setup')
    await upload('sample.csv')
    const rounds = []
    for (let round = 1; round <= ROUNDS; round++) {
      const name = `round-${round}`
      await mkdir(join(folder, name))
      for (let file = 0; file < FILES; file++)
        await copyFile(join(folder, 'sample.csv'), join(folder, name, `${file}.csv`))
      const before = await processorSeconds(run)
      const begin = performance.now()
      await upload(name)
      const seconds = (performance.now() - begin) / 1000
      const after = await processorSeconds(run)
      rounds.push({
        'files/s': (FILES / seconds).toFixed(1),
        "cloud's CPU for a file, ms": (((after.cloud - before.cloud) / FILES) * 1000).toFixed(1),
        "workers' CPU for a file, ms": (((after.workers - before.workers) / FILES) * 1000).toFixed(1),
      })
    }
    console.log(`\n${FILES} files of ${ROWS} rows from upload to result (${ROUNDS} rounds)`)
    console.table(rounds)
  } finally {
    await run('destroy', '--confirm', 'cloud-runner').catch(() => undefined)
    await rm(folder, {recursive: true, force: true})
  }
}

/** So far, of the local cloud and of the instances that run now. */
async function processorSeconds(
  run: (...args: string[]) => Promise<string>,
): Promise<{cloud: number; workers: number}> {
  const {pid, instances}: {pid: number; instances: {pid: number}[]} = JSON.parse(
    await run('local', 'status', '--json'),
  )
  const workers = instances.reduce((sum, each) => sum + (cpuSecondsOf(each.pid) ?? Number.NaN), 0)
  return {cloud: (cpuSecondsOf(pid) ?? Number.NaN) - workers, workers}
}
