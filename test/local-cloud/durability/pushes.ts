import {randomBytes} from 'node:crypto'
import {expect} from 'vitest'
import {startPushEndpoint} from '../../support/push-endpoint.ts'
import {call, type Client} from './client.ts'

/** Publishes to a topic that is pushed to an endpoint, which refuses every twentieth push. */
export async function pushClient(): Promise<Client> {
  const published = new Set<string>()
  const received = new Set<string>()
  let pushes = 0
  const endpoint = await startPushEndpoint((pushed) => {
    const refused = ++pushes % 20 === 0
    // Counted before it is answered: what the server takes for delivered has been here.
    if (!refused) received.add(pushed.json.message.messageId)
    pushed.answer(refused ? 500 : 204)
  })
  return {
    get acknowledged() {
      return published.size
    },
    async prepare(cloud) {
      await call(cloud, 'PUT', '/v1/projects/p-test/topics/pushed', {})
      await call(cloud, 'PUT', '/v1/projects/p-test/subscriptions/pushed', {
        topic: 'projects/p-test/topics/pushed',
        pushConfig: {pushEndpoint: endpoint.url},
        ackDeadlineSeconds: 10,
      })
    },
    async work(cloud) {
      const messages = [{data: randomBytes(20).toString('base64')}]
      const {messageIds} = await call(cloud, 'POST', '/v1/projects/p-test/topics/pushed:publish', {messages})
      if (Array.isArray(messageIds)) for (const id of messageIds) published.add(String(id))
    },
    async check(_cloud, last) {
      if (!last) return
      // What was not delivered yet waits, and is delivered now.
      await expect
        .poll(() => [...published].filter((id) => !received.has(id)), {timeout: 60_000, interval: 200})
        .toEqual([])
    },
  }
}
