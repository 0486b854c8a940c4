import {expect, test} from 'vitest'
import {checkPushTokens} from '../../../src/core/doctor/push-tokens.ts'
import {addFault} from '../../support/fault-plan.ts'
import {startLocalPipeline} from '../../support/local-pipeline.ts'

type Pipeline = Awaited<ReturnType<typeof startLocalPipeline>>

/** The same pipeline in a project that was made at another time. */
function madeAt(createdAt: string, context: Pipeline): Pipeline {
  const {project} = context.cloud
  const state = async () => {
    const found = await project.state()
    return found && {...found, createdAt}
  }
  return {...context, cloud: {...context.cloud, project: {...project, state}}}
}

test('an old project: its Pub/Sub agent needs a grant on the push account, and the command adds it', async () => {
  const context = await startLocalPipeline({project: 'my-project-123', target: 'gcp'})
  const {pipeline, cloud, signal, step, endpoint} = context
  await cloud.infrastructure.apply(pipeline, {image: undefined, signal, step})
  const {pushAccount} = pipeline.names
  expect(await checkPushTokens(madeAt('2021-04-09T00:00:00Z', context))).toMatchObject([{state: 'ok'}])

  const old = madeAt('2021-04-08T12:00:00Z', context)
  const [check] = await checkPushTokens(old)
  const agent = await cloud.project.pubsubAgent()
  expect(check).toMatchObject({
    state: 'failed',
    fix: `gcloud iam service-accounts add-iam-policy-binding ${pushAccount} --member=serviceAccount:${agent} --role=roles/iam.serviceAccountTokenCreator --project=my-project-123`,
  })

  const ofProject = '/v1/projects/my-project-123'
  await addFault(endpoint, {on: {path: `${ofProject}:getIamPolicy`}, answer: 403})
  expect(await checkPushTokens(old)).toMatchObject([
    {state: 'ok', detail: expect.stringContaining('its policies cannot be read')},
  ])

  const grant = (path: string, role: string | undefined) =>
    fetch(`${endpoint}${path}:setIamPolicy`, {
      method: 'POST',
      body: JSON.stringify({
        policy: {bindings: role === undefined ? [] : [{role, members: [`serviceAccount:${agent}`]}]},
      }),
    })
  const ofAccount = `${ofProject}/serviceAccounts/${pushAccount}`
  expect((await grant(ofAccount, 'roles/iam.serviceAccountTokenCreator')).status).toBe(200)
  expect(await checkPushTokens(old)).toMatchObject([{state: 'ok'}])
  await grant(ofAccount, undefined)
  expect(await checkPushTokens(old)).toMatchObject([{state: 'failed'}])
  expect((await grant(ofProject, 'roles/iam.serviceAccountTokenCreator')).status).toBe(200)
  expect(await checkPushTokens(old)).toMatchObject([{state: 'ok'}])
})
