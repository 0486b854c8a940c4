import {readdir} from 'node:fs/promises'
import {expect} from 'vitest'
import {LOCATION, type LocalRun} from './local-run.ts'

/**
 * A task that records how it was started in `FOLDER/INDEX-ATTEMPT`, then does what PLAN says: `ok`, `fail`, `fail-once`,
 * `wait` until `FOLDER/go` is there, or `deaf` to SIGTERM.
 */
export const TASK = {
  'app/main.js': `
    const fs = require('node:fs')
    const {env, argv} = process
    const {PLAN, FOLDER, CLOUD_RUN_TASK_INDEX: index, CLOUD_RUN_TASK_ATTEMPT: attempt} = env
    console.log(JSON.stringify({message: 'started', args: argv.slice(2), env}))
    const end = (code) => { process.exitCode = code }
    if (PLAN === 'fail' || (PLAN === 'fail-once' && attempt === '0')) { console.error('broken'); end(3) }
    else if (PLAN === 'deaf') { process.on('SIGTERM', () => {}); setInterval(() => {}, 1000) }
    else if (PLAN === 'wait') {
      process.on('SIGTERM', () => process.exit(Number(env.ON_TERM ?? 143)))
      setInterval(() => { if (fs.existsSync(FOLDER + '/go')) process.exit(0) }, 10)
    } else end(0)
    // Last: who waits for the file may send a signal at once.
    if (FOLDER) fs.writeFileSync(FOLDER + '/' + index + '-' + attempt, '')
  `,
}
export const NAME = `${LOCATION}/jobs/report`

export async function createJob(
  run: LocalRun,
  {env = {}, ...task}: {env?: Record<string, string>; maxRetries?: number; timeout?: {seconds: number}} = {},
  besides: object = {},
): Promise<string> {
  const image = await run.push({files: TASK}, 'report')
  const [operation] = await run.jobs.createJob({
    parent: LOCATION,
    jobId: 'report',
    job: {
      template: {
        ...besides,
        template: {
          containers: [
            {image, args: ['from', 'job'], env: Object.entries(env).map(([name, value]) => ({name, value}))},
          ],
          ...task,
        },
      },
    },
  })
  await operation.promise()
  return image
}

/** Waits until tasks have written these files. */
export async function appear(folder: string, ...names: string[]): Promise<void> {
  await expect.poll(() => readdir(folder, {recursive: true})).toEqual(expect.arrayContaining(names))
}

export function nameOf(execution: unknown): string {
  if (
    typeof execution === 'object' &&
    execution !== null &&
    'name' in execution &&
    typeof execution.name === 'string'
  )
    return execution.name
  throw new Error('The operation tells of no execution.')
}

/** Runs the job to its end. */
export async function execute({jobs, executions}: LocalRun, overrides: object = {}) {
  const [operation] = await jobs.runJob({name: NAME, overrides})
  await operation.promise()
  return (await executions.getExecution({name: nameOf(operation.metadata)}))[0]
}

export const completed = (conditions: {type?: string | null}[] | null | undefined): unknown =>
  conditions?.find(({type}) => type === 'Completed')
