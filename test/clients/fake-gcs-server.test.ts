import {expect, it} from 'vitest'
import {createServiceAgents} from '../../src/local-cloud/iam/service-agents.ts'
import {expectDocumented} from '../support/documented-differences.ts'
import {NO_FAKE_GCS_SERVER, startFakeGcsServer} from '../support/fake-gcs-server.ts'
import {startTools} from '../support/tool.ts'
import {observe} from './storage-script.ts'

it.skipIf(NO_FAKE_GCS_SERVER !== undefined)(
  `fake-gcs-server and the local cloud answer the same but for what is documented${NO_FAKE_GCS_SERVER ?? ''}`,
  {timeout: 60_000},
  async () => {
    const {endpoint} = (await startTools()).local
    await using fake = await startFakeGcsServer({pubsub: endpoint})
    const [ours, theirs] = [
      await observe({storage: endpoint, ...(await topicOf(endpoint, 'ours'))}),
      await observe({storage: fake.origin, ...(await topicOf(endpoint, 'theirs'))}),
    ]
    expect(Object.keys(ours).length).toBeGreaterThan(80)
    await expectDocumented('fake-gcs-server.md', ours, theirs)
  },
)

/** A topic of the local cloud for the notifications of one of the two, with a subscription. */
async function topicOf(
  pubsub: string,
  name: string,
): Promise<{pubsub: string; topic: string; subscription: string}> {
  const [topic, subscription] = [`projects/p/topics/${name}`, `projects/p/subscriptions/${name}`]
  const call = async (method: string, path: string, body: object): Promise<void> => {
    const response = await fetch(`${pubsub}/v1/${path}`, {method, body: JSON.stringify(body)})
    expect(response.status).toBe(200)
  }
  await call('PUT', topic, {})
  await call('PUT', subscription, {topic})
  const members = [`serviceAccount:${createServiceAgents().storage('p')}`]
  await call('POST', `${topic}:setIamPolicy`, {
    policy: {bindings: [{role: 'roles/pubsub.publisher', members}]},
  })
  return {pubsub, topic, subscription}
}
