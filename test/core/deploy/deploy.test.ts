import {writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {deploy} from '../../../src/core/deploy/deploy.ts'
import {setup} from '../../../src/core/setup/setup.ts'
import {startLocalPipeline} from '../../support/local-pipeline.ts'
import {capitals, workerFolder} from '../../support/worker-folder.ts'

test('a changed worker gets a new revision and the traffic; an unchanged one does not; a broken one leaves things as they were', async () => {
  const context = await startLocalPipeline()
  await expect(deploy({workerFolder: undefined}, context)).rejects.toMatchObject({code: 'not-set-up'})

  const folder = await workerFolder('processor.js', capitals('one '))
  const made = await setup({workerFolder: folder}, context)
  const unchanged = await deploy({workerFolder: folder}, context)
  expect(unchanged).toMatchObject({unchanged: true, image: made.image})

  await writeFile(join(folder, 'processor.js'), capitals('two '))
  const changed = await deploy({workerFolder: folder}, context)
  expect(changed).toMatchObject({
    unchanged: false,
    previousImage: made.image,
    previousRevision: made.service.latestReadyRevision,
    service: {ready: true, image: changed.image, traffic: [{percent: 100, latest: true}]},
  })
  expect(changed.service.latestReadyRevision).not.toBe(made.service.latestReadyRevision)

  await writeFile(join(folder, 'processor.js'), 'export default {}; console.log("no use"); process.exit(1)\n')
  await expect(deploy({workerFolder: folder}, context)).rejects.toMatchObject({
    code: 'deploy-failed',
    message: expect.stringContaining(`Revision ${changed.service.latestReadyRevision} keeps serving.`),
  })
  const after = await context.cloud.services.get('cloud-runner')
  expect(after?.traffic).toMatchObject([{revision: changed.service.latestReadyRevision, percent: 100}])
  expect(after?.problem).toBeDefined()

  await writeFile(join(folder, 'processor.js'), capitals('two '))
  expect((await deploy({workerFolder: folder}, context)).service.ready).toBe(true)
})
