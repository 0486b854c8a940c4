import {expect, test} from 'vitest'
import {deploy} from '../../../src/core/deploy/deploy.ts'
import {examinePipeline} from '../../../src/core/doctor/doctor.ts'
import {setup} from '../../../src/core/setup/setup.ts'
import {startLocalPipeline} from '../../support/local-pipeline.ts'
import {capitals, workerFolder} from '../../support/worker-folder.ts'
import {render} from '../../../src/core/suggestion.ts'

const BINDING =
  'gcloud pubsub topics add-iam-policy-binding cloud-runner-uploads --member=serviceAccount:service-'

test.each([
  ['local', 'cloud-runner local exec -- gcloud pubsub topics'],
  ['gcp', 'gcloud pubsub topics'],
] as const)(
  'on the target %s a grant that is missing comes with the command that gives it there',
  async (target, begins) => {
    const context = await startLocalPipeline({target, project: 'my-project-123'})
    const {pipeline, cloud, signal, step, endpoint} = context
    const [before] = await examinePipeline(context)
    expect(before).toMatchObject({state: 'failed', fix: 'cloud-runner setup'})
    await cloud.infrastructure.apply(pipeline, {image: undefined, signal, step})
    await fetch(`${endpoint}/v1/projects/my-project-123/topics/cloud-runner-uploads:setIamPolicy`, {
      method: 'POST',
      body: JSON.stringify({policy: {bindings: []}}),
    })
    const failed = (await examinePipeline(context)).filter(({state}) => state === 'failed')
    const grant = failed.find(({detail}) => detail.includes('on topic cloud-runner-uploads'))
    const fix = render(grant?.fix ?? '')
    expect(fix.startsWith(begins)).toBe(true)
    expect(fix).toContain(BINDING)
    // What needs an image is not there yet: a grant on it cannot be given by hand.
    expect(failed.find(({detail}) => detail.includes('on job'))?.fix).toEqual('cloud-runner setup')
  },
)

test('a job with another image than the one that serves is found, and setup repairs it', async () => {
  const context = await startLocalPipeline()
  const {pipeline, cloud, signal} = context
  const folder = await workerFolder('processor.js', capitals('one '))
  const {image} = await setup({workerFolder: folder}, context)
  const next = await workerFolder('processor.js', capitals('two '))
  const other = await deploy({workerFolder: next, rollout: {kind: 'none'}}, context)
  const wrong = async () => (await examinePipeline(context)).filter(({state}) => state === 'failed')
  expect(await wrong()).toEqual([])

  await cloud.jobs.setImage(pipeline.names.job, other.image, {signal})
  expect(await wrong()).toMatchObject([{name: 'job', fix: 'cloud-runner setup'}])
  await setup({workerFolder: next}, context)
  expect(await wrong()).toEqual([])
  expect(await cloud.jobs.image(pipeline.names.job)).toBe(image)
})
