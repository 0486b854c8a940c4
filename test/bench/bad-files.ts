import {execFile} from 'node:child_process'
import {mkdtemp, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {text} from 'node:stream/consumers'
import {processAll, type Run, setupNight, TROUBLE} from '../support/night.ts'

const CLI = join(import.meta.dirname, '..', '..', 'bin', 'run.js')
/** Most time that good files may take among bad ones, against their time alone. */
const CLAIM = 2

/** Good files among some that throw, exit, hang, or take all memory, and at the same time in a pipeline without those. */
export async function benchBadFiles(): Promise<void> {
  const [alone, among] = await Promise.all([measure([]), measure(TROUBLE)])
  const ratio = among / alone
  console.log(`\nGood files among ${TROUBLE.length} bad ones, and alone (seconds until the last result)`)
  console.table({among: among / 1000, alone: alone / 1000, ratio: ratio.toFixed(2)})
  console.table([{claim: `under ${CLAIM} × their time alone`, holds: ratio < CLAIM}])
}

async function measure(trouble: readonly string[]): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'cloud-runner-bench-'))
  const run: Run = async (...args) => {
    const {stdout} = execFile(process.execPath, [CLI, ...args], {cwd: folder, maxBuffer: 64 * 1024 * 1024})
    return stdout === null ? '' : text(stdout)
  }
  try {
    await setupNight(folder, trouble, run)
    return await processAll(run)
  } finally {
    await run('destroy', '--confirm', 'cloud-runner')
    await rm(folder, {recursive: true, force: true})
  }
}
