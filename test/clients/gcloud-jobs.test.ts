import {join} from 'node:path'
import {expect, it} from 'vitest'
import {missing, startTools} from '../support/tool.ts'

const SCRIPT = join(import.meta.dirname, '../fixtures/clients/gcloud-jobs.sh')
const REASON = missing('gcloud', 'bash')
const MINUTES = {timeout: 180_000}

it.skipIf(REASON !== undefined)(
  `gcloud run jobs: list, execute with overrides and wait, cancel, delete${REASON ?? ''}`,
  MINUTES,
  async () => {
    const {run, local, project, pushServer} = await startTools()
    const location = `projects/${project}/locations/europe-west3`
    const task = `
      const {env, argv} = process
      if (env.HANG) setInterval(() => {}, 1000)
      else if (env.FAIL) process.exitCode = 3
      else console.log(...argv.slice(2), env.EXTRA)`
    const response = await fetch(`${local.endpoint}/v2/${location}/jobs?jobId=report`, {
      method: 'POST',
      body: JSON.stringify({
        template: {
          template: {maxRetries: 0, containers: [{image: await pushServer(task), args: ['from', 'job']}]},
        },
      }),
    })
    expect(response.status).toBe(200)
    expect(await run(['bash', SCRIPT], {})).toMatch(/gcloud run jobs: done\n$/)
  },
)
