import {once} from 'node:events'
import {createServer, type Server} from 'node:http'
import {json} from 'node:stream/consumers'
import {expect, it, onTestFinished} from 'vitest'
import {LocalCloud} from '../../../src/local-cloud/index.ts'
import {ManualClock} from '../../support/manual-clock.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'

const MINUTE_MS = 60_000
const PUBSUB = 'pubsub.googleapis.com/subscription'

interface Json {
  [member: string]: unknown
}

/** A local cloud with a subscription `files` of the topic `files`, and a webhook of its own. */
async function start(statuses: number[] = []) {
  const received: unknown[] = []
  const arrivals = new EventTarget()
  const webhook = createServer((request, response) => {
    const take = async () => {
      received.push(await json(request))
      response.writeHead(statuses.shift() ?? 200).end()
      arrivals.dispatchEvent(new Event('call'))
    }
    void take()
  }).listen(0, '127.0.0.1')
  await once(webhook, 'listening')
  onTestFinished(() => void webhook.close())
  const address = webhook.address()
  const clock = new ManualClock()
  const stateFolder = await temporaryFolder()
  const open = async () => LocalCloud.start({stateFolder, clock})
  let cloud = await open()
  onTestFinished(() => cloud[Symbol.asyncDispose]())
  const call = async (method: string, path: string, body?: object): Promise<Json> => {
    const response = await fetch(`${cloud.endpoint}${path}`, {
      method,
      ...(body === undefined ? {} : {body: JSON.stringify(body)}),
    })
    const answer: Json = Object(await response.json())
    if (!response.ok) throw new Error(`${response.status} ${JSON.stringify(answer)}`)
    return answer
  }
  await call('PUT', '/v1/projects/shop/topics/files', {})
  await call('PUT', '/v1/projects/shop/subscriptions/files', {topic: 'projects/shop/topics/files'})
  const channel = await call('POST', '/v3/projects/shop/notificationChannels', {
    type: 'webhook_tokenauth',
    displayName: 'ours',
    labels: {url: `http://127.0.0.1:${portOf(address)}/alerts`},
  })
  return {
    call,
    clock,
    received,
    channel: String(channel['name']),
    /** Resolves with the webhook's next call, or its `count`th. */
    calls: async (count: number) => {
      while (received.length < count) await once(arrivals, 'call')
      return received.map((body): Json => Object(body).incident)
    },
    policy: (threshold: object, more: object = {}) =>
      call('POST', '/v3/projects/shop/alertPolicies', {
        displayName: 'shop: waiting',
        combiner: 'OR',
        conditions: [{displayName: 'a file waits', conditionThreshold: threshold}],
        notificationChannels: [channel['name']],
        ...more,
      }),
    publish: () => call('POST', '/v1/projects/shop/topics/files:publish', {messages: [{data: 'YQ=='}]}),
    acknowledgeAll: async () => {
      const name = '/v1/projects/shop/subscriptions/files'
      const {receivedMessages} = await call('POST', `${name}:pull`, {maxMessages: 100})
      const ackIds = (Array.isArray(receivedMessages) ? receivedMessages : []).map(({ackId}) => ackId)
      await call('POST', `${name}:acknowledge`, {ackIds})
    },
    restart: async () => {
      await cloud[Symbol.asyncDispose]()
      cloud = await open()
    },
  }
}

const portOf = (address: ReturnType<Server['address']>): number =>
  typeof address === 'object' && address !== null ? address.port : 0

const filter = (metric: string, more = '') =>
  `resource.type = "pubsub_subscription" AND resource.labels.subscription_id = "files" AND metric.type = "${PUBSUB}/${metric}"${more}`

const WAITING = {filter: filter('num_undelivered_messages'), comparison: 'COMPARISON_GT', duration: '0s'}

it('calls the webhook once when messages wait and once when none does, also over a restart', async () => {
  const {policy, publish, calls, acknowledgeAll, received, restart} = await start()
  const {name, conditions} = await policy(WAITING, {userLabels: {team: 'risk'}})
  await publish()
  const [opened] = await calls(1)
  expect(received[0]).toMatchObject({version: '1.2'})
  expect(opened).toMatchObject({
    state: 'open',
    started_at: Date.parse('2026-01-01T00:00:00Z') / 1000,
    ended_at: null,
    policy_name: 'shop: waiting',
    policy_user_labels: {team: 'risk'},
    condition_name: 'a file waits',
    condition: Object(conditions)[0],
    observed_value: '1.000',
    threshold_value: '0',
    scoping_project_id: 'shop',
    resource: {type: 'pubsub_subscription', labels: {project_id: 'shop', subscription_id: 'files'}},
    metric: {type: `${PUBSUB}/num_undelivered_messages`},
  })
  expect(Object(opened?.['condition']).name).toMatch(`${String(name)}/conditions/`)
  await publish()
  await restart()
  await acknowledgeAll()
  const [, closed, ...more] = await calls(2)
  expect(closed).toMatchObject({state: 'closed', incident_id: opened?.['incident_id']})
  expect(more).toEqual([])
})

it('sees a message that grows too old, and a subscription from which nothing is acknowledged, by the clock', async () => {
  const {policy, publish, calls, acknowledgeAll, clock, received} = await start()
  await policy({
    filter: filter('oldest_unacked_message_age'),
    comparison: 'COMPARISON_GT',
    thresholdValue: 600,
    duration: '0s',
  })
  await publish()
  await clock.advance(10 * MINUTE_MS)
  expect(received).toEqual([])
  await clock.advance(1)
  expect(await calls(1)).toMatchObject([{state: 'open', observed_value: '600.001'}])
  await acknowledgeAll()
  expect((await calls(2))[1]).toMatchObject({state: 'closed'})

  await policy({
    filter: filter('push_request_count', ' AND metric.labels.response_class = "ack"'),
    comparison: 'COMPARISON_LT',
    thresholdValue: 1,
    duration: '60s',
    aggregations: [{alignmentPeriod: '1800s', perSeriesAligner: 'ALIGN_SUM'}],
  })
  await clock.advance(31 * MINUTE_MS - 1)
  expect(received).toHaveLength(2)
  await clock.advance(1)
  expect((await calls(3))[2]).toMatchObject({state: 'open', metric: {type: `${PUBSUB}/push_request_count`}})
  await publish()
  await acknowledgeAll()
  expect((await calls(4))[3]).toMatchObject({state: 'closed'})
})

it('calls a webhook that fails again, a few times', async () => {
  const {policy, publish, calls, clock, call} = await start([500, 503])
  await policy(WAITING)
  await publish()
  await calls(1)
  await clock.armed(1000)
  await clock.advance(1000)
  await calls(2)
  await clock.armed(10_000)
  await clock.advance(10_000)
  const all = await calls(3)
  expect(new Set(all.map(({incident_id: id}) => id)).size).toBe(1)
  await expect
    .poll(async () => {
      const {entries} = await call('POST', '/v2/entries:list', {
        resourceNames: ['projects/shop'],
        filter: 'logName = "projects/shop/logs/monitoring.googleapis.com%2Fnotifications"',
      })
      return (Array.isArray(entries) ? entries : []).map(({textPayload}) => String(textPayload))
    })
    .toEqual([
      expect.stringMatching(/^Not sent to .* \(answered 500\): .* Trying again in 1 s\.$/),
      expect.stringMatching(/^Not sent to .* \(answered 503\): .* Trying again in 10 s\.$/),
      expect.stringMatching(/^Sent to http/),
    ])
})

it('keeps channels that policies use, and refuses what it does not serve by name', async () => {
  const {policy, call, channel} = await start()
  const {name} = await policy(WAITING)
  await expect(call('DELETE', `/v3/${channel}`)).rejects.toThrow(String(name))
  const renamed = await call('PATCH', `/v3/${String(name)}?updateMask=enabled`, {name, enabled: false})
  expect(renamed).toMatchObject({enabled: false, displayName: 'shop: waiting'})
  expect((await call('GET', '/v3/projects/shop/alertPolicies'))['alertPolicies']).toEqual([renamed])
  await call('DELETE', `/v3/${String(name)}`)
  await call('DELETE', `/v3/${channel}`)
  await expect(
    call('POST', '/v3/projects/shop/notificationChannels', {type: 'sms', labels: {number: '1'}}),
  ).rejects.toThrow('Notification channels of type \\"sms\\" are not served by the local cloud')
})
