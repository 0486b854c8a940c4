import {expect, test} from 'vitest'
import {deploy} from '../../../src/core/deploy/deploy.ts'
import {doctorResult, examinePipeline} from '../../../src/core/doctor/doctor.ts'
import {plan} from '../../../src/core/plan.ts'
import {rollback} from '../../../src/core/rollback.ts'
import {setup} from '../../../src/core/setup/setup.ts'
import {startLocalPipeline} from '../../support/local-pipeline.ts'
import {capitals, workerFolder} from '../../support/worker-folder.ts'

/** A whole worker: it answers everything, and has no port besides its own. */
const OWN = `
  import {createServer} from 'node:http'
  createServer((_, response) => response.end()).listen(Number(process.env.PORT), process.env.HOST)
`

test('the liveness probe goes with the worker: one on our runtime has it, another has none, and nothing is left to plan', async () => {
  const context = await startLocalPipeline()
  const live = async () => (await context.cloud.services.get('cloud-runner'))?.livenessPort
  const isClean = async () => {
    expect((await plan(context)).changes).toBe(0)
    expect(doctorResult(await examinePipeline(context)).failed).toBe(0)
  }
  const processor = await workerFolder('processor.js', capitals(''))
  const own = await workerFolder('main.js', OWN)

  const first = await setup({workerFolder: processor}, context)
  expect(await live()).toBe(8081)
  await isClean()
  expect(await deploy({workerFolder: processor}, context)).toMatchObject({unchanged: true})

  await deploy({workerFolder: own}, context)
  expect(await live()).toBeUndefined()
  await isClean()

  await deploy({workerFolder: processor}, context)
  expect(await live()).toBe(8081)
  await isClean()
  await rollback({revision: undefined}, context)

  await deploy({workerFolder: undefined, image: first.image}, context)
  expect(await live()).toBe(8081)
})
