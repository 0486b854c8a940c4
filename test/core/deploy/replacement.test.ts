import {writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {deploy} from '../../../src/core/deploy/deploy.ts'
import {findReplacement} from '../../../src/core/deploy/replacement.ts'
import {assembleImage} from '../../../src/image/assemble.ts'
import {pushImage} from '../../../src/image/push.ts'
import {setup} from '../../../src/core/setup/setup.ts'
import {startLocalPipeline} from '../../support/local-pipeline.ts'
import {capitals, workerFolder} from '../../support/worker-folder.ts'

test('a worker is its folder, by the image that serves: another version of it replaces nothing', async () => {
  const context = await startLocalPipeline()
  const {pipeline, cloud, signal, folder} = context
  const mine = await workerFolder('processor.js', capitals('one '))
  const other = await workerFolder('processor.js', capitals('one '))
  expect(await findReplacement({workerFolder: mine}, context)).toBe(undefined)
  const first = await setup({workerFolder: mine}, context)
  await writeFile(join(mine, 'processor.js'), capitals('two '))
  expect(await findReplacement({workerFolder: mine}, context)).toBe(undefined)
  const named = {serving: expect.stringMatching(/^\.\.\/.*\/worker$/)}
  expect(await findReplacement({workerFolder: other}, context)).toMatchObject(named)
  expect(await findReplacement({workerFolder: undefined}, context)).toMatchObject({
    ...named,
    next: 'packaged',
  })
  expect(await findReplacement({workerFolder: undefined, image: first.image}, context)).toBe(undefined)

  // An image that was built elsewhere names no worker; once it serves, another such one is not asked about.
  const repository = pipeline.names.image.slice(pipeline.names.image.indexOf('/') + 1)
  const {registry} = cloud
  const files = [{path: 'app/worker.cjs', content: Buffer.from(SERVER), mode: 0o644}]
  const image = await assembleImage({files})
  await pushImage(image, {registry, repository, tag: 'elsewhere', signal})
  const reference = `${pipeline.names.image}:elsewhere`
  const foreign = {workerFolder: undefined, image: reference}
  expect(await findReplacement(foreign, context)).toMatchObject({...named, next: undefined})
  await deploy(foreign, context)
  expect(await findReplacement(foreign, context)).toBe(undefined)
  expect(await findReplacement({workerFolder: join(folder, 'w')}, context)).toEqual({
    serving: undefined,
    next: './w',
  })
})

const SERVER =
  "require('node:http').createServer((_, response) => response.end()).listen(Number(process.env.PORT))"
