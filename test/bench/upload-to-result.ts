import {execFile} from 'node:child_process'
import {mkdtemp, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {promisify} from 'node:util'
import type {FileStatus} from '../../src/core/files/files.ts'
import {spreadOf} from './measure.ts'

const CLI = join(import.meta.dirname, '..', '..', 'bin', 'run.js')
const ROWS = 1000
const ROUNDS = 7

/**
 * From the upload of a file to its result on the local cloud, hop by hop: with an instance that is there (warm), and
 * after a restart of the local cloud, when one has to be started (cold).
 */
export async function benchUploadToResult(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'cloud-runner-bench-'))
  const run = async (...args: string[]): Promise<string> =>
    (await promisify(execFile)(process.execPath, [CLI, ...args], {cwd: folder})).stdout
  let count = 0
  const upload = async (): Promise<FileStatus> => {
    count += 1
    const output = await run(
      'upload',
      'sample.csv',
      '--name',
      `sample-${count}.csv`,
      '--label-column',
      'bankrupt',
      '--wait',
      '--json',
    )
    const {files}: {files: FileStatus[]} = JSON.parse(output)
    const [file] = files
    if (file?.state !== 'done') throw new Error(`The file is not done: ${output}`)
    return file
  }
  try {
    await run('sample', '--rows', String(ROWS), '--output', 'sample.csv')
    await run('setup')
    await upload()
    const warm: FileStatus[] = []
    for (let round = 0; round < ROUNDS; round++) warm.push(await upload())
    const cold: FileStatus[] = []
    for (let round = 0; round < ROUNDS; round++) {
      await run('local', 'stop')
      await run('local', 'start')
      cold.push(await upload())
    }
    print(warm, cold)
  } finally {
    await run('destroy', '--confirm', 'cloud-runner').catch(() => undefined)
    await rm(folder, {recursive: true, force: true})
  }
}

function print(warm: readonly FileStatus[], cold: readonly FileStatus[]): void {
  const names = (warm[0]?.hops ?? []).map(({name}) => name).slice(1)
  const medianOf = (files: readonly FileStatus[], name?: string): number =>
    spreadOf(
      files.map(({hops}) =>
        hops
          .filter((hop) => name === undefined || hop.name === name)
          .reduce((sum, hop) => sum + hop.durationMs, 0),
      ),
    ).median
  console.log(`\nA file of ${ROWS} rows from upload to result (median of ${ROUNDS}, ms)`)
  console.table(
    [...names, undefined].map((name) => {
      const [warmMs, coldMs] = [medianOf(warm, name), medianOf(cold, name)]
      return {
        hop: name ?? 'all',
        warm: Math.round(warmMs),
        cold: Math.round(coldMs),
        'cold/warm': (coldMs / warmMs).toFixed(2),
      }
    }),
  )
}
