import {writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {deploy, promote} from '../../../src/core/deploy/deploy.ts'
import {sharesOf} from '../../../src/core/service/traffic.ts'
import {revisions} from '../../../src/core/revisions.ts'
import {rollback} from '../../../src/core/rollback.ts'
import {setup} from '../../../src/core/setup/setup.ts'
import {status} from '../../../src/core/status.ts'
import {startLocalPipeline} from '../../support/local-pipeline.ts'
import {capitals, workerFolder} from '../../support/worker-folder.ts'

test('a canary shares the traffic until it is promoted or ended; a rollback goes past what was only tried', async () => {
  const context = await startLocalPipeline()
  await expect(rollback({revision: undefined}, context)).rejects.toMatchObject({code: 'not-set-up'})
  const folder = await workerFolder('processor.js', capitals('one '))
  const change = (to: string) => writeFile(join(folder, 'processor.js'), capitals(to))
  const one = (await setup({workerFolder: folder}, context)).service.latestReadyRevision ?? ''
  await expect(rollback({revision: undefined}, context)).rejects.toMatchObject({code: 'revision-unknown'})
  expect(await promote(context)).toMatchObject({unchanged: true})

  await change('two ')
  const tried = await deploy(
    {workerFolder: folder, rollout: {kind: 'canary', percent: 10}, tag: 'next'},
    context,
  )
  const two = tried.service.latestReadyRevision ?? ''
  expect(tried).toMatchObject({unchanged: false, previousRevision: one})
  expect(sharesOf(tried.service)).toEqual([
    {revision: one, percent: 90},
    {revision: two, percent: 10},
  ])
  const tag = tried.service.traffic.find((target) => target.tag === 'next')
  expect(tag?.revision).toBe(two)
  expect((await fetch(`${tag?.uri}/healthz`)).status).toBe(403)
  expect((await status({objects: [], limit: 1}, context)).pipeline).toMatchObject({
    revision: one,
    traffic: [{percent: 90}, {percent: 10}],
  })
  expect(
    await deploy({workerFolder: folder, rollout: {kind: 'canary', percent: 10}, tag: 'next'}, context),
  ).toMatchObject({unchanged: true})

  // The canary is ended: what had most of the traffic has it all.
  expect(await rollback({revision: undefined}, context)).toMatchObject({revision: one, unchanged: false})

  await change('three ')
  const three = await deploy({workerFolder: folder}, context)
  expect(three.service.traffic.filter(({percent}) => percent > 0)).toMatchObject([
    {percent: 100, latest: true},
  ])
  const listed = await revisions({limit: 2}, context)
  expect(listed).toMatchObject({
    truncated: true,
    revisions: [
      {name: three.service.latestReadyRevision, percent: 100, isTried: false, ready: true},
      {name: two, percent: 0, isTried: true, tags: [{name: 'next'}]},
    ],
  })
  expect(await rollback({revision: undefined}, context)).toMatchObject({
    revision: one,
    previousRevision: three.service.latestReadyRevision,
  })
  expect(await rollback({revision: two}, context)).toMatchObject({revision: two, previousRevision: one})
  await expect(rollback({revision: 'no-such'}, context)).rejects.toMatchObject({
    message: 'Revision no-such does not exist.',
  })

  // The next deployment starts from there: the same image needs no new revision.
  const again = await deploy({workerFolder: folder}, context)
  expect(again).toMatchObject({
    unchanged: false,
    service: {latestReadyRevision: three.service.latestReadyRevision},
  })
  expect(sharesOf(again.service)).toEqual([{revision: three.service.latestReadyRevision, percent: 100}])
})

test('no traffic, then promoted; a canary that does not start leaves everything; a dry run changes nothing', async () => {
  const context = await startLocalPipeline()
  const folder = await workerFolder('processor.js', capitals('one '))
  const change = (to: string) => writeFile(join(folder, 'processor.js'), to)
  const one = (await setup({workerFolder: folder}, context)).service.latestReadyRevision ?? ''

  await change(capitals('two '))
  const dry = await deploy({workerFolder: folder, dryRun: true}, context)
  expect(dry).toMatchObject({dryRun: true, unchanged: false, service: {latestCreatedRevision: one}})
  expect((await revisions({limit: 9}, context)).revisions).toHaveLength(1)

  const held = await deploy({workerFolder: folder, rollout: {kind: 'none'}}, context)
  expect(held.image).toBe(dry.image)
  expect(sharesOf(held.service)).toEqual([{revision: one, percent: 100}])
  const promoted = await promote(context)
  expect(sharesOf(promoted.service)).toEqual([{revision: held.service.latestReadyRevision, percent: 100}])
  expect((await revisions({limit: 1}, context)).revisions).toMatchObject([{isTried: false}])

  await change('process.exit(3)\nexport default {}\n')
  await expect(
    deploy({workerFolder: folder, rollout: {kind: 'canary', percent: 50}}, context),
  ).rejects.toMatchObject({code: 'deploy-failed'})
  const after = await context.cloud.services.get('cloud-runner')
  expect(after && sharesOf(after)).toEqual(sharesOf(promoted.service))
})

test('an image that is in the registry is deployed by digest, by tag, under either name of the registry', async () => {
  const context = await startLocalPipeline()
  const folder = await workerFolder('processor.js', capitals('one '))
  const {image} = await setup({workerFolder: folder}, context)
  await writeFile(join(folder, 'processor.js'), capitals('two '))
  const two = await deploy({workerFolder: folder}, context)
  expect(await deploy({workerFolder: undefined, image}, context)).toMatchObject({image, unchanged: false})
  const [, path = '', hex = ''] = /^[^/]+\/(.*)@sha256:(.{12})/.exec(two.image) ?? []
  const tagged = `${new URL(context.endpoint).host}/${path}:content-${hex}`
  expect(await deploy({workerFolder: undefined, image: tagged}, context)).toMatchObject({image: two.image})
  for (const unknown of [`${context.pipeline.names.image}:none`, 'example.com/other/worker:1']) {
    await expect(deploy({workerFolder: undefined, image: unknown}, context)).rejects.toMatchObject({
      code: 'image-unknown',
      exitCode: 2,
    })
  }
})
