import {writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {showDeploy} from '../../../src/cli/show-deploy.ts'
import {showSetup} from '../../../src/cli/show-pipeline.ts'
import {deploy} from '../../../src/core/deploy/deploy.ts'
import {rollback} from '../../../src/core/rollback.ts'
import {setup} from '../../../src/core/setup/setup.ts'
import {findGap} from '../../../src/core/service/connections.ts'
import {status} from '../../../src/core/status.ts'
import {planUpload} from '../../../src/core/upload/plan.ts'
import {upload} from '../../../src/core/upload/upload.ts'
import {startLocalPipeline} from '../../support/local-pipeline.ts'
import {capitals, workerFolder} from '../../support/worker-folder.ts'
import {render} from '../../../src/core/suggestion.ts'

const MISSING =
  'subscription cloud-runner-push and notification cloud-runner-local-cloud-runner-input → cloud-runner-uploads are missing'

test('a setup that the worker ended early: another setup ends it, and until then deploy, upload and status say what is missing', async () => {
  const context = await startLocalPipeline()
  const {pipeline} = context
  const folder = await workerFolder('main.js', `process.exit(7)\n`)
  await expect(setup({workerFolder: folder}, context)).rejects.toMatchObject({
    code: 'deploy-failed',
    suggestions: expect.arrayContaining(['Fix the worker, then: cloud-runner setup']),
  })

  await writeFile(join(folder, 'processor.js'), capitals(''))
  await writeFile(
    join(folder, 'main.js'),
    `import {serve} from 'cloud-runner/worker'
    import processor from './processor.js'
    serve(processor)\n`,
  )
  const deployed = await deploy({workerFolder: folder}, context)
  expect(deployed.gap).toBe(MISSING)
  expect(showDeploy(deployed, render).join('\n')).toContain(
    `No upload reaches it yet: ${MISSING}. Fix it: cloud-runner setup`,
  )
  expect((await status({objects: [], limit: 1}, context)).pipeline).toMatchObject({
    ready: false,
    problem: `${MISSING}: cloud-runner setup`,
  })
  expect(await findGap(context)).toBe(MISSING)

  const file = join(context.folder, 'early.csv')
  await writeFile(file, 'early\n')
  const planned = await planUpload({
    sources: [file],
    name: undefined,
    cwd: context.folder,
    stdin: process.stdin,
  })
  await upload(planned, {}, context)
  const whole = await setup({workerFolder: folder}, context)
  expect(whole.undelivered).toBe(1)
  expect(showSetup(whole, pipeline.names, render).at(-1)).toMatch(
    /^Next: 1 file .*: cloud-runner reprocess --missing$/,
  )
  expect(await findGap(context)).toBeUndefined()
  expect((await status({objects: [], limit: 1}, context)).pipeline).toMatchObject({ready: true})
  expect((await setup({workerFolder: folder}, context)).undelivered).toBe(0)
})

test('status shows the image that serves, not the newest one', async () => {
  const context = await startLocalPipeline()
  const folder = await workerFolder('processor.js', capitals('one '))
  const {image} = await setup({workerFolder: folder}, context)
  const shown = async () => (await status({objects: [], limit: 1}, context)).pipeline.image
  await writeFile(join(folder, 'processor.js'), capitals('two '))
  const canary = await deploy({workerFolder: folder, rollout: {kind: 'canary', percent: 10}}, context)
  expect(canary.image).not.toBe(image)
  expect(await shown()).toBe(image)
  await deploy({workerFolder: folder}, context)
  expect(await shown()).toBe(canary.image)
  await rollback({revision: undefined}, context)
  expect(await shown()).toBe(image)
})
