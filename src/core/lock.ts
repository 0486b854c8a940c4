import {readFile, rm, writeFile} from 'node:fs/promises'
import {hostname} from 'node:os'
import {join} from 'node:path'
import {AppError} from './errors.ts'
import {holdingFile} from './lock-file.ts'
import type {Context} from './ports/context.ts'
import {makeStateFolder} from './state-folder.ts'

/** How long to wait for another command. */
const PATIENCE_MS = 120_000

/**
 * Runs `work` while no other command changes this folder's pipeline. Waits for another command and says which.
 * @throws AppError `locked` after two minutes; the signal's reason
 */
export async function withLock<T>(
  command: string,
  {stateFolder, signal, step, pipeline}: Pick<Context, 'stateFolder' | 'signal' | 'step' | 'pipeline'>,
  work: () => Promise<T>,
  patienceMs: number = PATIENCE_MS,
): Promise<T> {
  const {target, project, name} = pipeline.settings
  const file = join(stateFolder, `${target}-${project}-${name}.lock`)
  const holder = `${file}.holder`
  await makeStateFolder(stateFolder)
  let shown = ''
  return holdingFile(
    file,
    {
      signal,
      timeoutMs: patienceMs,
      async busy() {
        return new AppError(`The pipeline is being changed by ${await readHolder(holder)}.`, {
          code: 'locked',
          suggestions: ['Wait until it is done, then try again.'],
        })
      },
      async waiting() {
        const other = await readHolder(holder)
        if (other !== shown) step(`Waiting for ${other}`)
        shown = other
      },
    },
    async () => {
      try {
        await writeFile(
          holder,
          `cloud-runner ${command} (process ${process.pid} on ${hostname()}, since ${new Date().toISOString()})`,
          {mode: 0o600},
        )
        return await work()
      } finally {
        await rm(holder, {force: true})
      }
    },
  )
}

/** Another command has the lock a moment before it says so. */
async function readHolder(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => '')
  return text === '' ? 'another command' : text
}
